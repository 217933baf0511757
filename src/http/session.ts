import type { Json } from '../matrix/json.ts'

/** Who is asking: what a verified access token stands for. Built by sessions/, kept in memory while the token lives. */
export interface Session {
  /** Short id of the user (`users.nid`). */
  readonly user: number
  readonly userId: string
  /** Short id of the device, null for a token that stands for no device. */
  readonly device: number | null
  readonly deviceId: string | null
  readonly tokenId: number
  readonly admin: boolean
  readonly guest: boolean
  /** The account is locked: only routes of auth `locked` answer. */
  readonly locked: boolean
  /** The account is suspended: only routes that say so, and what only reads, answer. */
  readonly suspended: boolean
  /** Id of the application service that asks in this user's name; absent where the user asks. */
  readonly appservice?: string
  /** Whether rate limits do not hold for it. */
  readonly unlimited?: boolean
  /** How much an administrator lets this user send, in place of the usual limit; 0 a second: nothing is limited. */
  readonly rate?: Readonly<{ perSecond: number; burst: number }>
  /** What the user sends reaches nobody, and they are not told: features pretend. */
  readonly shadowBanned?: boolean
}

/** What is known of the request a token came with. */
export interface Caller {
  /** The client's address; that of the proxy unless the proxy is a trusted one. IPv4 is never spelled as IPv6. */
  readonly ip: string
  readonly userAgent: string | undefined
  readonly query: Readonly<Record<string, unknown>>
}

/**
 * Port, filled by sessions/: turns a token into a session, or throws a MatrixError (401 M_UNKNOWN_TOKEN, 401 M_USER_LOCKED …).
 * It is on the path of every request: a token seen before is answered without a promise.
 */
export type Authenticate = (token: string, caller: Caller) => Session | Promise<Session>

/** A request that another server says is its own. */
export interface SignedRequest {
  readonly method: string
  /** Path and query, as they came. */
  readonly uri: string
  /** Every `Authorization` header there is. */
  readonly authorization: readonly string[]
  /** What the body holds; undefined where there is none. */
  readonly content: Json | undefined
}

/** Port, filled by federation/: the name of the server that made a request. @throws MatrixError 401, 403 */
export interface AuthenticateServer {
  /** What can be said before the body is read: the name that the request claims. */
  claim(authorization: readonly string[]): string
  /** Whether it is that server indeed. */
  verify(request: SignedRequest): Promise<string>
}

/**
 * Who may use a route.
 * - `server`: other servers, by signature
 * - `none`: anybody, a token is not looked at; `optional`: anybody, a token that is there must be good
 * - `user`: signed-in accounts; `guest`: those and guests; `locked`: those, and locked accounts too (logout)
 */
export type Auth = 'server' | 'none' | 'optional' | 'user' | 'guest' | 'locked'

/** The type of `session` in a handler, by the route's `auth`. */
export type SessionOf<A extends Auth> = A extends 'none' | 'server'
  ? undefined
  : A extends 'optional'
    ? Session | undefined
    : Session
