import type { Caller, Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { own } from '../../matrix/json.ts'
import type { Tx } from '../../storage/index.ts'
import type { Account } from '../../users/index.ts'
import type { ProviderParts } from '../deps.ts'
import type { Claims, Identity } from '../../identity/index.ts'
import { deviceOf, type JwtProvider, sidOf, type VerificationKey, type Verified } from '../jwt/index.ts'
import { hashToken } from '../../sessions/index.ts'
import type { Revocations } from './revocations.ts'
import { type Mark, noteBearerDevice, readBearerDevice, takeBearerDevices } from './store.ts'

/** What is known of a session that a token of a provider stands for directly. */
interface Facts {
  readonly hash: string
  readonly provider: string
  readonly key: VerificationKey
  readonly marks: readonly Mark[]
  /** What the tokens of the same device, and no others, have in common. */
  readonly mark: Mark
  readonly issued: number | undefined
  readonly expires: number
}

/** What a provider or the operator ends: a user, a session of the provider's, or one token. With a subject, those of that user alone. */
export interface EndedTokens {
  readonly subject?: string | undefined
  readonly sid?: string | undefined
  readonly jti?: string | undefined
  /** With subject and session: tokens of the user that name no session, too. */
  readonly unnamed?: boolean | undefined
}

/** What has ended, as marks. @param provider the people */
const marksOf = (provider: string, { subject, sid, jti, unnamed }: EndedTokens): Mark[] => {
  const of = (kind: Mark['kind'], value: string): Mark => ({ provider, kind, value })
  const within = (kind: 'sid' | 'jti', value: string): Mark =>
    subject === undefined ? of(kind, value) : of(`subject_${kind}`, JSON.stringify([subject, value]))
  return [
    ...(sid === undefined ? [] : [within('sid', sid)]),
    ...(jti === undefined ? [] : [within('jti', jti)]),
    ...(subject !== undefined && sid !== undefined && unnamed === true ? [of('sidless', subject)] : []),
    ...(subject !== undefined && sid === undefined && jti === undefined ? [of('sub', subject)] : []),
  ]
}

/** Tokens of providers as access tokens: verified once, and then answered from memory until they run out or are revoked. */
export interface Bearer {
  /** Whether this may be such a token; an access token of ours never is. */
  takes(token: string): boolean
  /** Whose token it is, by its hash. @throws MatrixError 401 M_UNKNOWN_TOKEN, M_USER_LOCKED */
  open(token: string, hash: string, caller: Caller): Promise<Session>
  /** Whether the session is one that just this token stands for. */
  isTokenOf(session: Session, token: unknown): boolean
  /** The provider whose token the session stands for; undefined for a session of ours. */
  providerOf(session: Session): string | undefined
  /** Ends tokens that have not run out, for good. Of a subject: those that were issued until now. */
  revoke(provider: string, ended: EndedTokens): Promise<void>
  /** Ends, inside a write, the tokens of a session that has no device. False when it is none of ours. */
  revokeSession(tx: Tx, session: Session): Promise<boolean>
  /** Ends, inside a write, every token of a user that was issued until now; does nothing when the session to be kept, `but`, is one of these. */
  revokeUser(tx: Tx, user: number, but?: Session): Promise<void>
  /** Ends, inside a write, the tokens of devices that are being deleted. */
  revokeDevices(tx: Tx, devices: readonly number[]): Promise<void>
}

const unknownToken = (message = 'This access token is not valid', code?: string): MatrixError =>
  new MatrixError('M_UNKNOWN_TOKEN', message, code === undefined ? {} : { extra: { code } })

/** The answer to a token that is not taken. One that has run out asks for a new one, and leaves the client its keys. */
const refusal = ({ code, reason }: Verified & { ok: false }): MatrixError => {
  // It may be a good one. Of all answers this is the one that makes every client come again, and none sign out.
  if (code === 'keys_unavailable')
    return new MatrixError('M_LIMIT_EXCEEDED', reason, { retryAfterMs: 5000, extra: { code } })
  const soft = code === 'expired' || code === 'too_old'
  return new MatrixError('M_UNKNOWN_TOKEN', soft ? 'This access token has run out' : 'This access token is not valid', {
    extra: { code, ...(soft && { soft_logout: true }) },
  })
}

const issuedOf = (claims: Claims): number | undefined => {
  const issued = own(claims, 'iat')
  return typeof issued === 'number' ? issued * 1000 : undefined
}

/** A locked account is let in, to log out; http/ asks the session for the rest. Every other refusal ends the token. */
const refusedAccount = (error: unknown): unknown => {
  if (
    !(error instanceof MatrixError) ||
    error.status >= 500 ||
    error.status === 429 ||
    error.errcode === 'M_USER_LOCKED'
  )
    return error
  return new MatrixError('M_UNKNOWN_TOKEN', error.message, { extra: { code: error.body()['code'] ?? error.errcode } })
}

/** What taking tokens of providers as access tokens takes. */
type BearerDeps = Pick<ProviderParts, 'keyring' | 'sessions' | 'identities' | 'devices' | 'database' | 'log' | 'logger'>

export const createBearer = (deps: BearerDeps, revocations: Revocations): Bearer => {
  const { keyring } = deps
  const { cache } = deps.sessions
  const enabled = keyring.providers.some(({ bearer }) => bearer)
  const known = new WeakMap<Session, Facts>()

  const factsOf = (
    provider: JwtProvider,
    verified: Verified & { ok: true },
    hash: string,
  ): Facts & { deviceId: string | undefined } => {
    const { claims, subject, expires = Infinity } = verified
    const { people } = deps.identities.policyFor(provider.id)
    const of = (kind: Mark['kind'], value: string): Mark => ({ provider: people, kind, value })
    const [sid, jti, deviceId] = [sidOf(claims), own(claims, 'jti'), deviceOf(provider, claims)]
    const token = of('token', hash)
    const session = sid === undefined ? undefined : of('subject_sid', JSON.stringify([subject, sid]))
    const itself = typeof jti === 'string' ? of('subject_jti', JSON.stringify([subject, jti])) : undefined
    const anybodys = [sid === undefined ? of('sidless', subject) : of('sid', sid)]
    if (typeof jti === 'string') anybodys.push(of('jti', jti))
    const device = deviceId === undefined ? undefined : of('device', JSON.stringify([subject, deviceId]))
    // A device that a claim names may come back with a new token; one that is made of a session of the provider's ends with that.
    const mark = (provider.deviceClaim === undefined ? (session ?? itself) : device) ?? token
    const marks = [token, of('sub', subject), session, itself, device, ...anybodys].filter((one) => one !== undefined)
    return { hash, provider: provider.id, key: verified.key, marks, mark, issued: issuedOf(claims), expires, deviceId }
  }

  /** The short id of the device, made where it is not there yet. */
  const deviceNid = async (user: number, deviceId: string, mark: Mark, caller: Caller): Promise<number> => {
    const device = await deps.devices.get(user, deviceId)
    if (device && (await readBearerDevice(deps.database.read, device.nid)) === mark.value) return device.nid
    return deps.log.write(async (tx) => {
      const made = await deps.devices.ensure(tx, { user, deviceId, ip: caller.ip, userAgent: caller.userAgent })
      await noteBearerDevice(tx.sql, made.nid, mark)
      return made.nid
    })
  }

  const accountFor = async (identity: Identity, caller: Caller): Promise<Account> => {
    try {
      return await deps.identities.enter(identity, { ip: caller.ip }, 'logout')
    } catch (error) {
      throw refusedAccount(error)
    }
  }

  const open: Bearer['open'] = async (token, hash, caller) => {
    const before = cache.revocations
    const verified = await keyring.verify(token)
    const provider = verified && keyring.providers.find(({ id }) => id === verified.provider)
    if (!provider?.bearer) throw unknownToken()
    if (!verified?.ok) {
      if (verified)
        deps.logger.info(
          { ip: caller.ip, provider: provider.id, rule: verified.failed, code: verified.code, reason: verified.reason },
          'an access token of an identity provider was refused',
        )
      throw verified ? refusal(verified) : unknownToken()
    }
    const { deviceId, ...facts } = factsOf(provider, verified, hash)
    if (revocations.covers(facts.marks, facts.issued)) throw unknownToken('This access token was revoked', 'revoked')
    const account = await accountFor(
      { provider: provider.id, subject: verified.subject, claims: verified.claims },
      caller,
    )
    const device = deviceId === undefined ? null : await deviceNid(account.nid, deviceId, facts.mark, caller)
    const session: Session = {
      user: account.nid,
      userId: account.userId,
      device,
      deviceId: deviceId ?? null,
      tokenId: deps.sessions.tokenIds.next(),
      admin: account.admin,
      guest: account.guest,
      locked: account.locked,
      suspended: account.suspended,
    }
    known.set(session, facts)
    if (revocations.covers(facts.marks, facts.issued)) throw unknownToken('This access token was revoked', 'revoked')
    // What was revoked meanwhile may have been this: the next request looks again.
    if (cache.revocations === before) cache.put(hash, session, facts.expires)
    return session
  }

  keyring.onGone((provider, gone) =>
    cache.revokeAll((session) => {
      const facts = known.get(session)
      return facts?.provider === provider && gone.includes(facts.key)
    }),
  )

  const end = async (tx: Tx, marks: readonly Mark[], expires: number | null = null): Promise<void> => {
    if (marks.length === 0) return
    for (const mark of marks) await revocations.add(tx, { ...mark, expires })
    const ended = (facts: Facts | undefined): boolean =>
      facts !== undefined && revocations.covers(facts.marks, facts.issued)
    cache.revokeAll((session) => ended(known.get(session)))
  }

  return {
    takes: (token) => enabled && !token.startsWith('lk') && token.includes('.'),
    open,
    isTokenOf: (session, token) => typeof token === 'string' && known.get(session)?.hash === hashToken(token),
    providerOf: (session) => known.get(session)?.provider,
    revoke: async (provider, ended) => {
      if (!deps.identities.policies.has(provider))
        throw new MatrixError('M_INVALID_PARAM', `There is no identity provider "${provider.slice(0, 64)}"`)
      const { people } = deps.identities.policyFor(provider)
      await deps.database.write((tx) => end(tx, marksOf(people, ended)))
    },
    revokeSession: async (tx, session) => {
      const facts = known.get(session)
      if (!facts) return false
      await end(tx, [facts.mark], Number.isFinite(facts.expires) ? facts.expires : null)
      return true
    },
    revokeUser: async (tx, user, but) => {
      if (!enabled || (but && known.has(but))) return
      const links = await deps.identities.links.of(user, tx)
      await end(
        tx,
        links.map(({ provider, subject }) => ({ provider, kind: 'sub' as const, value: subject })),
      )
    },
    revokeDevices: async (tx, devices) => end(tx, await takeBearerDevices(tx, devices)),
  }
}
