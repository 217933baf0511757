import type { Config } from '../../config/index.ts'
import type { Policy } from '../../identity/index.ts'
import { createDirectory, type Directory } from './directory.ts'

/** The directories of the configuration, in its order. */
export const openDirectories = (
  { identity_providers: entries }: Pick<Config, 'identity_providers'>,
  policies: ReadonlyMap<string, Policy>,
  { now }: { now: () => number },
): Directory[] =>
  entries.flatMap((entry) => {
    const policy = policies.get(entry.id)
    return entry.type === 'ldap' && policy ? [createDirectory(entry, policy, now)] : []
  })
