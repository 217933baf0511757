import { createHmac } from 'node:crypto'
import { type AlgorithmName, algorithmOf } from './algorithms.ts'
import type { JwtProvider } from './provider.ts'

/**
 * A token as the provider's own backend would sign it, for trying out: with the issuer and the audience that are asked for, under
 * the subject claim that is configured. Undefined where the server knows no more than a public key, and so cannot sign.
 *
 * @param now ms
 * @param lifetime ms
 */
export const signTrial = (
  provider: JwtProvider,
  subject: string,
  now: number,
  lifetime: number,
  more: Readonly<Record<string, unknown>> = {},
): string | undefined => {
  const key = provider.keys.find((one) => one.key.type === 'secret')
  const name: AlgorithmName | undefined = key && [...key.algorithms][0]
  const algorithm = name && algorithmOf(name)
  if (!key || algorithm?.kind !== 'hmac') return undefined
  const issued = Math.floor(now / 1000)
  const claims = {
    [provider.subjectClaim]: subject,
    iat: issued,
    exp: issued + Math.ceil(lifetime / 1000),
    ...(provider.issuer !== undefined && { iss: provider.issuer }),
    ...(provider.audiences?.[0] !== undefined && { aud: provider.audiences[0] }),
    ...more,
  }
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: name, typ: 'JWT', ...(key.kid !== undefined && { kid: key.kid }) })}.${part(claims)}`
  return `${signed}.${createHmac(algorithm.hash, key.key).update(signed).digest('base64url')}`
}
