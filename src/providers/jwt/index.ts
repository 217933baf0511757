import type { Kind } from '../provider.ts'
import { jwtProviders } from './providers.ts'

export { type JwtCredential, verifyJwtCredential } from './credential.ts'
export { deviceOf, sidOf } from './device.ts'
export { explainToken } from './explain.ts'
export { type Keyring, openKeyring } from './keyring.ts'
export type { VerificationKey } from './keys.ts'
export type { JwtProvider } from './provider.ts'
export { jwtProviders } from './providers.ts'
export { signTrial } from './sign.ts'
export { keepKeys, readKeptKeys } from './store.ts'
export type { Verified } from './verify.ts'

/** Whoever signs tokens (JWT): the drop-in block, and entries of type `jwt`. */
export const jwt: Kind = {
  checks: (config) => jwtProviders(config).findings,
  open: async ({ config, outgoing, now }) => {
    const { providers } = jwtProviders(config)
    const asked = config.identity_providers.filter((entry) => entry.type === 'jwt' && entry.session_check !== 'off')
    // Who has nobody to ask is up without the library for it.
    const introspect = asked.length > 0 ? (await import('./introspection.ts')).introspector : undefined
    return providers.map((tokens) => {
      const entry = asked.find(({ id }) => id === tokens.id)
      return {
        id: tokens.id,
        tokens,
        asker: entry?.type === 'jwt' ? introspect?.(entry, { outgoing, now }) : undefined,
      }
    })
  },
}
