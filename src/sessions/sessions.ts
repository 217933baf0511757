import type { Authenticate, MayHaveEnded, Route, Session } from '../http/index.ts'
import { openSequence, type Sequence, type Tx } from '../storage/index.ts'
import type { LogTx } from '../streams/index.ts'
import type { Account } from '../users/index.ts'
import { actAs, endActing } from './acting.ts'
import { authenticate } from './authenticate.ts'
import { createSessionCache, type SessionCache } from './cache.ts'
import type { SessionParts, SessionsDeps } from './deps.ts'
import { endFrom, endTicketsFrom } from './end-from.ts'
import { createEndings, type Endings } from './endings.ts'
import { type Failures, failuresBy } from './failures.ts'
import { createLoginTokens, type LoginTokens } from './login-tokens.ts'
import { endTickets, followChanges, logoutAll } from './logout.ts'
import { openSession } from './open.ts'
import { sessionRoutes } from './routes.ts'
import { derive } from './derive.ts'
import { refreshSession } from './refresh.ts'
import type { Opened, TokenForm, TokenOwner, Tokens, WantedSession } from './session.ts'
import { readEndedDevices } from './store/access.ts'
import { readTokenOwner } from './store/owner.ts'
import { hashToken } from './tokens.ts'
import { type Ended, type ProviderSession, readOrigin } from './store/origins.ts'

/** Who is signed in, and how that ends. */
export interface Sessions {
  readonly routes: readonly Route[]
  /** Fills the port of http/. */
  readonly authenticate: Authenticate
  /**
   * Opens a session on a new device, or on the device of that id, whose tokens then end. The account passes the gate; `settle`, if
   * given, makes or links it in the same write. @throws MatrixError as the gate does
   */
  open(
    known: Account | undefined,
    settle: ((tx: LogTx) => Promise<Account>) | undefined,
    wanted: WantedSession,
  ): Promise<Opened>
  /** Exchanges a refresh token of OAuth 2.0. @throws MatrixError M_UNKNOWN_TOKEN, softly where the session has run its time; as the gate does */
  refresh(token: string, form: TokenForm): Promise<Tokens>
  /** A further access token of the session, for at most as long as its own is good, and without a refresh token. @throws MatrixError M_LIMIT_EXCEEDED */
  derive(session: Session, lifetime: number): Promise<Tokens>
  /** Whose an access token or refresh token is, run out or not; undefined for what is none. Lets nobody in. */
  ownerOf(token: string): Promise<TokenOwner | undefined>
  /** Calls `forget` in the write that opens a session on a device that was there. */
  onReopen(forget: (tx: Tx, device: number) => Promise<void>): void
  /** Ends every session of a user, or all but one; their devices go with them. */
  endAll(user: number, but?: Session): Promise<void>
  /** Ends what a user has opened in browsers, or has on its way to a client, and leaves the sessions of their clients alone. */
  endTickets(user: number): Promise<void>
  /** A token by which `admin` acts as somebody else until `until` (ms; null: without an end). See acting.ts. @throws MatrixError */
  actAs(admin: number, account: Account, until: number | null): Promise<string>
  /** Ends the sessions in which an administrator acts as others. */
  endActing(admin: number): Promise<void>
  /** Ends the sessions that came of what a provider has ended, and says how many. `people` is what links are kept under. */
  endFrom(people: string, ended: Ended, how: 'soft' | 'hard'): Promise<number>
  /** The same for what is opened in browsers, or on its way to a client. */
  endTicketsFrom(people: string, ended: Ended): Promise<void>
  /** What has ended lately: for what is given out and not stored. */
  readonly endings: Endings
  /** Those of the devices whose sessions have ended although they are there: their apps have to sign in again. */
  endedDevices(devices: readonly number[]): Promise<ReadonlySet<number>>
  /** What the session of a device comes of. */
  originOf(device: number): Promise<ProviderSession | undefined>
  readonly loginTokens: LoginTokens
  readonly failures: Failures
  readonly cache: SessionCache
  /** Ids of tokens, none given twice: sessions and transactions are told apart by them. */
  readonly tokenIds: Sequence
  /** Fills the port of http/: calls `listener` with sessions that have ended, or whose account is not what it was. */
  onEnded(listener: (ended: MayHaveEnded) => void): void
}

/** Builds sessions/. */
export const openSessions = async (deps: SessionsDeps): Promise<Sessions> => {
  const parts: SessionParts = {
    ...deps,
    cache: createSessionCache(deps.database.memory),
    endings: createEndings(deps),
    tokenIds: await openSequence(deps.database, 'tokens'),
    reopened: [],
  }
  const { cache, tokenIds } = parts
  followChanges(parts)
  return {
    routes: sessionRoutes(parts),
    authenticate: (token, caller) => authenticate(parts, token, caller),
    open: (known, settle, wanted) => openSession(parts, known, settle, wanted),
    refresh: (token, form) => refreshSession(parts, token, form),
    derive: (session, lifetime) => derive(parts, session, lifetime),
    ownerOf: (token) => readTokenOwner(deps.database.read, hashToken(token)),
    onReopen: (forget) => void parts.reopened.push(forget),
    endAll: (user, but) => logoutAll(parts, user, but),
    endTickets: (user) => endTickets(parts, user),
    actAs: (admin, account, until) => actAs(parts, admin, account, until),
    endActing: (admin) => endActing(parts, admin),
    endFrom: (people, ended, how) => endFrom(parts, people, ended, how),
    endTicketsFrom: (people, ended) => endTicketsFrom(parts, people, ended),
    endings: parts.endings,
    endedDevices: (devices) => readEndedDevices(deps.database.read, devices, deps.now()),
    originOf: (device) => readOrigin(deps.database.read, device),
    loginTokens: createLoginTokens(deps),
    failures: failuresBy(deps.config.rate_limits, deps.now),
    cache,
    tokenIds,
    onEnded: (listener) => cache.onRevoke(listener),
  }
}
