import { createHmac } from 'node:crypto'

/** The secret that harness and bench sign with, and the `jwt_config` block that trusts it. */
export const jwtSecret = 'a secret of the test harness, long enough for every hash it is used with'
export const jwtConfig = { enabled: true, secret: jwtSecret, algorithm: 'HS256' } as const

/** A JWT over `claims`, signed by HMAC-SHA256: what an operator's backend would hand to its user. */
export function signJwt(claims: Record<string, unknown>, secret: string = jwtSecret): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}
