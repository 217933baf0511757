import { callbackOf, type Kind } from '../provider.ts'
import { casProvider } from './cas.ts'

/** Providers that speak CAS. */
export const cas: Kind = {
  checks: () => [],
  open: async ({ config, outgoing, now }) =>
    config.identity_providers.flatMap((entry) =>
      entry.type === 'cas'
        ? [{ id: entry.id, browser: casProvider(entry, { outgoing, now, callback: callbackOf(config, entry.id) }) }]
        : [],
    ),
}
