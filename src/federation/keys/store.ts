import type { Reader, Tx } from '../../storage/index.ts'
import type { KeyAnswer, VerifyKey } from './answer.ts'

/** Names of others are without number: what was asked for longest ago is forgotten, and can be asked for again. */
const mostServers = 50_000

export const readKeys = async (db: Reader, servers: readonly string[]): Promise<VerifyKey[]> =>
  (await db.selectFrom('server_keys').where('server', 'in', servers).selectAll().execute()).map((row) => ({
    server: row.server,
    keyId: row.key_id,
    publicKey: row.public_key,
    validUntil: row.valid_until,
  }))

/** What servers said of their keys, as text, with the time when it was asked for. */
export const readAnswers = (
  db: Reader,
  servers: readonly string[],
): Promise<{ server: string; json: string; valid_until: number; fetched_ts: number }[]> =>
  db.selectFrom('server_key_answers').where('server', 'in', servers).selectAll().execute()

/** A key that is known already is good for longer at most: what was signed with it once goes on to count. */
export async function saveAnswer(tx: Tx, { server, validUntil, keys, json }: KeyAnswer, now: number): Promise<void> {
  for (const { keyId, publicKey, validUntil: until } of keys) {
    await tx
      .insertInto('server_keys')
      .values({ server, key_id: keyId, public_key: publicKey, valid_until: until })
      .onConflict((conflict) =>
        conflict.columns(['server', 'key_id']).doUpdateSet({ public_key: publicKey, valid_until: until }),
      )
      .execute()
  }
  const row = { json: JSON.stringify(json), valid_until: validUntil, fetched_ts: now }
  await tx
    .insertInto('server_key_answers')
    .values({ server, ...row })
    .onConflict((conflict) => conflict.column('server').doUpdateSet(row))
    .execute()
}

/** Forgets what is too much. */
export async function pruneAnswers(tx: Tx): Promise<void> {
  const oldest = await tx
    .selectFrom('server_key_answers')
    .select('server')
    .orderBy('fetched_ts', 'desc')
    .offset(mostServers)
    .limit(1000)
    .execute()
  if (oldest.length === 0) return
  const servers = oldest.map(({ server }) => server)
  await tx.deleteFrom('server_keys').where('server', 'in', servers).execute()
  await tx.deleteFrom('server_key_answers').where('server', 'in', servers).execute()
}
