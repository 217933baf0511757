import { own } from '../../matrix/json.ts'
import { type Claims, faultOfTime } from '../../identity/index.ts'
import type { JwtProvider } from './provider.ts'
import { JwtRefusal, quoted } from './refusal.ts'

/** A time claim in seconds, or undefined when the token has none. A boolean, text, infinity or a number of milliseconds is not a time. */
const timeOf = (claims: Claims, name: string): number | undefined => {
  const fault = faultOfTime(claims, name)
  if (fault !== undefined) throw new JwtRefusal('claim_malformed', fault)
  return own(claims, name) as number | undefined
}

const shown = (seconds: number): string => new Date(seconds * 1000).toISOString()

/**
 * `exp`, `nbf` and `iat`, where the token has them. `now` is in ms.
 * @see https://www.rfc-editor.org/rfc/rfc7519#section-4.1.4
 */
export const checkTimes = (provider: JwtProvider, claims: Claims, now: number): { expires: number | undefined } => {
  const seconds = now / 1000
  const [expiry, notBefore, issued] = [timeOf(claims, 'exp'), timeOf(claims, 'nbf'), timeOf(claims, 'iat')]
  timeOf(claims, 'auth_time')
  if (expiry === undefined && provider.requireExpiry)
    throw new JwtRefusal('expiry_missing', 'The claim "exp" is missing')
  if (expiry !== undefined && seconds >= expiry + provider.leeway) {
    throw new JwtRefusal('expired', `The token has expired: "exp" is ${shown(expiry)}`)
  }
  if (notBefore !== undefined && notBefore > seconds + provider.leeway) {
    throw new JwtRefusal('not_yet_valid', `The token is not valid yet: "nbf" is ${shown(notBefore)}`)
  }
  if (issued !== undefined && issued > seconds + provider.leeway) {
    throw new JwtRefusal('issued_in_the_future', `The token was issued in the future: "iat" is ${shown(issued)}`)
  }
  checkAge(provider, issued, seconds)
  return { expires: expiry === undefined ? undefined : Math.floor((expiry + provider.leeway) * 1000) }
}

const checkAge = ({ maxAge, leeway }: JwtProvider, issued: number | undefined, seconds: number): void => {
  if (maxAge === undefined) return
  if (issued === undefined)
    throw new JwtRefusal('issued_missing', 'The claim "iat" is missing, and tokens may only be so old here')
  if (seconds - issued > maxAge + leeway)
    throw new JwtRefusal(
      'too_old',
      `The token is too old: "iat" is ${shown(issued)}, and ${maxAge} seconds are allowed`,
    )
}

/** `iss`: exactly the configured one; of no concern when none is configured. */
export const checkIssuer = (provider: JwtProvider, claims: Claims): void => {
  if (provider.issuer === undefined) return
  const issuer = own(claims, 'iss')
  if (issuer === undefined) throw new JwtRefusal('issuer_missing', 'The claim "iss" is missing')
  if (issuer !== provider.issuer)
    throw new JwtRefusal(
      'issuer_wrong',
      `The claim "iss" is ${quoted(issuer)}, which is not the issuer that is expected`,
    )
}

/**
 * `aud`: one of the configured ones. With none configured a token that names an audience was made for somebody else.
 * @see https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3
 */
export const checkAudience = (provider: JwtProvider, claims: Claims): void => {
  const audience = own(claims, 'aud')
  const { audiences: expected } = provider
  if (expected === 'any') return
  if (expected === undefined) {
    if (audience === undefined) return
    throw new JwtRefusal(
      'audience_unexpected',
      'The claim "aud" names an audience, and this server is configured with none',
    )
  }
  if (audience === undefined) throw new JwtRefusal('audience_missing', 'The claim "aud" is missing')
  const audiences: unknown[] = Array.isArray(audience) ? audience : [audience]
  if (!audiences.every((one) => typeof one === 'string')) {
    throw new JwtRefusal('claim_malformed', 'The claim "aud" must be a string or a list of strings')
  }
  if (!audiences.some((one) => expected.includes(one))) {
    throw new JwtRefusal('audience_wrong', `The claim "aud" is ${quoted(audience)}, which does not name this server`)
  }
}

/**
 * `azp`, or `client_id` as RFC 9068 calls it: the application that the token was given to.
 * @see https://openid.net/specs/openid-connect-core-1_0.html#IDToken
 */
export const checkParty = (provider: JwtProvider, claims: Claims): void => {
  if (!provider.authorizedParties) return
  const party = own(claims, 'azp') ?? own(claims, 'client_id')
  if (party === undefined) throw new JwtRefusal('party_missing', 'The claim "azp" is missing')
  if (typeof party !== 'string' || !provider.authorizedParties.includes(party)) {
    throw new JwtRefusal(
      'party_wrong',
      `The claim "azp" is ${quoted(party)}, an application whose tokens are not taken here`,
    )
  }
}

const plainType = (type: string): string => type.toLowerCase().replace(/^application\//, '')

/** `typ` of the header. @see https://www.rfc-editor.org/rfc/rfc8725#section-3.11 */
export const checkType = (provider: JwtProvider, header: Claims): void => {
  if (!provider.tokenTypes) return
  const type = own(header, 'typ')
  if (typeof type === 'string' && provider.tokenTypes.some((one) => plainType(one) === plainType(type))) return
  throw new JwtRefusal(
    'type_wrong',
    `The type ("typ") is ${quoted(type)}, and ${provider.tokenTypes.join(' or ')} is expected`,
  )
}

/** The name of a token that is good once; undefined where tokens are not. */
export const onceOf = (provider: JwtProvider, claims: Claims): string | undefined => {
  if (!provider.oneTime) return undefined
  const id = own(claims, 'jti')
  if (typeof id !== 'string' || id === '' || id.length > 255 || id.includes('\0') || !id.isWellFormed()) {
    throw new JwtRefusal(
      'jti_missing',
      'The claim "jti" must name the token, in up to 255 characters: tokens are good once here',
    )
  }
  return id
}

/** The claim that names the user, as text. It may still be a name that no user can have. */
export const subjectOf = (provider: JwtProvider, claims: Claims): string => {
  const subject = own(claims, provider.subjectClaim)
  if (subject === undefined || subject === null)
    throw new JwtRefusal('subject_missing', `The claim "${provider.subjectClaim}" is missing`)
  if (typeof subject !== 'string')
    throw new JwtRefusal(
      'subject_malformed',
      `The claim "${provider.subjectClaim}" must be a string, not ${quoted(subject)}`,
    )
  return subject
}
