import { hot, type BlockedRoomsTable, type Reader, type Tx } from '../storage/index.ts'

const annotation = hot((db, p: { room: number; target: string; type: string; key: string; sender: number }) =>
  db
    .selectFrom('relations')
    .where('room_nid', '=', p.room)
    .where('target_id', '=', p.target)
    .where('rel_type', '=', 'm.annotation')
    .where('type', '=', p.type)
    .where('key', '=', p.key)
    .where('sender_nid', '=', p.sender)
    .select('event_nid'),
)

const relationOfEvent = hot((db, p: { event: number }) =>
  db.selectFrom('relations').where('event_nid', '=', p.event).select('rel_type'),
)

/** The reaction with this key that the user has given the event. */
export const readAnnotation = async (
  db: Reader,
  p: { room: number; target: string; type: string; key: string; sender: number },
): Promise<number | undefined> => (await annotation.first(db, p))?.event_nid

/** How an event relates to another, if it does. */
export const readRelationOf = async (db: Reader, event: number): Promise<string | undefined> =>
  (await relationOfEvent.first(db, { event }))?.rel_type

export const readBlocks = (db: Reader, limit: number): Promise<BlockedRoomsTable[]> =>
  db.selectFrom('blocked_rooms').orderBy('blocked_ts').limit(limit).selectAll().execute()

/** Keeps the word of who was first. */
export async function addBlock(tx: Tx, row: BlockedRoomsTable): Promise<void> {
  await tx
    .insertInto('blocked_rooms')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

export async function deleteBlock(tx: Tx, roomId: string): Promise<void> {
  await tx.deleteFrom('blocked_rooms').where('room_id', '=', roomId).execute()
}
