import type { Tx } from '../../storage/index.ts'

/** Notes that an assertion of a client was used, and forgets those that have run out. False when it was used before. */
export async function useAssertion(
  tx: Tx,
  { client, jti, expires, now }: { client: string; jti: string; expires: number; now: number },
): Promise<boolean> {
  await tx.deleteFrom('oauth_assertions').where('expires_ts', '<=', now).execute()
  const added = await tx
    .insertInto('oauth_assertions')
    .values({ client_id: client, jti, expires_ts: expires })
    .onConflict((conflict) => conflict.columns(['client_id', 'jti']).doNothing())
    .returning('jti')
    .execute()
  return added.length > 0
}
