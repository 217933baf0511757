import { findRoomVersion } from '../../matrix/room-version.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { toRoomEvent } from '../../matrix/event.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import { hot, type EventsTable, type Reader, type Tx } from '../../storage/index.ts'
import type { StoredEvent } from '../stored-event.ts'

export type EventRow = EventsTable & { room_id: string; version: string }

const columns = [
  'events.nid',
  'events.event_id',
  'events.room_nid',
  'events.position',
  'events.depth',
  'events.ts',
  'events.type',
  'events.state_key',
  'events.sender_nid',
  'events.json',
  'events.state_nid',
  'events.standing',
  'events.device_nid',
  'events.txn_id',
  'events.replaces_nid',
  'events.redacted_by',
  'events.thread_root',
  'rooms.room_id',
  'rooms.version',
] as const

const byNid = hot((db, p: { nid: number }) =>
  db
    .selectFrom('events')
    .innerJoin('rooms', 'rooms.nid', 'events.room_nid')
    .where('events.nid', '=', p.nid)
    .select(columns),
)

const byId = hot((db, p: { eventId: string }) =>
  db
    .selectFrom('events')
    .innerJoin('rooms', 'rooms.nid', 'events.room_nid')
    .where('events.event_id', '=', p.eventId)
    .select(columns),
)

const byTxn = hot((db, p: { device: number; txnId: string }) =>
  db
    .selectFrom('events')
    .innerJoin('rooms', 'rooms.nid', 'events.room_nid')
    .where('events.device_nid', '=', p.device)
    .where('events.txn_id', '=', p.txnId)
    .select(columns),
)

const backwards = hot((db, p: { room: number; above: number; upTo: number; limit: number }) =>
  db
    .selectFrom('events')
    .innerJoin('rooms', 'rooms.nid', 'events.room_nid')
    .where('events.room_nid', '=', p.room)
    .where('events.position', '>', p.above)
    .where('events.position', '<=', p.upTo)
    .where('events.standing', '=', 0)
    .orderBy('events.position', 'desc')
    .limit(p.limit)
    .select(columns),
)

const forwards = hot((db, p: { room: number; above: number; upTo: number; limit: number }) =>
  db
    .selectFrom('events')
    .innerJoin('rooms', 'rooms.nid', 'events.room_nid')
    .where('events.room_nid', '=', p.room)
    .where('events.position', '>', p.above)
    .where('events.position', '<=', p.upTo)
    .where('events.standing', '=', 0)
    .orderBy('events.position', 'asc')
    .limit(p.limit)
    .select(columns),
)

const memberEvents = hot((db, p: { room: number; above: number; upTo: number }) =>
  db
    .selectFrom('events')
    .innerJoin('rooms', 'rooms.nid', 'events.room_nid')
    .where('events.room_nid', '=', p.room)
    .where('events.position', '>', p.above)
    .where('events.position', '<=', p.upTo)
    .where('events.type', '=', 'm.room.member')
    .where('events.standing', '=', 0)
    .orderBy('events.position')
    .select(columns),
)

/** The rooms tell which of them have anything there: positions alone have no index. */
const everywhere = hot((db, p: { above: number; upTo: number }) =>
  db
    .selectFrom('rooms')
    .innerJoin('events', 'events.room_nid', 'rooms.nid')
    .where('rooms.latest_position', '>', p.above)
    .where('events.position', '>', p.above)
    .where('events.position', '<=', p.upTo)
    .where('events.standing', '=', 0)
    .orderBy('events.position')
    .select(columns),
)

const insert = hot((db, p: EventsTable) =>
  db.insertInto('events').values({
    nid: p.nid,
    event_id: p.event_id,
    room_nid: p.room_nid,
    position: p.position,
    depth: p.depth,
    ts: p.ts,
    type: p.type,
    state_key: p.state_key,
    sender_nid: p.sender_nid,
    json: p.json,
    state_nid: p.state_nid,
    standing: p.standing,
    device_nid: p.device_nid,
    txn_id: p.txn_id,
    replaces_nid: p.replaces_nid,
    redacted_by: p.redacted_by,
    thread_root: p.thread_root,
  }),
)

const redactRow = hot((db, p: { nid: number; json: string; redactedBy: number }) =>
  db.updateTable('events').set({ json: p.json, redacted_by: p.redactedBy }).where('nid', '=', p.nid),
)

const place = hot(
  (
    db,
    p: {
      nid: number
      position: number | null
      json: string
      state: number | null
      standing: number
      replaces: number | null
      redactedBy: number | null
    },
  ) =>
    db
      .updateTable('events')
      .set({
        position: p.position,
        json: p.json,
        state_nid: p.state,
        standing: p.standing,
        replaces_nid: p.replaces,
        redacted_by: p.redactedBy,
      })
      .where('nid', '=', p.nid),
)

