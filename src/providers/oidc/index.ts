import { callbackOf, type Kind } from '../provider.ts'

/** Providers that speak OpenID Connect. */
export const oidc: Kind = {
  checks: () => [],
  open: async ({ config, outgoing, now }) => {
    const entries = config.identity_providers.filter((entry) => entry.type === 'oidc')
    if (entries.length === 0) return []
    // Who has no such provider is up without its libraries.
    const { oidcProvider } = await import('./oidc.ts')
    return entries.map((entry) => oidcProvider(entry, { outgoing, now, callback: callbackOf(config, entry.id) }))
  },
}
