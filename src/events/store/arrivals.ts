import { sql } from 'kysely'
import { hot, type Reader, type Tx } from '../../storage/index.ts'

export interface ArrivalRow {
  readonly nid: number
  readonly event_id: string
  readonly origin: string
  readonly json: string
  readonly tries: number
}

const add = hot((db, p: { room: number; eventId: string; origin: string; json: string }) =>
  db
    .insertInto('arrivals')
    .values({ room_nid: p.room, event_id: p.eventId, origin: p.origin, json: p.json })
    .onConflict((conflict) => conflict.doNothing()),
)
const next = hot((db, p: { room: number; after: number; limit: number }) =>
  db
    .selectFrom('arrivals')
    .where('room_nid', '=', p.room)
    .where('nid', '>', p.after)
    .orderBy('nid')
    .limit(p.limit)
    .select(['nid', 'event_id', 'origin', 'json', 'tries']),
)
const remove = hot((db, p: { nid: number }) => db.deleteFrom('arrivals').where('nid', '=', p.nid))
const failed = hot((db, p: { nid: number }) =>
  db
    .updateTable('arrivals')
    .set((row) => ({ tries: row('tries', '+', 1) }))
    .where('nid', '=', p.nid),
)

export async function addArrival(
  tx: Tx,
  arrival: { room: number; eventId: string; origin: string; json: string },
): Promise<void> {
  await add.run(tx, arrival)
}

/** Those of a room, in the order in which they came, from one on. */
export const readArrivals = (db: Reader, room: number, after: number, limit: number): Promise<ArrivalRow[]> =>
  next.all(db, { room, after, limit })

export async function deleteArrival(tx: Tx, nid: number): Promise<void> {
  await remove.run(tx, { nid })
}

export async function countFailure(tx: Tx, nid: number): Promise<void> {
  await failed.run(tx, { nid })
}

/** Rooms in which something waits. */
export const readWaitingRooms = async (db: Reader): Promise<number[]> =>
  (await db.selectFrom('arrivals').select('room_nid').distinct().execute()).map((row) => row.room_nid)

/** How many wait for a room, and how many of these came from one server. */
export async function countArrivals(db: Reader, room: number, origin: string): Promise<{ all: number; own: number }> {
  const row = await db
    .selectFrom('arrivals')
    .where('room_nid', '=', room)
    .select(({ fn }) => [
      fn.countAll().as('all'),
      fn.sum(sql<number>`case when origin = ${origin} then 1 else 0 end`).as('own'),
    ])
    .executeTakeFirstOrThrow()
  return { all: Number(row.all), own: Number(row.own ?? 0) }
}

/** The newest of all that wait; 0: none. */
export const newestArrival = async (db: Reader): Promise<number> =>
  (await db.selectFrom('arrivals').orderBy('nid', 'desc').limit(1).select('nid').executeTakeFirst())?.nid ?? 0
