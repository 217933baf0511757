import type { DeactivateDeps } from '../deactivate.ts'
import type { IdentityParts } from '../deps.ts'
import { applyGroups } from '../group-rooms.ts'
import { policyFor } from '../policies.ts'
import type { Policy } from '../policy.ts'
import type { LockDeps } from '../provider-locks.ts'
import type { EnterDeps } from '../sign-in.ts'
import type { ScimSettings } from './settings.ts'
import { readGroupsOf, readUserOf } from './store.ts'
import { claimsOf, storedResource } from './user.ts'

/** What accounts that providers manage take. */
export type ScimDeps = EnterDeps & LockDeps & DeactivateDeps & Pick<IdentityParts, 'config' | 'randomId'>

/** A provider that manages accounts here, and all that this takes. */
export interface ScimProvider {
  readonly id: string
  readonly settings: ScimSettings
  /** As everywhere in identity/, but that the provider's people are taken as it is said here. */
  readonly deps: ScimDeps
  readonly policy: Policy
  /** Under which accounts are locked: apart from what another part of the server, such as a look at a directory, locks for the same people. */
  readonly locks: string
  /** Where its resources are. */
  readonly base: string
}

/**
 * What is settled about the people of a provider, as far as it holds for SCIM. Rules are about a sign-in, and about its claims; whom the
 * provider puts here by SCIM it has chosen already. What it says is taken whenever it says so.
 */
const policyOfScim = (policy: Policy): Policy => ({
  ...policy,
  rules: [],
  admin: undefined,
  registration: true,
  refresh: 'always',
  groupsBy: 'claims',
  groups: policy.groupsBy === 'scim' && policy.groups ? { ...policy.groups, claim: ['groups'] } : undefined,
})

export const scimProvider = (deps: ScimDeps, settings: ScimSettings): ScimProvider => {
  const id = settings.provider
  const policy = policyOfScim(policyFor(deps, id))
  return {
    id,
    settings,
    policy,
    locks: `scim:${policy.people}`,
    deps: { ...deps, policies: new Map([...deps.policies, [id, policy]]) },
    base: `${deps.config.public_base_url ?? ''}/_latchkey/scim/v2/${id}`,
  }
}

/** Has the rooms of users follow their groups; nobody waits for it. */
export const followGroups = ({ id, deps, policy }: ScimProvider, users: Iterable<number>): void => {
  if (!policy.groups) return
  for (const nid of users) {
    deps.followUp(nid, async () => {
      const row = await readUserOf(deps.database.read, id, nid)
      const groups = row ? await readGroupsOf(deps.database.read, id, row.id) : []
      const claims = claimsOf(row ? storedResource(row) : {}, groups)
      await applyGroups(
        deps,
        policy,
        { provider: id, subject: row?.subject ?? '', claims },
        { nid, userId: await deps.users.nameOf(nid) },
      )
    })
  }
}
