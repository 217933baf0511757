import type { LoginContext } from '../login/deps.ts'
import { linkedProviders } from './links.ts'
import type { Field, Policy } from './policy.ts'

/** The provider that alone says what a field of the user is; undefined where the user does. */
export const lockOf = async (context: LoginContext, user: number, field: Field): Promise<Policy | undefined> => {
  const locking = [...context.policies.values()].filter(({ locked }) => locked.has(field))
  if (locking.length === 0) return undefined
  const linked = await linkedProviders(context, context.database.read, user)
  return locking.find(({ id }) => linked.has(id))
}
