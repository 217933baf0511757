import { hkdfSync } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import {
  createSeal,
  deleteLoginTokensFrom,
  expireTokens,
  type ProviderSession,
  readDevicesOf,
  type Seal,
  type Sessions,
} from '../../sessions/index.ts'
import type { Database } from '../../storage/index.ts'
import { policyFor } from '../policies.ts'
import type { Policy } from '../policy.ts'
import type { SignInLog } from '../ports.ts'
import { deleteEvidence, putEvidence, readEvidence, sweepEvidence } from './store.ts'

/** A provider that can be asked whether a session of its still stands. */
export interface Asker {
  readonly provider: string
  /** What it is asked about: its session, which ends once and for all, or one token, after which there may be others. */
  readonly about: 'session' | 'token'
  /** How old its last word may be, in ms. */
  readonly everyMs: number
  /** What evidence is sealed with where it is kept: it is of use to who has this secret only, and so is what it is sealed with. */
  readonly secret: string
  /** @param evidence a token of the session; a new one may take its place. Rejects when there is no answer. */
  ask(evidence: string): Promise<{ stands: boolean; evidence?: string | undefined }>
}

/** Sessions that go on only as long as the provider says so. */
export interface Standing {
  /** Keeps what a provider has just given, which can be asked with later. Does nothing for a provider that is not asked. */
  keep(asker: string, from: ProviderSession, evidence: string | undefined): Promise<void>
  /** The same for what somebody has brought: it is asked first whether it is good still. @throws MatrixError M_FORBIDDEN */
  begin(asker: string, from: ProviderSession, evidence: string | undefined): Promise<void>
  /** Resolves when the session still stands; undefined when nobody has to be asked. @throws MatrixError M_UNKNOWN_TOKEN, softly */
  pending(session: Session, token: string): Promise<void> | undefined
  /** The same of whatever comes of a provider's session. */
  holds(from: ProviderSession): Promise<void>
  /** The same of a device. */
  holdsDevice(device: number): Promise<void>
  /** Whoever holds more than sessions that come of it is told when it has ended. */
  onEnd(listener: (from: ProviderSession) => void): void
}

interface State {
  confirmed: number
  /** Of a token: that it is good no more. Nobody has to be asked again. */
  over: boolean
  asking: Promise<boolean> | undefined
  readonly everyMs: number
  /** Whether it stands; ends what does not. */
  readonly look: () => Promise<boolean>
}

/** A request waits no longer than this for a provider that does not answer, in ms. */
const patienceMs = 2000
const mostStates = 50_000
const forever = 100 * 365 * 86_400_000

const ended = (): MatrixError =>
  new MatrixError('M_UNKNOWN_TOKEN', 'Your session at the identity provider has ended: sign in again', {
    extra: { soft_logout: true, code: 'provider_session_ended' },
  })

const keyOf = ({ provider, subject, sid }: ProviderSession): string => JSON.stringify([provider, subject, sid ?? null])

/** What asking providers takes. */
export interface StandingDeps {
  readonly database: Database
  readonly logger: SignInLog
  readonly now: () => number
  readonly randomBytes: (count: number) => Uint8Array
  readonly policies: ReadonlyMap<string, Policy>
  readonly sessions: Pick<Sessions, 'originOf' | 'cache'>
  /** Tokens of providers that are access tokens themselves. */
  readonly bearer: {
    providerOf(session: Session): string | undefined
    revoke(provider: string, ended: { sid: string; subject: string }): Promise<void>
  }
}

