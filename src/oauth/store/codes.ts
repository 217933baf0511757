import type { OAuthCodesTable, OAuthDeviceCodesTable, Reader, Tx } from '../../storage/index.ts'

export type StoredCode = OAuthCodesTable
export type StoredDeviceCode = OAuthDeviceCodesTable

/** Stores an authorization code, and forgets those that have run out. */
export async function addCode(tx: Tx, code: StoredCode, now: number): Promise<void> {
  await tx.deleteFrom('oauth_codes').where('expires_ts', '<=', now).execute()
  await tx.insertInto('oauth_codes').values(code).execute()
}

/** Takes a code out, so that it is good once; undefined when there is none. */
export async function takeCode(tx: Tx, hash: string): Promise<StoredCode | undefined> {
  const [row] = await tx.deleteFrom('oauth_codes').where('code_hash', '=', hash).returningAll().execute()
  return row
}

/** Stores a device code, and forgets those that have run out. Returns false when there are `most` already. */
export async function addDeviceCode(tx: Tx, code: StoredDeviceCode, now: number, most: number): Promise<boolean> {
  await tx.deleteFrom('oauth_device_codes').where('expires_ts', '<=', now).execute()
  const there = await tx
    .selectFrom('oauth_device_codes')
    .select((of) => of.fn.countAll().as('count'))
    .executeTakeFirst()
  if (Number(there?.count ?? 0) >= most) return false
  await tx.insertInto('oauth_device_codes').values(code).execute()
  return true
}

export const readDeviceCode = (db: Reader | Tx, hash: string): Promise<StoredDeviceCode | undefined> =>
  db.selectFrom('oauth_device_codes').where('device_hash', '=', hash).selectAll().executeTakeFirst()

/** What waits under the code that somebody has typed. */
export const readUserCode = (db: Reader | Tx, userCode: string): Promise<StoredDeviceCode | undefined> =>
  db.selectFrom('oauth_device_codes').where('user_code', '=', userCode).selectAll().executeTakeFirst()

/** Answers what waits under a code; false when it was answered already, or has run out. */
export async function answerDeviceCode(
  tx: Tx,
  hash: string,
  answer: Pick<StoredDeviceCode, 'state' | 'user_nid' | 'auth_ts' | 'provider' | 'subject' | 'sid' | 'session_until'>,
): Promise<boolean> {
  const rows = await tx
    .updateTable('oauth_device_codes')
    .set(answer)
    .where('device_hash', '=', hash)
    .where('state', '=', 'waiting')
    .returning('device_hash')
    .execute()
  return rows.length === 1
}

export async function takeDeviceCode(tx: Tx, hash: string): Promise<StoredDeviceCode | undefined> {
  const [row] = await tx.deleteFrom('oauth_device_codes').where('device_hash', '=', hash).returningAll().execute()
  return row
}
