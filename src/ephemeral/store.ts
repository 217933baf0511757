import { hot, type Reader, type ReceiptsTable, type Tx } from '../storage/index.ts'

export type ReceiptRow = Readonly<ReceiptsTable>

const selectPlace = hot((db, p: { room: number; user: number; type: string; thread: string }) =>
  db
    .selectFrom('receipts')
    .where('room_nid', '=', p.room)
    .where('user_nid', '=', p.user)
    .where('type', '=', p.type)
    .where('thread', '=', p.thread)
    .select('event_position'),
)
const selectOfUser = hot((db, p: { room: number; user: number }) =>
  db
    .selectFrom('receipts')
    .where('room_nid', '=', p.room)
    .where('user_nid', '=', p.user)
    .select(['thread', 'event_position']),
)
const selectAllOfUser = hot((db, p: { user: number }) =>
  db.selectFrom('receipts').where('user_nid', '=', p.user).select(['room_nid', 'thread', 'event_position']),
)
const upsert = hot((db, p: ReceiptsTable) =>
  db
    .insertInto('receipts')
    .values({
      room_nid: p.room_nid,
      user_nid: p.user_nid,
      type: p.type,
      thread: p.thread,
      event_id: p.event_id,
      event_position: p.event_position,
      ts: p.ts,
      position: p.position,
    })
    .onConflict((conflict) =>
      conflict.columns(['room_nid', 'user_nid', 'type', 'thread']).doUpdateSet((row) => ({
        event_id: row.ref('excluded.event_id'),
        event_position: row.ref('excluded.event_position'),
        ts: row.ref('excluded.ts'),
        position: row.ref('excluded.position'),
      })),
    ),
)
const selectStatus = hot((db, p: { user: number }) =>
  db.selectFrom('presence').where('user_nid', '=', p.user).select('status_msg'),
)
const upsertStatus = hot((db, p: { user: number; text: string }) =>
  db
    .insertInto('presence')
    .values({ user_nid: p.user, status_msg: p.text })
    .onConflict((conflict) =>
      conflict.column('user_nid').doUpdateSet((row) => ({ status_msg: row.ref('excluded.status_msg') })),
    ),
)
const deleteStatus = hot((db, p: { user: number }) => db.deleteFrom('presence').where('user_nid', '=', p.user))

/** Position of the event up to which the receipt reaches. */
export const readReceiptPlace = async (
  tx: Tx,
  room: number,
  user: number,
  type: string,
  thread: string,
): Promise<number | undefined> => (await selectPlace.first(tx, { room, user, type, thread }))?.event_position

export const readReceiptsOf = (
  db: Reader,
  room: number,
  user: number,
): Promise<Array<{ thread: string; event_position: number }>> => selectOfUser.all(db, { room, user })

export const readAllReceiptsOf = (
  db: Reader,
  user: number,
): Promise<Array<{ room_nid: number; thread: string; event_position: number }>> => selectAllOfUser.all(db, { user })

export async function saveReceipt(tx: Tx, receipt: ReceiptRow): Promise<void> {
  upsert.later(tx, receipt)
}

/** Receipts of some rooms that came in `(since, until]`; private ones of `user` alone. */
export const readReceipts = (
  db: Reader,
  user: number,
  rooms: readonly number[],
  since: number,
  until: number,
): Promise<ReceiptRow[]> =>
  db
    .selectFrom('receipts')
    .where('room_nid', 'in', rooms)
    .where('position', '>', since)
    .where('position', '<=', until)
    .where((row) => row.or([row('type', '=', 'm.read'), row('user_nid', '=', user)]))
    .orderBy('position')
    .selectAll()
    .execute()

export const readStatus = async (db: Reader, user: number): Promise<string | undefined> =>
  (await selectStatus.first(db, { user }))?.status_msg

/** Null: there is none. */
export async function saveStatus(tx: Tx, user: number, text: string | null): Promise<void> {
  if (text === null) await deleteStatus.run(tx, { user })
  else await upsertStatus.run(tx, { user, text })
}