/** Whether a session stands, asked at most every few seconds while it is in use. While a provider does not answer, its last word holds. */
export const openStanding = (deps: StandingDeps, askers: readonly Asker[]): Standing => {
  const { database, logger, now, randomBytes, sessions } = deps
  const byId = new Map(askers.map((asker) => [asker.provider, asker]))
  const seals = new Map(
    askers.map(({ provider, secret }): [string, Seal<{ evidence: string }>] => {
      const key = new Uint8Array(hkdfSync('sha256', secret, '', `evidence of ${provider}`, 32))
      return [provider, createSeal({ key, now, randomBytes }, `evidence of ${provider}`, forever)]
    }),
  )
  const people = new Set(askers.map(({ provider }) => policyFor(deps, provider).people))
  const listeners: ((from: ProviderSession) => void)[] = []
  const ofOrigins = new Map<string, State>()
  const ofSessions = new WeakMap<Session, State | 'free'>()

  const keep = async (from: ProviderSession, { provider }: Asker, evidence: string): Promise<void> => {
    const sealed = seals.get(provider)?.seal({ evidence }) ?? ''
    await database.write(async (tx) => {
      await putEvidence(tx, from, { asker: provider, sealed })
      await sweepEvidence(tx, from)
    })
  }

  /** @param whole whether it is the provider's session that has ended, and not just the token that there was to ask with */
  const end = async (from: ProviderSession, whole: boolean): Promise<void> => {
    const { sid } = from
    const devices = await database.write(async (tx) => {
      await deleteEvidence(tx, from)
      if (whole && sid !== undefined) await deleteLoginTokensFrom(tx, from.provider, { sid, subject: from.subject })
      const found = await readDevicesOf(tx, from)
      await expireTokens(tx, found, now())
      return found
    })
    sessions.cache.revokeDevices(devices)
    if (whole && sid !== undefined) await deps.bearer.revoke(from.provider, { sid, subject: from.subject })
    for (const listener of listeners) listener(from)
    ofOrigins.delete(keyOf(from))
    logger.info(
      { provider: from.provider, sessions: devices.length },
      'a provider says that a session of its has ended, and ours that came of it do too',
    )
  }

  /** Whether any of the evidence for it is still good. */
  const lookAt = (from: ProviderSession) => async (): Promise<boolean> => {
    let [stands, whole] = [false, false]
    for (const { asker: id, sealed } of await readEvidence(database.read, from)) {
      const [asker, opened] = [byId.get(id), seals.get(id)?.open(sealed)]
      // Of a provider that is asked no more, or by another secret: nothing that anybody could be asked with.
      const answer = asker && opened ? await asker.ask(opened.evidence) : { stands: false }
      if (asker && answer.stands) {
        stands = true
        if (answer.evidence !== undefined && answer.evidence !== opened?.evidence)
          await keep(from, asker, answer.evidence)
      } else {
        whole ||= asker?.about === 'session'
        await database.write((tx) => deleteEvidence(tx, from, { asker: id, sealed }))
      }
    }
    // Somebody may have come in anew meanwhile.
    if (stands || (await readEvidence(database.read, from)).length > 0) return true
    await end(from, whole)
    return false
  }

  const stateOf = (from: ProviderSession, everyMs: number): State => {
    const key = keyOf(from)
    const known = ofOrigins.get(key)
    if (known) return known
    if (ofOrigins.size >= mostStates)
      for (const [old] of ofOrigins) if (ofOrigins.size >= mostStates) ofOrigins.delete(old)
    const state: State = { confirmed: -Infinity, over: false, asking: undefined, everyMs, look: lookAt(from) }
    ofOrigins.set(key, state)
    return state
  }

  /** Who has to be asked about what comes of it; undefined for nobody. */
  const findState = async (from: ProviderSession | undefined): Promise<State | undefined> => {
    if (!from || !people.has(from.provider)) return undefined
    const evidence = await readEvidence(database.read, from)
    if (evidence.length === 0) return undefined
    const every = Math.min(...evidence.map(({ asker }) => byId.get(asker)?.everyMs ?? 0))
    return stateOf(from, every)
  }

  const ofBearer = (session: Session, token: string): State | undefined => {
    const asker = byId.get(deps.bearer.providerOf(session) ?? '')
    if (!asker) return undefined
    const state: State = {
      confirmed: -Infinity,
      over: false,
      asking: undefined,
      everyMs: asker.everyMs,
      look: async () => {
        const { stands } = await asker.ask(token)
        state.over = !stands
        if (!stands)
          logger.info(
            { provider: asker.provider, user: session.userId },
            'a provider says that a token of its is good no more',
          )
        return stands
      },
    }
    return state
  }

  const confirm = async (state: State): Promise<void> => {
    if (state.over) throw ended()
    if (now() - state.confirmed < state.everyMs) return
    state.asking ??= state
      .look()
      .then(
        (stands) => {
          state.confirmed = stands ? now() : -Infinity
          return stands
        },
        (error: unknown) => {
          logger.warn({ err: error }, 'a provider cannot be asked whether a session still stands; it goes on')
          state.confirmed = now()
          return true
        },
      )
      .finally(() => {
        state.asking = undefined
      })
    const stop = new AbortController()
    const stands = await Promise.race([
      state.asking,
      delay(patienceMs, true, { signal: stop.signal, ref: false }),
    ]).finally(() => {
      stop.abort()
    })
    if (!stands) throw ended()
  }

  const confirmSession = async (session: Session, token: string): Promise<void> => {
    const state =
      ofBearer(session, token) ??
      (session.device === null ? undefined : await findState(await sessions.originOf(session.device)))
    ofSessions.set(session, state ?? 'free')
    if (state) await confirm(state)
  }

  const holds: Standing['holds'] = async (from) => {
    const state = await findState(from)
    if (state) await confirm(state)
  }

  return {
    keep: async (id, from, evidence) => {
      const asker = byId.get(id)
      if (!asker) return
      if (evidence === undefined) {
        logger.warn(
          { provider: id },
          'session_check is set, but the provider gives no refresh token: the session goes on whatever becomes of its own',
        )
        return
      }
      await keep(from, asker, evidence)
      stateOf(from, asker.everyMs).confirmed = now()
    },
    begin: async (id, from, evidence) => {
      const asker = byId.get(id)
      if (!asker || evidence === undefined) return
      // While the provider does not answer, its signature is its last word.
      const answer = await asker.ask(evidence).catch(() => ({ stands: true, evidence: undefined }))
      if (!answer.stands)
        throw new MatrixError('M_FORBIDDEN', 'Your session at the identity provider has ended', {
          extra: { code: 'provider_session_ended' },
        })
      await keep(from, asker, answer.evidence ?? evidence)
      stateOf(from, asker.everyMs).confirmed = now()
    },
    pending: (session, token) => {
      if (askers.length === 0) return undefined
      const state = ofSessions.get(session)
      if (state === undefined) return confirmSession(session, token)
      return state === 'free' || now() - state.confirmed < state.everyMs ? undefined : confirm(state)
    },
    holds,
    onEnd: (listener) => void listeners.push(listener),
    holdsDevice: async (device) => {
      const from = askers.length === 0 ? undefined : await sessions.originOf(device)
      if (from) await holds(from)
    },
  }
}
