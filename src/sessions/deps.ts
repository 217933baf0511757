import type { Config } from '../config/index.ts'
import type { Devices } from '../devices/index.ts'
import type { Caller, Session } from '../http/index.ts'
import type { Database, Sequence, Tx } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import type { SessionCache } from './cache.ts'
import type { Endings } from './endings.ts'

/** What sessions/ is given. */
export interface SessionsDeps {
  readonly database: Database
  readonly log: Log
  readonly users: Pick<Users, 'account' | 'onChange' | 'onUnlock'>
  readonly devices: Pick<Devices, 'ensure' | 'delete' | 'deleteAll' | 'onDelete' | 'seen'>
  readonly config: Pick<Config, 'access_token_lifetime' | 'rate_limits'>
  readonly logger: { warn(details: object, message: string): void }
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** 256 random bits, URL-safe. */
  readonly randomId: () => string
  /** Port to appservice/, where there are any. */
  readonly services?: ServiceTokens | undefined
  /** Port to providers/, asked for with the first request. */
  readonly bearer: () => ProviderTokens
  /** Port to identity/, asked for with the first request. */
  readonly standing: () => ProviderStanding
}

/** What the files of sessions/ share: what the folder was given, and what it holds. Each takes what it names. */
export interface SessionParts extends SessionsDeps {
  readonly cache: SessionCache
  /** What has ended lately. */
  readonly endings: Endings
  /** Ids of tokens, none given twice: sessions and transactions are told apart by them. */
  readonly tokenIds: Sequence
  /** Run in the write that opens a session on a device that was there: what came of the one before is forgotten. */
  readonly reopened: ((tx: Tx, device: number) => Promise<void>)[]
}

/** Tokens of application services, which are access tokens. */
export interface ServiceTokens {
  /** Who asks when the service of this token does; undefined when it is no such token. */
  open(tokenHash: string, caller: Caller): Promise<Session> | undefined
}

/** Tokens of identity providers that are access tokens themselves. */
export interface ProviderTokens {
  /** Whether this may be such a token; an access token of ours never is. */
  takes(token: string): boolean
  /** Whose token it is, by its hash. @throws MatrixError 401 M_UNKNOWN_TOKEN, M_USER_LOCKED */
  open(token: string, hash: string, caller: Caller): Promise<Session>
  /** Ends, inside a write, the tokens of a session that has no device. False when it is none of these. */
  revokeSession(tx: Tx, session: Session): Promise<boolean>
  /** Ends, inside a write, every token of a user that was issued until now; does nothing when the session to be kept, `but`, is one of these. */
  revokeUser(tx: Tx, user: number, but?: Session): Promise<void>
  /** Ends, inside a write, the tokens of devices that are being deleted. */
  revokeDevices(tx: Tx, devices: readonly number[]): Promise<void>
}

/** Sessions that go on only as long as their provider says so. */
export interface ProviderStanding {
  /** Resolves when the session still stands; undefined when nobody has to be asked. @throws MatrixError M_UNKNOWN_TOKEN, softly */
  pending(session: Session, token: string): Promise<void> | undefined
  /** The same of a device. */
  holdsDevice(device: number): Promise<void>
}
