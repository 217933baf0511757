import type { LoginConfig, LoginDeps } from '../../login/deps.ts'
import type { Policy } from '../../identity/index.ts'
import { createDirectory, type Directory } from './directory.ts'

/** The directories of the configuration, in its order. */
export const openDirectories = (
  { identity_providers: entries }: Pick<LoginConfig, 'identity_providers'>,
  policies: ReadonlyMap<string, Policy>,
  { now }: Pick<LoginDeps, 'now'>,
): Directory[] =>
  entries.flatMap((entry) => {
    const policy = policies.get(entry.id)
    return entry.type === 'ldap' && policy ? [createDirectory(entry, policy, now)] : []
  })
