import { hot, type Reader, type Tx } from '../../storage/index.ts'

const add = hot((db, p: { room: number; position: number; key: number }) =>
  db
    .insertInto('state_resets')
    .values({ room_nid: p.room, position: p.position, key_nid: p.key })
    .onConflict((conflict) => conflict.doNothing()),
)

const newest = hot((db, p: { room: number }) =>
  db.selectFrom('state_resets').where('room_nid', '=', p.room).orderBy('position', 'desc').limit(1).select('position'),
)

const within = hot((db, p: { room: number; above: number; upTo: number }) =>
  db
    .selectFrom('state_resets')
    .where('room_nid', '=', p.room)
    .where('position', '>', p.above)
    .where('position', '<=', p.upTo)
    .select('key_nid'),
)

/** Notes places of a room's state that an event gave to others, or took, although it is not for them. */
export function addResets(tx: Tx, room: number, position: number, keys: readonly number[]): void {
  for (const key of keys) add.later(tx, { room, position, key })
}

/** The newest position at which a room has such; 0 where it never had. */
export const readNewestReset = async (db: Reader, room: number): Promise<number> =>
  (await newest.first(db, { room }))?.position ?? 0

export const readResets = async (db: Reader, room: number, above: number, upTo: number): Promise<number[]> =>
  (await within.all(db, { room, above, upTo })).map((row) => row.key_nid)

export async function deleteResets(tx: Tx, room: number): Promise<void> {
  await tx.deleteFrom('state_resets').where('room_nid', '=', room).execute()
}