/** The event in a row. The JSON is our own, written canonically: it is trusted. */
export function fromRow(row: EventRow): StoredEvent {
  const version = findRoomVersion(row.version)
  if (!version)
    throw new Error(`The database holds a room of version ${row.version}, which this Latchkey does not know`)
  const pdu = JSON.parse(row.json) as Pdu & JsonObject
  const event = toRoomEvent(pdu, version, row.event_id)
  return {
    nid: row.nid,
    room: row.room_nid,
    sender: row.sender_nid,
    event,
    position: row.position ?? 0,
    size: row.json.length,
    stateBefore: row.state_nid,
    standing: row.standing,
    device: row.device_nid,
    txnId: row.txn_id,
    replaces: row.replaces_nid,
    redactedBy: row.redacted_by,
    threadRoot: row.thread_root,
  }
}

export const readEvent = (db: Reader, nid: number): Promise<EventRow | undefined> => byNid.first(db, { nid })

export const readEventById = (db: Reader, eventId: string): Promise<EventRow | undefined> => byId.first(db, { eventId })

/** What a device sent under a transaction id: several, when it used the id on several endpoints. */
export const readEventsByTxn = (db: Reader, device: number, txnId: string): Promise<EventRow[]> =>
  byTxn.all(db, { device, txnId })

/** The room's member events between two positions. */
export const readMemberEvents = (db: Reader, room: number, above: number, upTo: number): Promise<EventRow[]> =>
  memberEvents.all(db, { room, above, upTo })

export interface Span {
  room: number
  /** Exclusive. */
  above: number
  /** Inclusive. */
  upTo: number
  limit: number
  /** `b`: newest first; `f`: oldest first. */
  dir: 'b' | 'f'
}

/** The room's timeline between two positions. */
export const readTimeline = (db: Reader, { dir, ...span }: Span): Promise<EventRow[]> =>
  (dir === 'b' ? backwards : forwards).all(db, span)

/** The accepted events of all rooms between two positions, in the order of the log. */
export const readEverywhere = (db: Reader, above: number, upTo: number): Promise<EventRow[]> =>
  everywhere.all(db, { above, upTo })

/** Several events, in no order; ids that are not there are left out. */
export async function readEvents(db: Reader, nids: readonly number[]): Promise<EventRow[]> {
  const rows: EventRow[] = []
  for (let start = 0; start < nids.length; start += 500) {
    rows.push(
      ...(await db
        .selectFrom('events')
        .innerJoin('rooms', 'rooms.nid', 'events.room_nid')
        .where('events.nid', 'in', nids.slice(start, start + 500))
        .select(columns)
        .execute()),
    )
  }
  return rows
}

/** Several events by id, in no order; what is not there is left out. */
export async function readEventsById(db: Reader, ids: readonly string[]): Promise<EventRow[]> {
  const rows: EventRow[] = []
  for (let start = 0; start < ids.length; start += 500) {
    rows.push(
      ...(await db
        .selectFrom('events')
        .innerJoin('rooms', 'rooms.nid', 'events.room_nid')
        .where('events.event_id', 'in', ids.slice(start, start + 500))
        .select(columns)
        .execute()),
    )
  }
  return rows
}

export async function insertEvent(tx: Tx, stored: StoredEvent, json: string): Promise<void> {
  const { event } = stored
  insert.later(tx, {
    nid: stored.nid,
    event_id: event.id,
    room_nid: stored.room,
    position: stored.position === 0 ? null : stored.position,
    depth: event.depth,
    ts: event.ts,
    type: event.type,
    state_key: event.stateKey ?? null,
    sender_nid: stored.sender,
    json,
    state_nid: stored.stateBefore,
    standing: stored.standing,
    device_nid: stored.device,
    txn_id: stored.txnId,
    replaces_nid: stored.replaces,
    redacted_by: stored.redactedBy,
    thread_root: stored.threadRoot,
  })
}

/** An event that was here without its place in the room gets one. */
export async function placeEvent(tx: Tx, stored: StoredEvent, json: string): Promise<void> {
  place.later(tx, {
    nid: stored.nid,
    position: stored.position === 0 ? null : stored.position,
    json,
    state: stored.stateBefore,
    standing: stored.standing,
    replaces: stored.replaces,
    redactedBy: stored.redactedBy,
  })
}

/** Puts the redacted form in place of the event: what was redacted is gone. */
export async function replaceByRedacted(tx: Tx, nid: number, json: string, redactedBy: number): Promise<void> {
  redactRow.later(tx, { nid, json, redactedBy })
}
