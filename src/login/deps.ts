import type { Config } from '../config/index.ts'
import type { Devices } from '../devices/index.ts'
import type { Database, Sequence } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import type { Policy } from './engine/index.ts'
import type { Failures } from './failures.ts'
import type { JwtProvider } from './jwt/index.ts'
import type { Passwords } from './password.ts'
import type { SessionCache } from './session-cache.ts'
import type { InteractiveAuth } from './uia/engine.ts'

/** What sign-in says to the operator. A pino logger is one. Tokens and secrets are never among the details. */
export interface LoginLog {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

/** The settings that sign-in follows. */
export type LoginConfig = Pick<Config, 'server_name' | 'public_base_url' | 'well_known' | 'jwt_config' | 'identity_providers' | 'password_login'
  | 'registration' | 'registration_tokens' | 'registration_shared_secret' | 'allow_guests' | 'access_token_lifetime' | 'rate_limits'>

/** What login/ is given. */
export interface LoginDeps {
  readonly database: Database
  readonly log: Log
  readonly users: Users
  readonly devices: Devices
  readonly config: LoginConfig
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** 256 random bits, URL-safe. */
  readonly randomId: () => string
  readonly randomBytes: (count: number) => Uint8Array
  readonly logger: LoginLog
  /** Port to appservice/: whether one keeps this user id for itself. */
  readonly isExclusive: (userId: string) => boolean
}

/** What the parts of login/ share. */
export interface LoginContext extends LoginDeps {
  readonly serverName: string
  readonly providers: readonly JwtProvider[]
  /** What the operator has settled about the people of each provider, by its id. */
  readonly policies: ReadonlyMap<string, Policy>
  readonly passwords: Passwords
  readonly cache: SessionCache
  readonly failures: Failures
  readonly uia: InteractiveAuth
  /** Ids of tokens, none given twice: sessions and transactions are told apart by them. */
  readonly tokenIds: Sequence
}
