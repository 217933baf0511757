import { verifyToken } from './choose.ts'
import type { Claims } from '../claims/index.ts'
import { decode } from './decode.ts'
import type { JwtProvider } from './provider.ts'
import type { RefusalCode } from './refusal.ts'
import type { Step, Verified } from './verify.ts'

/** What `latchkey auth explain` shows about a token. */
export interface Explanation {
  /** The provider whose keys and rules the token was held against. */
  provider: string
  accepted: boolean
  /** The key that verified the signature; undefined when none did, or it did not come to that. */
  key: string | undefined
  /** The checks in order; of a refused token the last is the one that failed. */
  steps: Step[]
  /** The user that the token signs in. */
  user: string | undefined
  /** What stands in the token, verified or not; undefined when it cannot be read. */
  header: Claims | undefined
  claims: Claims | undefined
  code: RefusalCode | 'name_unusable' | undefined
  problem: string | undefined
  /** What to do about the problem. */
  fix: string | undefined
}

const form = 'Copy the whole token: three parts of letters, digits, "-" and "_", parted by dots'
const settings = 'Compare the algorithm that the issuer signs with and the one in the configuration'
const clock = 'Compare the clocks of both machines; a difference within the leeway is allowed'

const fixes: Record<RefusalCode, string> = {
  token_missing: form,
  token_not_a_string: form,
  token_too_large: 'Put fewer claims into the token: 16 KiB is the most',
  token_malformed: form,
  token_encrypted: 'Have the issuer sign the token only (JWS), not encrypt it',
  alg_missing: 'Have the issuer name the algorithm in the header ("alg")',
  alg_none: 'Have the issuer sign its tokens: an unsigned one is never accepted',
  alg_not_allowed: settings,
  crit_unknown: 'Have the issuer leave "crit" out of the header',
  kid_unknown: 'Give the server the key set that the issuer signs with now, or leave "kid" out of the configured key',
  key_unsuitable: settings,
  signature_wrong: 'The token was signed with another key than the configured one: compare them, including line breaks and blanks at the end of a secret',
  claim_malformed: 'Have the issuer write the claim as RFC 7519 says: times are numbers of seconds since 1970, names are strings',
  expired: 'Get a new token from the issuer',
  not_yet_valid: clock,
  issued_in_the_future: clock,
  expiry_missing: 'Have the issuer put "exp" into its tokens',
  issuer_missing: 'Have the issuer put "iss" into its tokens, or remove issuer from the configuration',
  issuer_wrong: 'Set issuer in the configuration to exactly what "iss" says, if that issuer is the right one',
  audience_missing: 'Have the issuer put "aud" into its tokens, or remove audiences from the configuration',
  audience_wrong: 'Add the audience to audiences in the configuration, if the token was made for this server',
  audience_unexpected: 'Name the audience under audiences in the configuration, if the token was made for this server',
  subject_missing: 'Have the issuer put the user\'s name there, or name another claim as subject_claim',
  keys_unavailable: 'See that this machine reaches the issuer: the log of the server, or jwks_uri with curl, says what stands in the way',
  issued_missing: 'Have the issuer put "iat" into its tokens, or take max_age out of the configuration',
  too_old: 'Get a new token from the issuer, and use it right away; max_age in the configuration says how long it may be kept',
  party_missing: 'Have the issuer put "azp" into its tokens, or take authorized_parties out of the configuration',
  party_wrong: 'Add the application to authorized_parties in the configuration, if its users may come in here',
  type_wrong: 'Send the kind of token that token_types in the configuration names, or add this kind',
  jti_missing: 'Have the issuer give every token a "jti" of its own, or take one_time out of the configuration',
  subject_malformed: 'Have the issuer write the user\'s name as a string, or name another claim as subject_claim',
}

/** The name a subject becomes, or the sentence that says why it cannot be a name. */
export type NameOfSubject = (subject: string) => { userId: string } | { problem: string }

const partsOf = (token: string): Pick<Explanation, 'header' | 'claims'> => {
  try {
    return decode(token)
  } catch {
    return { header: undefined, claims: undefined }
  }
}

const explained = (verified: Verified, token: string, nameOf: NameOfSubject): Explanation => {
  const { header, claims } = partsOf(token)
  const base = { provider: verified.provider, steps: verified.steps, header, claims }
  if (!verified.ok) {
    return { ...base, accepted: false, key: undefined, user: undefined, code: verified.code, problem: verified.reason, fix: fixes[verified.code] }
  }
  const key = verified.key.description
  const named = nameOf(verified.subject)
  if ('userId' in named) return { ...base, accepted: true, key, user: named.userId, code: undefined, problem: undefined, fix: undefined }
  return { ...base, accepted: false, key, user: undefined, code: 'name_unusable', problem: named.problem, fix: 'Have the issuer name the user otherwise, or name another claim as subject_claim' }
}

/**
 * Holds a token against its provider and says in plain words what became of it; undefined where no provider is configured.
 * Changes nothing and asks no database.
 *
 * @param now ms
 */
export const explainToken = (providers: readonly JwtProvider[], token: string, now: number, nameOf: NameOfSubject): Explanation | undefined => {
  const verified = verifyToken(providers, token, now)
  return verified && explained(verified, token, nameOf)
}
