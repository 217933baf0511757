import { holderIn, insertStateLayer, standings, type StateLayer } from '../../events/index.ts'
import { canonicalJson, type JsonObject } from '../../matrix/json.ts'
import { relationOf } from '../../matrix/relations.ts'
import type { RoomVersion } from '../../matrix/room-version.ts'
import type { EventsTable, RelationsTable } from '../../storage/index.ts'
import { readKnownEvents } from '../store/names.ts'
import { placeOutside } from '../store/rooms.ts'
import { putRows } from '../store/rows.ts'
import type { ImportContext } from '../target.ts'
import { openDeviceNids } from './devices.ts'
import { eventColumns, eventTables, readSourceEvent, type ReadEvent, type SourceEvent } from './event.ts'
import { openStateGroups, type StateGroups } from './state-groups.ts'

/** The events of one room on their way here. */
export interface RoomEvents {
  readonly groups: StateGroups
  /** Short ids of events; those that are not here yet are brought, without a place in the room. */
  nidsOf(ids: readonly string[]): Promise<ReadonlyMap<string, number>>
  /** Stores events with their places, states and relations. */
  put(rows: readonly SourceEvent[]): Promise<void>
  /** Stores member events of a room that nobody here is in: what its users are told of the room is in `unsigned`, and stays. */
  putOutside(ids: readonly string[]): Promise<void>
}

interface RoomOf {
  readonly nid: number
  readonly roomId: string
  readonly version: RoomVersion
}

/** Ids that are remembered for one room. */
const mostKnown = 50_000

