import type { Config } from '../config/index.ts'
import type { Devices } from '../devices/index.ts'
import type { Database } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import type { CountAttempt, Identities, PeoplePorts, SignInLog, Standing } from '../identity/index.ts'
import type { Mail } from './mail/sender.ts'
import type { Passwords } from './password/hashing.ts'
import type { PersonalTokens } from './personal-tokens/index.ts'
import type { Providers } from '../providers/index.ts'
import type { Sessions } from '../sessions/index.ts'
import type { InteractiveAuth } from './uia/engine.ts'

/** The settings that sign-in follows. */
export type LoginConfig = Pick<
  Config,
  | 'server_name'
  | 'public_base_url'
  | 'well_known'
  | 'sso'
  | 'embed'
  | 'oauth'
  | 'legacy_login'
  | 'password_login'
  | 'imported_password_pepper'
  | 'registration'
  | 'registration_tokens'
  | 'registration_shared_secret'
  | 'allow_guests'
  | 'email'
  | 'query_access_token'
  | 'jwt_config'
  | 'listen'
>

/** An application service, as far as signing in is concerned. */
export interface AppService {
  readonly id: string
  /** Whether it may ask as this user. */
  covers(userId: string): boolean
  /** Whether it makes devices instead of signing in. */
  readonly withoutLogin: boolean
}

/** Port to appservice/: those that have accounts of their own here, and may ask in the names of these. */
export interface AppServices {
  /** Whether one, other than `but`, keeps this user id for itself. */
  keepsUser(userId: string, but?: string): boolean
  /** Whose token this is, by its hash. */
  byTokenHash(tokenHash: string): AppService | undefined
}

/** An app that has somebody's account by OAuth 2.0, as it says of itself. */
export interface SignedInApp {
  readonly name: string
  readonly uri: string | undefined
}

/** What login/ is given. */
export interface LoginDeps {
  readonly database: Database
  readonly log: Log
  readonly users: Users
  readonly devices: Devices
  readonly sessions: Sessions
  readonly identities: Identities
  readonly providers: Providers
  /** Whether sessions of providers still stand. */
  readonly standing: Standing
  readonly config: LoginConfig
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** 256 random bits, URL-safe. */
  readonly randomId: () => string
  readonly randomBytes: (count: number) => Uint8Array
  readonly logger: SignInLog
  /** Port to appservice/: whether one keeps this user id for itself. */
  readonly isExclusive: (userId: string) => boolean
  /** Ports to oauth/: whether a device is signed in by it, and which app each of a user's devices is, by their short ids. */
  readonly isOAuthSession: (device: number) => Promise<boolean>
  readonly appsOf: (user: number) => Promise<ReadonlyMap<number, SignedInApp>>
  /** Port to appservice/, where there are any. */
  readonly appservices?: AppServices | undefined
  /** How mail is sent; left out where none is. */
  readonly mail?: Mail | undefined
  readonly count?: CountAttempt | undefined
  /** Ports to media/, for the pictures of people. */
  readonly people?: Pick<PeoplePorts, 'savePicture' | 'showPicture'> | undefined
}

/** What the files of login/ share: what the folder was given, and what it holds. Each takes what it names. */
export interface LoginParts extends LoginDeps {
  readonly serverName: string
  readonly passwords: Passwords
  readonly uia: InteractiveAuth
  readonly personalTokens: PersonalTokens
}
