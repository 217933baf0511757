import { own } from '../../matrix/json.ts'
import type { Claims } from '../../identity/index.ts'
import { decode } from './decode.ts'
import type { JwtProvider } from './provider.ts'
import { JwtRefusal } from './refusal.ts'

const nothing: { header: Claims; claims: Claims } = { header: {}, claims: {} }

/** What the token says of itself, believed by nobody yet. */
export const peek = (token: unknown): { header: Claims; claims: Claims } => {
  try {
    return decode(token)
  } catch (refusal) {
    if (refusal instanceof JwtRefusal) return nothing
    throw refusal
  }
}

/**
 * The provider whose tokens these are: the one whose issuer the token names exactly, or else the one that asks for no issuer. What
 * fits none goes to the first, which refuses it.
 */
export const choose = (providers: readonly JwtProvider[], token: unknown): JwtProvider | undefined => {
  if (providers.length < 2) return providers[0]
  const issuer = own(peek(token).claims, 'iss')
  return (
    providers.find((one) => one.issuer !== undefined && one.issuer === issuer) ??
    providers.find((one) => one.issuer === undefined) ??
    providers[0]
  )
}