export function openRoomEvents(ctx: ImportContext, room: RoomOf): RoomEvents {
  const { source, database, report } = ctx
  const known = new Map<string, number>()
  const devices = openDeviceNids(ctx)

  const look = async (ids: readonly string[]): Promise<void> => {
    const unknown = [...new Set(ids)].filter((id) => !known.has(id))
    if (unknown.length === 0) return
    for (const row of await readKnownEvents(database.read, unknown)) known.set(row.event_id, row.nid)
  }
  const readAll = (rows: readonly SourceEvent[]): ReadEvent[] =>
    rows.flatMap((row) => {
      try {
        const read = readSourceEvent(row, room.version)
        if (!read.isItself)
          report.leave('events whose id does not follow from their content: taken over all the same', row.event_id)
        return read
      } catch {
        report.leave('events that are no JSON', row.event_id)
        return []
      }
    })

  /** Events that others rest upon and that have no place of their own yet. */
  const bring = async (ids: readonly string[]): Promise<void> => {
    for (let start = 0; start < ids.length; start += 200) {
      const part = ids.slice(start, start + 200)
      const rows = await source.rows<SourceEvent>(
        `select ${eventColumns} from ${eventTables} where t.room_id = ? and t.event_id in (${part.map(() => '?').join(', ')})`,
        [room.roomId, ...part],
      )
      const read = readAll(rows)
      const users = await ctx.names.users(read.map(({ event }) => event.sender))
      const made = read.map((one) => ({
        ...rowOf(one, room.nid, ctx.ids.events.next(), users.get(one.event.sender) ?? 0),
        position: null,
      }))
      await database.write((tx) => putRows(tx, 'events', made, { key: ['event_id'], keep: 'all' }))
      for (const row of made) known.set(row.event_id, row.nid)
    }
  }
  const nidsOf = async (ids: readonly string[]): Promise<ReadonlyMap<string, number>> => {
    await look(ids)
    const missing = [...new Set(ids)].filter((id) => !known.has(id))
    if (missing.length > 0) await bring(missing)
    return new Map(ids.flatMap((id) => (known.has(id) ? [[id, known.get(id) ?? 0] as const] : [])))
  }
  const groups = openStateGroups(ctx, { nidsOf }, room.roomId)

  /** The state before an event. Synapse keeps the one after it: the event itself is taken out, and what it replaced put back. */
  const before = async ({ row, event, standing }: ReadEvent): Promise<readonly StateLayer[]> => {
    if (row.state_group === null) return []
    if (event.stateKey === undefined || standing === standings.rejected) return groups.chainOf(row.state_group)
    const group = await groups.read(row.state_group)
    const isStep = group.holders.length === 1 && group.holders[0]?.event_id === row.event_id
    if (group.parent !== undefined && isStep) return groups.chainOf(group.parent)
    if (event.prevEvents.length === 0) return []
    // Written as a whole: the state after the events that it follows, where these agree.
    const found = await source.rows<{ state_group: number }>(
      `select distinct state_group from event_to_state_groups where event_id in (${event.prevEvents.map(() => '?').join(', ')})`,
      event.prevEvents,
    )
    const [only] = found
    if (only && found.length === 1) return groups.chainOf(only.state_group)
    return withoutItself(await groups.chainOf(row.state_group), row.event_id, event.type, event.stateKey, row.json)
  }
  const withoutItself = async (
    after: readonly StateLayer[],
    id: string,
    type: string,
    stateKey: string,
    text: string,
  ): Promise<readonly StateLayer[]> => {
    const { unsigned } = JSON.parse(text) as { unsigned?: { replaces_state?: string } }
    const replaced = unsigned?.replaces_state
    const nids = await nidsOf(replaced === undefined ? [] : [replaced])
    const key = await ctx.stateKeys.intern(type, stateKey)
    if (replaced === undefined)
      report.leave('states before an event that had to be worked out from the one after it', id)
    return groups.after(after, new Map([[key, nids.get(replaced ?? '') ?? 0]]))
  }

  return {
    groups,
    nidsOf,
    putOutside: async (ids) => {
      const nids = await nidsOf(ids)
      const rows = await source.rows<SourceEvent>(
        `select ${eventColumns} from ${eventTables} where t.event_id in (${ids.map(() => '?').join(', ')})`,
        ids,
      )
      for (const row of rows) {
        const nid = nids.get(row.event_id)
        const json = canonicalJson(JSON.parse(row.json) as JsonObject) // what Synapse checked, and stored
        if (nid !== undefined) await database.write((tx) => placeOutside(tx, nid, row.stream_ordering, json))
      }
    },
    put: async (rows) => {
      const read = readAll(rows)
      if (read.length === 0) return
      if (known.size > mostKnown) known.clear()
      await look(read.map(({ row }) => row.event_id))
      for (const { row } of read) if (!known.has(row.event_id)) known.set(row.event_id, ctx.ids.events.next())
      // State that is made of events of this very batch is told by the ids that they are given now.
      await groups.prepare(read.flatMap(({ row }) => row.state_group ?? []))
      const users = await ctx.names.users(read.map(({ event }) => event.sender))
      const sent = read.flatMap(({ row: { txn_user: user, txn_device: device } }) =>
        user === null || device === null ? [] : [{ user_id: user, device_id: device }],
      )
      const device = await devices.of(sent)
      const senders = new Map(sent.map((pair) => [`${pair.user_id}/${pair.device_id}`, device(pair)]))
      const events: EventsTable[] = []
      const relations: RelationsTable[] = []
      for (const one of read) {
        const { row, event } = one
        const made = rowOf(one, room.nid, known.get(row.event_id) ?? 0, users.get(event.sender) ?? 0)
        if (!one.isOutlier) {
          const chain = await before(one)
          made.state_nid = chain.at(-1)?.nid ?? null
          const key = event.stateKey === undefined ? undefined : await ctx.stateKeys.find(event.type, event.stateKey)
          made.replaces_nid = (key !== undefined && holderIn(chain, key)) || null
          made.device_nid = senders.get(`${row.txn_user}/${row.txn_device}`) ?? null
          made.txn_id = made.device_nid === null ? null : row.txn_id
          const relation = relationOf(event)
          if (relation && one.standing === standings.accepted)
            relations.push({
              event_nid: made.nid,
              room_nid: room.nid,
              target_id: relation.eventId,
              rel_type: relation.relType,
              type: event.type,
              key: relation.key ?? null,
              sender_nid: made.sender_nid,
              position: made.position ?? 0,
            })
        }
        events.push(made)
      }
      const { layers, keys } = groups.take()
      await database.write(async (tx) => {
        for (const key of keys) await ctx.stateKeys.store(tx, key)
        for (const layer of layers) await insertStateLayer(tx, layer)
        // What has come as the foundation of others gets its place now.
        await putRows(tx, 'events', events, { key: ['event_id'], keep: ['nid'] })
        await putRows(tx, 'relations', relations, { key: ['event_nid'] })
      })
      for (const key of keys) ctx.stateKeys.confirm(key)
    },
  }
}

/** Rooms of v1–5 may say any number: a column holds a whole one. */
const whole = (value: number): number =>
  Math.trunc(Math.max(Math.min(value, Number.MAX_SAFE_INTEGER), Number.MIN_SAFE_INTEGER)) || 0

function rowOf(
  { row, event, json, standing, isOutlier }: ReadEvent,
  room: number,
  nid: number,
  sender: number,
): EventsTable {
  const relation = relationOf(event)
  return {
    nid,
    event_id: row.event_id,
    room_nid: room,
    position: isOutlier ? null : row.stream_ordering,
    depth: whole(event.depth),
    ts: whole(event.ts),
    type: event.type,
    state_key: event.stateKey ?? null,
    sender_nid: sender,
    json,
    state_nid: null,
    standing,
    device_nid: null,
    txn_id: null,
    replaces_nid: null,
    redacted_by: null,
    thread_root: relation?.relType === 'm.thread' ? relation.eventId : null,
  }
}
