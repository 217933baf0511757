/**
 * Why a token was refused, as a code that stays the same from release to release: it stands in the log line, in the
 * answer, and in what `latchkey auth explain` prints.
 */
export type RefusalCode =
  | 'token_missing'
  | 'token_not_a_string'
  | 'token_too_large'
  | 'token_malformed'
  | 'token_encrypted'
  | 'alg_missing'
  | 'alg_none'
  | 'alg_not_allowed'
  | 'crit_unknown'
  | 'kid_unknown'
  | 'key_unsuitable'
  | 'signature_wrong'
  | 'claim_malformed'
  | 'expired'
  | 'not_yet_valid'
  | 'issued_in_the_future'
  | 'expiry_missing'
  | 'issuer_missing'
  | 'issuer_wrong'
  | 'audience_missing'
  | 'audience_wrong'
  | 'audience_unexpected'
  | 'subject_missing'
  | 'subject_malformed'
  | 'keys_unavailable'
  | 'issued_missing'
  | 'too_old'
  | 'party_missing'
  | 'party_wrong'
  | 'type_wrong'
  | 'jti_missing'

/** Thrown by a check of a token, and caught by `verifyJwt`: it never leaves this folder. */
export class JwtRefusal extends Error {
  readonly code: RefusalCode

  constructor(code: RefusalCode, reason: string) {
    super(reason)
    this.code = code
  }
}

/** Text from a token, made fit to stand in a sentence: quoted, escaped and short. */
export const quoted = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length > 64 ? `${text.slice(0, 60)}…` : text
}
