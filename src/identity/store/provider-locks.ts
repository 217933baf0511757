import type { Reader, Tx } from '../../storage/index.ts'

/** The providers that have locked a user. */
export const readProviderLocks = async (db: Reader, user: number): Promise<string[]> =>
  (await db.selectFrom('provider_locks').where('user_nid', '=', user).select('provider').execute()).map(
    ({ provider }) => provider,
  )

/** The users whom a provider has locked. */
export const readLockedBy = async (db: Reader, provider: string): Promise<Set<number>> =>
  new Set(
    (await db.selectFrom('provider_locks').where('provider', '=', provider).select('user_nid').execute()).map(
      (row) => row.user_nid,
    ),
  )

export async function addProviderLock(
  tx: Tx,
  { user, people, now }: { user: number; people: string; now: number },
): Promise<void> {
  await tx
    .insertInto('provider_locks')
    .values({ user_nid: user, provider: people, locked_ts: now })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** Forgets who locked a user: whether the account is locked is the administrators' from here on. */
export async function removeProviderLocks(tx: Tx, user: number): Promise<void> {
  await tx.deleteFrom('provider_locks').where('user_nid', '=', user).execute()
}

export async function removeProviderLock(tx: Tx, user: number, people: string): Promise<void> {
  await tx.deleteFrom('provider_locks').where('user_nid', '=', user).where('provider', '=', people).execute()
}
