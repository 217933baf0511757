import type { Authenticate, MayHaveEnded, Route, Session } from '../http/index.ts'
import { openSequence, type Sequence } from '../storage/index.ts'
import type { LogTx } from '../streams/index.ts'
import type { Account } from '../users/index.ts'
import { authenticate } from './authenticate.ts'
import { createSessionCache, type SessionCache } from './cache.ts'
import type { SessionParts, SessionsDeps } from './deps.ts'
import { endFrom } from './end-from.ts'
import { type Failures, failuresBy } from './failures.ts'
import { createLoginTokens, type LoginTokens } from './login-tokens.ts'
import { followChanges, logoutAll } from './logout.ts'
import { openSession } from './open.ts'
import { sessionRoutes } from './routes.ts'
import type { Opened, WantedSession } from './session.ts'
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
  /** Ends every session of a user, or all but one; their devices go with them. */
  endAll(user: number, but?: Session): Promise<void>
  /** Ends the sessions that came of what a provider has ended, and says how many. `people` is what links are kept under. */
  endFrom(people: string, ended: Ended, how: 'soft' | 'hard'): Promise<number>
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

const cachedSessions = 50_000

/** Builds sessions/. */
export const openSessions = async (deps: SessionsDeps): Promise<Sessions> => {
  const parts: SessionParts = {
    ...deps,
    cache: createSessionCache(cachedSessions),
    tokenIds: await openSequence(deps.database, 'tokens'),
  }
  const { cache, tokenIds } = parts
  followChanges(parts)
  return {
    routes: sessionRoutes(parts),
    authenticate: (token, caller) => authenticate(parts, token, caller),
    open: (known, settle, wanted) => openSession(parts, known, settle, wanted),
    endAll: (user, but) => logoutAll(parts, user, but),
    endFrom: (people, ended, how) => endFrom(parts, people, ended, how),
    originOf: (device) => readOrigin(deps.database.read, device),
    loginTokens: createLoginTokens(deps),
    failures: failuresBy(deps.config.rate_limits, deps.now),
    cache,
    tokenIds,
    onEnded: (listener) => cache.onRevoke(listener),
  }
}
