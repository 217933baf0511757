import { hot, type Reader, type Tx } from '../../storage/index.ts'

/** A client as it is stored. */
export interface StoredClient {
  metadata: string
  used_ts: number
}

const selectClient = hot((db, p: { id: string }) =>
  db.selectFrom('oauth_clients').where('client_id', '=', p.id).select(['metadata', 'used_ts']),
)

export const readClient = (db: Reader | Tx, id: string): Promise<StoredClient | undefined> =>
  selectClient.first(db, { id })

/** Stores a client, or notes that one of the same metadata is still wanted. */
export async function putClient(tx: Tx, client: { id: string; metadata: string; now: number }): Promise<void> {
  await tx
    .insertInto('oauth_clients')
    .values({ client_id: client.id, metadata: client.metadata, created_ts: client.now, used_ts: client.now })
    .onConflict((conflict) => conflict.column('client_id').doUpdateSet({ used_ts: client.now }))
    .execute()
}

export async function noteUse(tx: Tx, id: string, now: number): Promise<void> {
  await tx.updateTable('oauth_clients').set({ used_ts: now }).where('client_id', '=', id).execute()
}

export const countClients = async (db: Reader | Tx): Promise<number> =>
  Number(
    (
      await db
        .selectFrom('oauth_clients')
        .select((of) => of.fn.countAll().as('count'))
        .executeTakeFirst()
    )?.count ?? 0,
  )

/**
 * Forgets clients that nobody is signed in with: those not asked for since `before`, oldest first, at most `limit` of them.
 * Returns how many went.
 */
export async function forgetClients(tx: Tx, before: number, limit: number): Promise<number> {
  const unused = await tx
    .selectFrom('oauth_clients')
    .where('used_ts', '<', before)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('oauth_sessions')
            .whereRef('oauth_sessions.client_id', '=', 'oauth_clients.client_id')
            .select('device_nid'),
        ),
      ),
    )
    .orderBy('used_ts')
    .limit(limit)
    .select('client_id')
    .execute()
  if (unused.length > 0)
    await tx
      .deleteFrom('oauth_clients')
      .where(
        'client_id',
        'in',
        unused.map(({ client_id: id }) => id),
      )
      .execute()
  return unused.length
}
