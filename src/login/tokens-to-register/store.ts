import type { Reader, RegistrationTokensTable, Tx } from '../../storage/index.ts'

export type RegistrationToken = Readonly<RegistrationTokensTable>

export const readRegistrationToken = (db: Reader | Tx, token: string): Promise<RegistrationToken | undefined> =>
  db.selectFrom('registration_tokens').where('token', '=', token).selectAll().executeTakeFirst()

export const readRegistrationTokens = (db: Reader, limit: number): Promise<RegistrationToken[]> =>
  db.selectFrom('registration_tokens').orderBy('created_ts').orderBy('token').limit(limit).selectAll().execute()

/** False when there is one of that name. */
export async function addRegistrationToken(tx: Tx, row: RegistrationToken): Promise<boolean> {
  const added = await tx
    .insertInto('registration_tokens')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .returning('token')
    .execute()
  return added.length > 0
}

export const changeRegistrationToken = (
  tx: Tx,
  token: string,
  change: Partial<Pick<RegistrationToken, 'uses_allowed' | 'expires_ts'>>,
): Promise<RegistrationToken | undefined> =>
  Object.keys(change).length === 0
    ? readRegistrationToken(tx, token)
    : tx.updateTable('registration_tokens').set(change).where('token', '=', token).returningAll().executeTakeFirst()

export async function deleteRegistrationToken(tx: Tx, token: string): Promise<boolean> {
  return (await tx.deleteFrom('registration_tokens').where('token', '=', token).returning('token').execute()).length > 0
}

/** Counts a registration. False when the token is not good for one more. */
export async function useRegistrationToken(tx: Tx, token: string, now: number): Promise<boolean> {
  const used = await tx
    .updateTable('registration_tokens')
    .set((row) => ({ completed: row('completed', '+', 1) }))
    .where('token', '=', token)
    .where((row) => row.or([row('expires_ts', 'is', null), row('expires_ts', '>', now)]))
    .where((row) => row.or([row('uses_allowed', 'is', null), row('completed', '<', row.ref('uses_allowed'))]))
    .returning('token')
    .execute()
  return used.length > 0
}

export async function countRegistrationTokens(tx: Tx): Promise<number> {
  return (await tx.selectFrom('registration_tokens').select('token').execute()).length
}
