import { hot, type AppservicesTable, type Reader, type Tx } from '../storage/index.ts'

export type Progress = Readonly<AppservicesTable>

const update = hot((db, p: Omit<AppservicesTable, 'epoch'>) =>
  db
    .updateTable('appservices')
    .set({ position: p.position, txn: p.txn, body: p.body, body_position: p.body_position })
    .where('id', '=', p.id),
)

export const readProgress = (db: Reader): Promise<Progress[]> => db.selectFrom('appservices').selectAll().execute()

/** Where an application service that is new begins. */
export async function addProgress(tx: Tx, progress: Progress): Promise<void> {
  await tx.insertInto('appservices').values(progress).execute()
}

export async function saveProgress(tx: Tx, { id, position, txn, body, body_position }: Progress): Promise<void> {
  await update.run(tx, { id, position, txn, body, body_position })
}

/** Forgets those that are registered no more: should one come back, it begins anew. */
export async function forgetOthers(tx: Tx, ids: readonly string[]): Promise<void> {
  for (const table of ['appservices', 'appservice_rooms'] as const) {
    const column = table === 'appservices' ? 'id' : 'appservice'
    const query = tx.deleteFrom(table)
    await (ids.length === 0 ? query : query.where(column, 'not in', ids)).execute()
  }
}

/** Everybody who has devices with keys. */
export const readUsersWithKeys = async (db: Reader): Promise<number[]> =>
  (await db.selectFrom('device_keys').select('user_nid').distinct().execute()).map((row) => row.user_nid)
