import { sql } from 'kysely'
import type { Pdu } from '../../matrix/event.ts'
import type { Reader } from '../../storage/index.ts'
import type { Candidate } from '../ledger.ts'

/** From where on a room is unread. */
export interface Floor {
  readonly room: number
  readonly roomId: string
  /** Up to here everything is read. */
  readonly all: number
  /** Up to here what is in no thread is read; not below `all`. */
  readonly main: number
}

/** Rooms in one query. */
const atOnce = 200

type Row = { nid: number, room_nid: number, position: number, sender_nid: number, event_id: string, thread_root: string | null, json: string }

/**
 * The events that may be unread, oldest first, by room: of each room at most the newest `limit` after its floor for what is in no
 * thread, and the newest `limit` in threads between the two floors. One query for many rooms; those without any are left out.
 */
export async function readUnread(db: Reader, user: number, floors: readonly Floor[], until: number, limit: number): Promise<Map<number, Candidate[]>> {
  const found = new Map<number, Candidate[]>()
  for (let start = 0; start < floors.length; start += atOnce) {
    const part = floors.slice(start, start + atOnce)
    const roomIds = new Map(part.map(({ room, roomId }) => [room, roomId]))
    for (const row of await readPart(db, user, part, until, limit)) {
      const list = found.get(row.room_nid) ?? []
      list.push(candidateFrom(row, roomIds.get(row.room_nid) ?? ''))
      found.set(row.room_nid, list)
    }
  }
  return found
}

/** Each room's cut is found in an index alone, so that a room with a hundred thousand unread events costs no more than one with a few. */
async function readPart(db: Reader, user: number, floors: readonly Floor[], until: number, limit: number): Promise<Row[]> {
  const values = floors.map(({ room, main, all }) => sql`(cast(${room} as bigint), cast(${main} as bigint), cast(${all} as bigint))`)
  const columns = sql`events.nid, events.room_nid, events.position, events.sender_nid, events.event_id, events.thread_root, events.json`
  const wanted = sql`events.standing = 0 and (events.redacted_by is null or events.sender_nid = ${user})`
  const { rows } = await sql<Row>`
    with floors (room_nid, main_floor, all_floor) as (values ${sql.join(values)}),
    cuts as (
      select room_nid, main_floor,
        coalesce((
          select position from events where events.room_nid = floors.room_nid and position > main_floor and position <= ${until}
          order by position desc limit 1 offset ${limit}), main_floor) as main_cut,
        coalesce((
          select position from events where events.room_nid = floors.room_nid and position > all_floor and position <= main_floor
            and thread_root is not null
          order by position desc limit 1 offset ${limit}), all_floor) as thread_cut
      from floors)
    select ${columns} from cuts cross join events
      where events.room_nid = cuts.room_nid and events.position > cuts.main_cut and events.position <= ${until} and ${wanted}
    union all
    select ${columns} from cuts cross join events
      where events.room_nid = cuts.room_nid and events.position > cuts.thread_cut and events.position <= cuts.main_floor
        and events.thread_root is not null and ${wanted}
    order by position`.execute(db)
  return rows
}

/** The part of a stored event that push rules look at. It is not put in the cache of events, which a long absence would flush. */
function candidateFrom(row: Row, roomId: string): Candidate {
  const pdu = JSON.parse(row.json) as Pdu // our own, written canonically
  return {
    nid: row.nid, sender: row.sender_nid, position: row.position, threadRoot: row.thread_root, redactedBy: null,
    event: { id: row.event_id, type: pdu.type, sender: pdu.sender, roomId, stateKey: pdu.state_key, content: pdu.content, ts: pdu.origin_server_ts },
  }
}
