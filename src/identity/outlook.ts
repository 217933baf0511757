import { MatrixError } from '../matrix/errors.ts'
import { gate } from '../users/index.ts'
import { fieldsDue } from './follow.ts'
import type { Identity } from './identity.ts'
import { nameFor, userIdOf } from './names.ts'
import { policyFor } from './policies.ts'
import type { Field } from './policy.ts'
import { type ResolveDeps, resolveIdentity } from './resolve.ts'
import { readGiven } from './store/links.ts'

/** What would become of somebody whom a provider vouches for, if they came in now. Plain data: it goes from one process to another. */
export type Outlook =
  | {
      readonly lets: 'in'
      readonly user: string
      /** How they come by the account. */
      readonly how: 'linked' | 'made' | 'adopted' | 'handed over'
      /** What would be taken over of what the provider says. */
      readonly takes: readonly Field[]
    }
  | {
      readonly lets: 'out'
      readonly code: string
      readonly problem: string
      readonly hint: string | undefined
    }

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** Looks, and changes nothing. Throws for a provider that is not configured. */
export const outlookOf = async (deps: ResolveDeps, identity: Identity): Promise<Outlook> => {
  const policy = policyFor(deps, identity.provider)
  try {
    const { account, handedOver, settle } = await resolveIdentity(deps, identity)
    if (account) gate(account, 'login')
    const isNew = !account || handedOver
    const given = await readGiven(deps.database.read, policy.people, identity.subject)
    return {
      lets: 'in',
      user: account?.userId ?? userIdOf(nameFor(policy, identity), deps.serverName),
      how: !account ? 'made' : handedOver ? 'handed over' : settle ? 'adopted' : 'linked',
      takes: [...fieldsDue(policy, account, given, isNew)],
    }
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error
    const { code, hint } = error.body()
    return { lets: 'out', code: text(code) ?? error.errcode, problem: error.message, hint: text(hint) }
  }
}
