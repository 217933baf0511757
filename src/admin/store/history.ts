import type { Reader } from '../../storage/index.ts'

/** The place of the last event of a room that was sent up to a time (ms). */
export const readPositionAt = async (db: Reader, room: number, ts: number): Promise<number | undefined> =>
  (
    await db
      .selectFrom('events')
      .where('room_nid', '=', room)
      .where('ts', '<=', ts)
      .where('position', 'is not', null)
      .orderBy('ts', 'desc')
      .orderBy('position', 'desc')
      .limit(1)
      .select('position')
      .executeTakeFirst()
  )?.position ?? undefined
