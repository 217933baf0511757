import { sql } from 'kysely'
import { own, type Json, type JsonObject } from '../../matrix/json.ts'
import { hot, type Reader } from '../../storage/index.ts'

/** Well below what either database allows in one statement. */
const atOnce = 500

/** Answers a question about many ids in as many statements as it takes. */
export async function inParts<I, R>(ids: readonly I[], read: (part: readonly I[]) => Promise<R[]>): Promise<R[]> {
  if (ids.length <= atOnce) return ids.length === 0 ? [] : read(ids)
  const rows: R[] = []
  for (let start = 0; start < ids.length; start += atOnce) rows.push(...(await read(ids.slice(start, start + atOnce))))
  return rows
}

/** The contents of all events that ever set the history visibility of these rooms, whether or not they took effect. */
export async function readVisibilities(
  db: Reader,
  rooms: readonly number[],
): Promise<Map<number, Array<{ content: JsonObject }>>> {
  const rows = await inParts(rooms, (part) =>
    db
      .selectFrom('events')
      // Written out, so that the partial index fits.
      .where('type', '=', sql.lit('m.room.history_visibility'))
      .where('room_nid', 'in', part)
      .where('state_key', '=', '')
      .select(['room_nid', 'json'])
      .execute(),
  )
  const found = new Map<number, Array<{ content: JsonObject }>>()
  for (const { room_nid: room, json } of rows) {
    const content = own(JSON.parse(json) as Json, 'content') as JsonObject // every event has a content
    found.set(room, [...(found.get(room) ?? []), { content }])
  }
  return found
}

/** Short ids of events, by event id; what is not known is left out. */
export async function readNids(db: Reader, eventIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await inParts(eventIds, (part) =>
    db.selectFrom('events').where('event_id', 'in', part).select(['event_id', 'nid']).execute(),
  )
  return new Map(rows.map((row) => [row.event_id, row.nid]))
}

/** Room ids by short id. */
export async function readRoomIds(db: Reader, rooms: readonly number[]): Promise<Map<number, string>> {
  const rows = await inParts(rooms, (part) =>
    db.selectFrom('rooms').where('nid', 'in', part).select(['nid', 'room_id']).execute(),
  )
  return new Map(rows.map((row) => [row.nid, row.room_id]))
}

interface Moment {
  readonly room: number
  /** Milliseconds, inclusive. */
  readonly ts: number
  /** Of events with the very same time: those after this position (f), before it (b). */
  readonly position: number
  /** Inclusive. */
  readonly upTo: number
  readonly limit: number
}

const after = hot((db, p: Moment) =>
  db
    .selectFrom('events')
    .where('room_nid', '=', p.room)
    .where('standing', '=', 0)
    .where('position', '<=', p.upTo)
    .where('ts', '>=', p.ts)
    .where((eb) => eb.or([eb('ts', '>', p.ts), eb('position', '>', p.position)]))
    .orderBy('ts', 'asc')
    .orderBy('position', 'asc')
    .limit(p.limit)
    .select(['nid', 'ts', 'position']),
)

const before = hot((db, p: Moment) =>
  db
    .selectFrom('events')
    .where('room_nid', '=', p.room)
    .where('standing', '=', 0)
    .where('position', '<=', p.upTo)
    .where('ts', '<=', p.ts)
    .where((eb) => eb.or([eb('ts', '<', p.ts), eb('position', '<', p.position)]))
    .orderBy('ts', 'desc')
    .orderBy('position', 'desc')
    .limit(p.limit)
    .select(['nid', 'ts', 'position']),
)

/** The events nearest to a time, nearest first. */
export const readNearest = (
  db: Reader,
  dir: 'b' | 'f',
  moment: Moment,
): Promise<Array<{ nid: number; ts: number; position: number | null }>> =>
  (dir === 'f' ? after : before).all(db, moment)
