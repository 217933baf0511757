import type { Config } from '../config/index.ts'
import type { Devices } from '../devices/index.ts'
import type { Limiter, Outgoing } from '../http/index.ts'
import type { Login } from '../login/index.ts'
import type { Sessions } from '../sessions/index.ts'
import type { Database } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import type { Keys } from './keys.ts'

/** What the OAuth 2.0 server says to the operator. A pino logger is one. Codes and tokens are never among the details. */
export interface OAuthLog {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

/** The settings it follows. */
export type OAuthSettings = Exclude<Config['oauth'], 'off'>

/** What oauth/ is given. */
export interface OAuthDeps {
  readonly database: Database
  readonly log: Log
  readonly users: Users
  readonly devices: Devices
  readonly sessions: Sessions
  readonly login: Login
  readonly outgoing: Outgoing
  readonly config: Pick<Config, 'server_name' | 'public_base_url' | 'registration'> & { readonly oauth: OAuthSettings }
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** 256 random bits, URL-safe. */
  readonly randomId: () => string
  readonly randomBytes: (count: number) => Uint8Array
  readonly logger: OAuthLog
}

/** What the parts of oauth/ share. */
export interface OAuthContext extends OAuthDeps {
  /** The address that people and clients reach this server by, without a slash at its end. */
  readonly publicUrl: string
  /** What this server calls itself: the same with what was configured. */
  readonly issuer: string
  readonly keys: Keys
  /** New clients, by address. */
  readonly registrations: Limiter
  /** Devices that ask to be let in, by address. */
  readonly deviceCodes: Limiter
  /** How often a device asks whether it was let in, by its code. */
  readonly polls: Limiter
}
