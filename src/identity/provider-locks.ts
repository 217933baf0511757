import type { LoginContext } from '../login/deps.ts'
import { addProviderLock, readProviderLocks, removeProviderLock, removeProviderLocks } from './store/links.ts'

/**
 * Locks the account of somebody whom a provider knows no more. A lock that is there already stays what it is: an administrator's is not
 * undone by a provider. Resolves to whether the account is locked now that was not.
 */
export const lockBy = async (context: LoginContext, people: string, user: number): Promise<boolean> => {
  const account = await context.users.account(user)
  if (!account || account.deactivated) return false
  const before = await readProviderLocks(context.database.read, user)
  if (before.includes(people) ? account.locked : account.locked && before.length === 0) return false
  await context.database.write((tx) => addProviderLock(tx, { user, people, now: context.now() }))
  if (account.locked) return false
  await context.users.setLocked(user, true)
  return true
}

/** Undoes that, once no provider has it locked. Resolves to whether the account is unlocked now that was not. */
export const unlockBy = async (context: LoginContext, people: string, user: number): Promise<boolean> => {
  const before = await readProviderLocks(context.database.read, user)
  if (!before.includes(people)) return false
  await context.database.write((tx) => removeProviderLock(tx, user, people))
  const account = await context.users.account(user)
  if (before.length > 1 || !account?.locked) return false
  await context.users.setLocked(user, false)
  return true
}

/** Leaves a lock to the administrators, whoever put it there. */
export const takeLock = (context: Pick<LoginContext, 'database'>, user: number): Promise<void> =>
  context.database.write((tx) => removeProviderLocks(tx, user))
