import type { OAuthKeysTable, Reader, Tx } from '../../storage/index.ts'

export type StoredKey = OAuthKeysTable

/** All keys that are still published, the newest first. */
export const readKeys = (db: Reader | Tx): Promise<StoredKey[]> =>
  db.selectFrom('oauth_keys').orderBy('created_ts', 'desc').selectAll().execute()

/** Takes new keys into use: those before them sign no more, and those that have signed nothing since `before` go. */
export async function replaceKeys(tx: Tx, keys: readonly StoredKey[], now: number, before: number): Promise<void> {
  await tx.deleteFrom('oauth_keys').where('retired_ts', '<', before).execute()
  await tx.updateTable('oauth_keys').set({ retired_ts: now }).where('retired_ts', 'is', null).execute()
  for (const key of keys) await tx.insertInto('oauth_keys').values(key).execute()
}
