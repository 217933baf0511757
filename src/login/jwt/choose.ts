import { own } from '../../matrix/json.ts'
import { decode } from './decode.ts'
import type { JwtProvider } from './provider.ts'
import { JwtRefusal } from './refusal.ts'
import { type Verified, verifyJwt } from './verify.ts'

/** What the token says of its issuer, believed by nobody yet. */
const issuerOf = (token: unknown): unknown => {
  try {
    return own(decode(token).claims, 'iss')
  } catch (refusal) {
    if (refusal instanceof JwtRefusal) return undefined
    throw refusal
  }
}

/**
 * Verifies a token with the provider whose issuer it names exactly, or else with the one that asks for no issuer: no key is ever
 * tried on another issuer's token. Undefined where there is no provider at all.
 *
 * @param now ms
 */
export const verifyToken = (providers: readonly JwtProvider[], token: unknown, now: number): Verified | undefined => {
  const [first, ...others] = providers
  if (!first) return undefined
  if (others.length === 0) return verifyJwt(first, token, now)
  const issuer = issuerOf(token)
  const chosen = providers.find((provider) => provider.issuer !== undefined && provider.issuer === issuer)
    ?? providers.find((provider) => provider.issuer === undefined) ?? first
  return verifyJwt(chosen, token, now)
}
