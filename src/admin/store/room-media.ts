import type { Reader } from '../../storage/index.ts'

/** Events of a room after a position that name files. */
export const readEventsWithMedia = (
  db: Reader,
  room: number,
  after: number,
  limit: number,
): Promise<{ position: number | null; json: string }[]> =>
  db
    .selectFrom('events')
    .where('room_nid', '=', room)
    .where('position', '>', after)
    .where('json', 'like', '%mxc://%')
    .orderBy('position')
    .limit(limit)
    .select(['position', 'json'])
    .execute()
