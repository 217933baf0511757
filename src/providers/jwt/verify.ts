import { createHmac, timingSafeEqual, verify as verifySignature } from 'node:crypto'
import { own } from '../../matrix/json.ts'
import { type Algorithm, type AlgorithmName, algorithmOf } from './algorithms.ts'
import { checkAudience, checkIssuer, checkParty, checkTimes, checkType, onceOf, subjectOf } from './claims.ts'
import type { Claims } from '../../identity/index.ts'
import { decode, type Decoded } from './decode.ts'
import type { VerificationKey } from './keys.ts'
import type { JwtProvider } from './provider.ts'
import { JwtRefusal, quoted, type RefusalCode } from './refusal.ts'

/** One check that a token went through, for `auth explain` and the log. */
export interface Step {
  rule:
    | 'form'
    | 'algorithm'
    | 'type'
    | 'extensions'
    | 'key'
    | 'signature'
    | 'times'
    | 'issuer'
    | 'audience'
    | 'party'
    | 'once'
    | 'subject'
  /** What was found; the reason of the refusal in the last step of a refused token. */
  found: string
}

/** The outcome: whom the token speaks for, or why it is refused. `steps` has the checks in order, the failing one last. */
export type Verified =
  | {
      ok: true
      provider: string
      subject: string
      claims: Claims
      key: VerificationKey
      steps: Step[]
      /** When the token is good no more, leeway included, in ms; undefined: never. */
      expires: number | undefined
      /** The name of a token that is good once; undefined where tokens are not. */
      once: string | undefined
    }
  | { ok: false; provider: string; code: RefusalCode; reason: string; steps: Step[]; failed: Step['rule'] }

const allowedAlgorithm = (provider: JwtProvider, header: Claims): AlgorithmName => {
  const name = own(header, 'alg')
  const allowed = [...provider.algorithms].join(', ')
  if (name === undefined) throw new JwtRefusal('alg_missing', 'The header names no algorithm ("alg")')
  if (typeof name !== 'string') throw new JwtRefusal('alg_not_allowed', 'The algorithm ("alg") is not a string')
  if (name.toLowerCase() === 'none') throw new JwtRefusal('alg_none', 'The token is not signed (alg "none")')
  if (!provider.algorithms.has(name as AlgorithmName)) {
    throw new JwtRefusal('alg_not_allowed', `The token is signed with alg ${quoted(name)}, and ${allowed} is expected`)
  }
  return name as AlgorithmName
}

/** The keys that may have signed the token. `jku`, `jwk`, `x5u` and `x5c` in the header are never looked at. */
const candidateKeys = (
  keys: readonly VerificationKey[],
  header: Claims,
  algorithm: AlgorithmName,
): VerificationKey[] => {
  const kid = own(header, 'kid')
  if (kid !== undefined && typeof kid !== 'string')
    throw new JwtRefusal('kid_unknown', 'The key id ("kid") is not a string')
  const named = kid === undefined ? keys : keys.filter((key) => key.kid === kid)
  const chosen = named.length > 0 ? named : keys.filter((key) => key.kid === undefined)
  if (keys.length === 0) throw new JwtRefusal('keys_unavailable', 'The keys of the issuer could not be read yet')
  if (chosen.length === 0) throw new JwtRefusal('kid_unknown', `No key is known by the key id ("kid") ${quoted(kid)}`)
  const suitable = chosen.filter((key) => key.algorithms.has(algorithm))
  if (suitable.length === 0)
    throw new JwtRefusal('key_unsuitable', `The key that the token names is not for ${algorithm}`)
  return suitable
}

/**
 * `node:crypto` and not `jose`: its WebCrypto path costs 50 to 100 µs for an HMAC, this one 2. RSA takes 25 µs and the common
 * curves about 100, less than it is worth to hand to a thread; only P-521 (ES512), which hardly anybody uses, takes above a millisecond.
 */
const signatureFits = (algorithm: Algorithm, { key }: VerificationKey, { signed, signature }: Decoded): boolean => {
  if (algorithm.kind === 'hmac') {
    const expected = createHmac(algorithm.hash, key).update(signed).digest()
    return expected.length === signature.length && timingSafeEqual(expected, signature)
  }
  const data = Buffer.from(signed)
  if (algorithm.kind === 'rsa') return verifySignature(algorithm.hash, data, { key, ...algorithm.pss }, signature)
  if (algorithm.kind === 'ec')
    return verifySignature(algorithm.hash, data, { key, dsaEncoding: 'ieee-p1363' }, signature)
  return verifySignature(null, data, key, signature)
}

const signingKey = (name: AlgorithmName, candidates: VerificationKey[], decoded: Decoded): VerificationKey => {
  const algorithm = algorithmOf(name)
  const key = algorithm && candidates.find((candidate) => signatureFits(algorithm, candidate, decoded))
  if (!key) throw new JwtRefusal('signature_wrong', 'Signature verification failed')
  return key
}

/**
 * Verifies a token for one provider. Never throws: whatever is wrong with the token is a refusal with a stable code, a
 * sentence, and the checks that led there.
 *
 * @param token as the client sent it, of whatever type
 * @param now ms
 * @param keys the provider's keys: the configured ones unless it publishes them
 * @see https://www.rfc-editor.org/rfc/rfc8725
 */
export const verifyJwt = (
  provider: JwtProvider,
  token: unknown,
  now: number,
  keys: readonly VerificationKey[] = provider.keys,
): Verified => {
  const steps: Step[] = []
  let rule: Step['rule'] = 'form'
  const passed = (found: string, next: Step['rule']): void => {
    steps.push({ rule, found })
    rule = next
  }
  try {
    const decoded = decode(token)
    const { header, claims } = decoded
    passed('A signed token in three segments', 'algorithm')
    const algorithm = allowedAlgorithm(provider, header)
    passed(algorithm, provider.tokenTypes ? 'type' : 'extensions')
    checkType(provider, header)
    if (provider.tokenTypes) passed(quoted(own(header, 'typ')), 'extensions')
    if (own(header, 'crit') !== undefined)
      throw new JwtRefusal('crit_unknown', 'The header names critical extensions ("crit"), and none is known here')
    passed('None', 'key')
    const candidates = candidateKeys(keys, header, algorithm)
    passed(
      candidates.length === 1 ? (candidates[0]?.description ?? '') : `${candidates.length} keys to try`,
      'signature',
    )
    const key = signingKey(algorithm, candidates, decoded)
    passed(key.description, 'times')
    const { expires } = checkTimes(provider, claims, now)
    passed('Valid now', 'issuer')
    checkIssuer(provider, claims)
    passed(provider.issuer ?? 'Not asked for', 'audience')
    checkAudience(provider, claims)
    passed(
      provider.audiences === 'any'
        ? 'Not asked for'
        : provider.audiences
          ? 'Names this server'
          : 'None, as none is configured',
      'party',
    )
    checkParty(provider, claims)
    if (provider.authorizedParties) passed(quoted(own(claims, 'azp') ?? own(claims, 'client_id')), 'once')
    else rule = 'once'
    const once = onceOf(provider, claims)
    if (once !== undefined) passed(`Good once: ${quoted(once)}`, 'subject')
    else rule = 'subject'
    const subject = subjectOf(provider, claims)
    steps.push({ rule, found: subject })
    return { ok: true, provider: provider.id, subject, claims, key, steps, expires, once }
  } catch (refusal) {
    if (!(refusal instanceof JwtRefusal)) throw refusal
    steps.push({ rule, found: refusal.message })
    return { ok: false, provider: provider.id, code: refusal.code, reason: refusal.message, steps, failed: rule }
  }
}
