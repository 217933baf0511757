import type { IdentityParts } from './deps.ts'
import {
  addProviderLock,
  readLockedBy,
  readProviderLocks,
  removeProviderLock,
  removeProviderLocks,
} from './store/provider-locks.ts'

/** What locking takes. */
export type LockDeps = Pick<IdentityParts, 'database' | 'users' | 'now'>

/**
 * Locks the account of somebody whom a provider knows no more. A lock that is there already stays what it is: an administrator's is not
 * undone by a provider. Resolves to whether the account is locked now that was not.
 */
export const lockBy = async (deps: LockDeps, people: string, user: number): Promise<boolean> => {
  const account = await deps.users.account(user)
  if (!account || account.deactivated) return false
  const before = await readProviderLocks(deps.database.read, user)
  if (before.includes(people) ? account.locked : account.locked && before.length === 0) return false
  await deps.database.write((tx) => addProviderLock(tx, { user, people, now: deps.now() }))
  if (account.locked) return false
  await deps.users.setLocked(user, true)
  return true
}

/** Undoes that, once no provider has it locked. Resolves to whether the account is unlocked now that was not. */
export const unlockBy = async (deps: LockDeps, people: string, user: number): Promise<boolean> => {
  const before = await readProviderLocks(deps.database.read, user)
  if (!before.includes(people)) return false
  await deps.database.write((tx) => removeProviderLock(tx, user, people))
  const account = await deps.users.account(user)
  if (before.length > 1 || !account?.locked) return false
  await deps.users.setLocked(user, false)
  return true
}

/** Leaves a lock to the administrators, whoever put it there. */
const takeLock = (deps: Pick<LockDeps, 'database'>, user: number): Promise<void> =>
  deps.database.write((tx) => removeProviderLocks(tx, user))

/** Accounts that providers lock. An administrator's lock is not theirs to undo. */
export interface ProviderLocks {
  /** Resolves to whether the account is locked now that was not. */
  lock(people: string, user: number): Promise<boolean>
  /** Resolves to whether the account is unlocked now that was not: no provider has it locked any more. */
  unlock(people: string, user: number): Promise<boolean>
  /** The users whom the people's provider has locked. */
  lockedBy(people: string): Promise<ReadonlySet<number>>
  /** Leaves a lock to the administrators, whoever put it there. */
  take(user: number): Promise<void>
}

/** Locks, as the rest of the server asks for them. */
export const openProviderLocks = (deps: LockDeps): ProviderLocks => ({
  lock: (people, user) => lockBy(deps, people, user),
  unlock: (people, user) => unlockBy(deps, people, user),
  lockedBy: (people) => readLockedBy(deps.database.read, people),
  take: (user) => takeLock(deps, user),
})
