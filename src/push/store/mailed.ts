import type { Reader, Tx } from '../../storage/index.ts'
import type { Throttle } from '../email/throttle.ts'

/** By short id of the room. */
export async function readThrottles(db: Reader, pusher: number): Promise<Map<number, Throttle>> {
  const rows = await db.selectFrom('pusher_rooms').where('pusher_nid', '=', pusher).selectAll().execute()
  return new Map(
    rows.map((row) => [row.room_nid, { mailedTs: row.mailed_ts, waitMs: row.wait_ms, position: row.mailed_position }]),
  )
}

/** Writes down that a mail about these rooms has been written. */
export async function saveMailed(tx: Tx, pusher: number, rooms: ReadonlyMap<number, Throttle>): Promise<void> {
  for (const [room, { mailedTs, waitMs, position }] of rooms) {
    const values = { mailed_ts: mailedTs, wait_ms: waitMs, mailed_position: position }
    await tx
      .insertInto('pusher_rooms')
      .values({ pusher_nid: pusher, room_nid: room, ...values })
      .onConflict((conflict) => conflict.columns(['pusher_nid', 'room_nid']).doUpdateSet(values))
      .execute()
  }
}

/** The pusher whose mail has this secret in its link. */
export const readPusherBySecret = (
  db: Reader,
  nid: number,
  secret: string,
): Promise<{ user_nid: number; app_id: string; pushkey: string } | undefined> =>
  db
    .selectFrom('pushers')
    .where('nid', '=', nid)
    .where('secret', '=', secret)
    .select(['user_nid', 'app_id', 'pushkey'])
    .executeTakeFirst()
