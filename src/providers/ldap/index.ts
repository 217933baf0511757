import type { Kind } from '../provider.ts'
import { openDirectories } from './directories.ts'
import { ldapChecks } from './settings.ts'

export { DirectoryError } from './connection.ts'
export { openDirectories } from './directories.ts'
export { explainPerson } from './explain.ts'
export { startPolls } from './poll.ts'
export { askDirectories } from './sign-in.ts'

/** Directories that are asked by LDAP. */
export const ldap: Kind = {
  checks: ldapChecks,
  open: async ({ config, policies, now }) =>
    openDirectories(config, policies, { now }).map((directory) => ({ id: directory.id, directory })),
}
