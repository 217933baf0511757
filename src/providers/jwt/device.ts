import { hash } from 'node:crypto'
import { own } from '../../matrix/json.ts'
import { type Claims, parsePath, valueAt } from '../../identity/index.ts'
import type { JwtProvider } from './provider.ts'

const longest = 512

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' && value.length <= longest && !value.includes('\0') && value.isWellFormed()
    ? value
    : undefined

/** The provider's session, where the token names it. */
export const sidOf = (claims: Claims): string | undefined => textOf(own(claims, 'sid'))

/**
 * The device that a direct access token stands for: as the configured claim says, or else made of its session (or of itself), and
 * then the same for every token of that session. Undefined where the token has neither.
 */
export const deviceOf = (provider: Pick<JwtProvider, 'id' | 'deviceClaim'>, claims: Claims): string | undefined => {
  if (provider.deviceClaim !== undefined) return textOf(valueAt(claims, parsePath(provider.deviceClaim)))
  const [sid, jti] = [sidOf(claims), textOf(own(claims, 'jti'))]
  if (sid === undefined && jti === undefined) return undefined
  // Sixteen characters, 80 bits: nobody has two sessions that look the same.
  return hash('sha256', `${provider.id} ${sid === undefined ? 'jti' : 'sid'} ${sid ?? jti ?? ''}`, 'hex')
    .slice(0, 20)
    .toUpperCase()
}
