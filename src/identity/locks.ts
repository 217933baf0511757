import type { IdentityParts } from './deps.ts'
import { linkedProviders } from './links.ts'
import type { Field, Policy } from './policy.ts'

/** What finding out who says what a field is takes. */
export type LockOfDeps = Pick<IdentityParts, 'database' | 'policies'>

/** The provider that alone says what a field of the user is; undefined where the user does. */
export const lockOf = async (deps: LockOfDeps, user: number, field: Field): Promise<Policy | undefined> => {
  const locking = [...deps.policies.values()].filter(({ locked }) => locked.has(field))
  if (locking.length === 0) return undefined
  const linked = await linkedProviders(deps, user)
  return locking.find(({ id }) => linked.has(id))
}
