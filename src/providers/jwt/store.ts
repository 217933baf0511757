import type { Database, Tx } from '../../storage/index.ts'
import type { KeptKeys } from './published-keys.ts'

/** The last good key sets, by provider. */
export const readKeptKeys = async ({ read }: Database): Promise<Map<string, KeptKeys & { source: string }>> => {
  const rows = await read.selectFrom('provider_keys').selectAll().execute()
  return new Map(rows.map(({ provider, source, json, fetched_ts: fetched }) => [provider, { source, json, fetched }]))
}

/** Keeps the last good key set of a provider. */
export const keepKeys =
  (database: Database) =>
  async (provider: string, source: string, { json, fetched }: KeptKeys): Promise<void> => {
    const row = { source, json, fetched_ts: fetched }
    await database.write((tx) =>
      tx
        .insertInto('provider_keys')
        .values({ provider, ...row })
        .onConflict((conflict) => conflict.column('provider').doUpdateSet(row))
        .execute(),
    )
  }

/** Notes that a token was used, and forgets those that have run out. False when it was used before. */
export const useToken = async (
  tx: Tx,
  token: { provider: string; jti: string; expires: number; now: number },
): Promise<boolean> => {
  await tx.deleteFrom('used_tokens').where('expires_ts', '<=', token.now).execute()
  const added = await tx
    .insertInto('used_tokens')
    .values({ provider: token.provider, jti: token.jti, expires_ts: token.expires })
    .onConflict((conflict) => conflict.columns(['provider', 'jti']).doNothing())
    .returning('jti')
    .execute()
  return added.length > 0
}
