import type { LoginContext } from '../../login/deps.ts'
import { type Policy, policyFor } from '../index.ts'
import { applyGroups } from '../group-rooms.ts'
import type { ScimSettings } from './settings.ts'
import { readGroupsOf, readUserOf } from './store.ts'
import { claimsOf, storedResource } from './user.ts'

/** A provider that manages accounts here, and all that this takes. */
export interface ScimProvider {
  readonly id: string
  readonly settings: ScimSettings
  /** As everywhere in login/, but that the provider's people are taken as it is said here. */
  readonly context: LoginContext
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
  refresh: true,
  groupsBy: 'claims',
  groups: policy.groupsBy === 'scim' && policy.groups ? { ...policy.groups, claim: ['groups'] } : undefined,
})

export const scimProvider = (context: LoginContext, settings: ScimSettings): ScimProvider => {
  const id = settings.provider
  const policy = policyOfScim(policyFor(context, id))
  return {
    id,
    settings,
    policy,
    locks: `scim:${policy.people}`,
    context: { ...context, policies: new Map([...context.policies, [id, policy]]) },
    base: `${context.config.public_base_url ?? ''}/_latchkey/scim/v2/${id}`,
  }
}

/** Has the rooms of users follow their groups; nobody waits for it. */
export const followGroups = ({ id, context, policy }: ScimProvider, users: Iterable<number>): void => {
  if (!policy.groups) return
  for (const nid of users) {
    context.followUp(nid, async () => {
      const row = await readUserOf(context.database.read, id, nid)
      const groups = row ? await readGroupsOf(context.database.read, id, row.id) : []
      const claims = claimsOf(row ? storedResource(row) : {}, groups)
      await applyGroups(
        context,
        policy,
        { provider: id, subject: row?.subject ?? '', claims },
        { nid, userId: await context.users.nameOf(nid) },
      )
    })
  }
}
