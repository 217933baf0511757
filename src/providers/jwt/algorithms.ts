import { constants } from 'node:crypto'

/** How one JWS algorithm is computed, and which key it may ever be used with. */
export type Algorithm =
  | { kind: 'hmac'; hash: string; bytes: number }
  | { kind: 'rsa'; hash: string; pss: { padding: number; saltLength: number } | null }
  | { kind: 'ec'; hash: string; curve: string }
  | { kind: 'okp'; curves: readonly string[] }

const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }

/**
 * Every signature algorithm we accept, by its JOSE name. `none` is not among them, and never will be.
 * @see https://www.rfc-editor.org/rfc/rfc7518#section-3.1
 */
export const algorithms = {
  HS256: { kind: 'hmac', hash: 'sha256', bytes: 32 },
  HS384: { kind: 'hmac', hash: 'sha384', bytes: 48 },
  HS512: { kind: 'hmac', hash: 'sha512', bytes: 64 },
  RS256: { kind: 'rsa', hash: 'sha256', pss: null },
  RS384: { kind: 'rsa', hash: 'sha384', pss: null },
  RS512: { kind: 'rsa', hash: 'sha512', pss: null },
  PS256: { kind: 'rsa', hash: 'sha256', pss },
  PS384: { kind: 'rsa', hash: 'sha384', pss },
  PS512: { kind: 'rsa', hash: 'sha512', pss },
  ES256: { kind: 'ec', hash: 'sha256', curve: 'prime256v1' },
  ES384: { kind: 'ec', hash: 'sha384', curve: 'secp384r1' },
  ES512: { kind: 'ec', hash: 'sha512', curve: 'secp521r1' },
  EdDSA: { kind: 'okp', curves: ['ed25519', 'ed448'] },
  Ed25519: { kind: 'okp', curves: ['ed25519'] },
} as const satisfies Record<string, Algorithm>

/** The JOSE name of an algorithm we accept. */
export type AlgorithmName = keyof typeof algorithms

/** The algorithm of that name, or undefined: the name may come from anywhere, so the prototype's properties do not count. */
export const algorithmOf = (name: string): Algorithm | undefined =>
  Object.hasOwn(algorithms, name) ? algorithms[name as AlgorithmName] : undefined
