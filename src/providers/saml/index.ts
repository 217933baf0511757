import { callbackOf, type Kind } from '../provider.ts'
import { samlChecks } from './checks.ts'
import { samlProvider } from './saml.ts'
import { useOnceIn } from './store.ts'

export { explainResponse } from './explain.ts'

/** Providers that speak SAML 2.0. */
export const saml: Kind = {
  checks: samlChecks,
  open: async ({ config, outgoing, now, randomId, database }) =>
    config.identity_providers.flatMap((entry) => {
      if (entry.type !== 'saml') return []
      const { id } = entry
      const useOnce = useOnceIn(database, now, id)
      return [
        { id, browser: samlProvider(entry, { outgoing, now, randomId, callback: callbackOf(config, id), useOnce }) },
      ]
    }),
}
