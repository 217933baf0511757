import { flatten } from '../../events/index.ts'
import { toRoomEvent, hasRightHash } from '../../matrix/event.ts'
import { canonicalJson, type JsonObject } from '../../matrix/json.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import { findRoomVersion, type RoomVersion } from '../../matrix/room-version.ts'
import { readPlaced, readReach, readRoomRow, readTextsByNid } from '../store/rooms.ts'
import { isTrue, type ImportContext } from '../target.ts'

interface Source {
  event_id: string
  stream_ordering: number
  json: string
  outlier: unknown
}

/** Events that are compared at once, and states of one room that are. */
const [size, mostStates] = [500, 50]

/**
 * Compares rooms, chosen at random, with those of Synapse: every event with its place and its words, the state now and at events of
 * the room, also chosen at random. What differs is told in the report.
 */
export async function checkRooms(ctx: ImportContext, rooms: number): Promise<void> {
  const { source, report, tell } = ctx
  const found = await source.rows<{ room_id: string }>(
    'select room_id from rooms where room_id in (select room_id from current_state_events) order by random() limit ?',
    [rooms],
  )
  for (const [index, { room_id: roomId }] of found.entries()) {
    const row = await readRoomRow(ctx.database.read, roomId)
    const version = row && findRoomVersion(row.version)
    if (!row || !version) continue
    // What has come since the room was read is for the next pass.
    const newest = (await readReach(ctx.database.read, row.nid))?.newest ?? 0
    await checkEvents(ctx, roomId, { room: row.nid, version, newest })
    await checkStates(ctx, roomId, { now: row.state_nid, newest })
    report.checked += 1
    tell({ part: 'rooms compared', done: index + 1, of: found.length })
  }
}

async function checkEvents(
  { source, database, report }: ImportContext,
  roomId: string,
  { room, version, newest }: { room: number; version: RoomVersion; newest: number },
): Promise<void> {
  for (let after = Number.MIN_SAFE_INTEGER; ;) {
    const rows = await source.rows<Source>(
      `select t.event_id, t.stream_ordering, t.outlier, j.json from events t join event_json j on j.event_id = t.event_id
        where t.room_id = ? and t.stream_ordering > ? and t.stream_ordering <= ? order by t.stream_ordering limit ${size}`,
      [roomId, after, newest],
    )
    const here = new Map(
      (
        await readPlaced(
          database.read,
          rows.map((row) => row.event_id),
        )
      ).map((row) => [row.event_id, row]),
    )
    for (const row of rows) {
      const held = here.get(row.event_id)
      if (!held || held.room_nid !== room) report.differences.push(`${roomId}: the event ${row.event_id} is not here`)
      else {
        if (!isTrue(row.outlier) && held.position !== row.stream_ordering)
          report.differences.push(`${roomId}: the event ${row.event_id} has another place`)
        const { unsigned: _, ...pdu } = JSON.parse(row.json) as JsonObject
        const event = toRoomEvent(JSON.parse(held.json) as Pdu & JsonObject, version, row.event_id)
        if (held.redacted_by === null && held.json !== canonicalJson(pdu))
          report.differences.push(`${roomId}: the event ${row.event_id} has other words`)
        if (held.redacted_by === null && hasRightHash(pdu as unknown as Pdu) && !hasRightHash(event.pdu))
          report.differences.push(`${roomId}: the event ${row.event_id} has another hash`)
      }
    }
    after = rows.at(-1)?.stream_ordering ?? after
    if (rows.length < size) return
  }
}

async function checkStates(
  ctx: ImportContext,
  roomId: string,
  { now, newest }: { now: number; newest: number },
): Promise<void> {
  const { source, report } = ctx
  const current = await source.rows<{ event_id: string }>(
    'select event_id from current_state_events where room_id = ?',
    [roomId],
  )
  const [last] = await source.rows<{ last: number }>(
    'select max(stream_ordering) as last from events where room_id = ?',
    [roomId],
  )
  const isStill = (last?.last ?? 0) <= newest
  if (isStill && !sameIds(await idsIn(ctx, now), new Set(current.map((row) => row.event_id))))
    report.differences.push(`${roomId}: the state is another one`)
  const some = await source.rows<{
    event_id: string
    state_group: number
    state_key: string | null
    rejected: string | null
  }>(
    `select g.event_id, g.state_group, e.state_key, r.reason as rejected from event_to_state_groups g join events e on e.event_id = g.event_id
      left join rejections r on r.event_id = g.event_id where e.room_id = ? order by random() limit ${mostStates}`,
    [roomId],
  )
  const held = new Map(
    (
      await readPlaced(
        ctx.database.read,
        some.map((row) => row.event_id),
      )
    ).map((row) => [row.event_id, row]),
  )
  for (const row of some) {
    const event = held.get(row.event_id)
    if (!event) continue
    const ids = event.state_nid === null ? new Set<string>() : await idsIn(ctx, event.state_nid)
    if (event.state_key !== null && event.standing !== 2) {
      for (const text of event.replaces_nid === null
        ? []
        : await readTextsByNid(ctx.database.read, [event.replaces_nid]))
        ids.delete(text.event_id)
      ids.add(row.event_id)
    }
    if (!sameIds(ids, await stateOfGroup(ctx, row.state_group)))
      report.differences.push(`${roomId}: the state at ${row.event_id} is another one`)
  }
}

/** Ids of the events of a state that is here. */
async function idsIn({ stateSets, database }: ImportContext, state: number): Promise<Set<string>> {
  if (state === 0) return new Set()
  const nids = [...flatten(await stateSets.chain(state)).values()]
  const ids = new Set<string>()
  for (let start = 0; start < nids.length; start += size)
    for (const row of await readTextsByNid(database.read, nids.slice(start, start + size))) ids.add(row.event_id)
  return ids
}

/** Ids of the events of a state as Synapse says it, worked out of its tables in another way than the import does it. */
async function stateOfGroup({ source }: ImportContext, group: number): Promise<Set<string>> {
  const rows = await source.rows<{ type: string; state_key: string; event_id: string }>(
    `with recursive up (state_group, distance) as (
        select cast(? as bigint), 0
        union all select e.prev_state_group, up.distance + 1 from state_group_edges e join up on e.state_group = up.state_group)
      select s.type, s.state_key, s.event_id from up join state_groups_state s on s.state_group = up.state_group order by up.distance desc`,
    [group],
  )
  const state = new Map(rows.map((row) => [`${row.type}\0${row.state_key}`, row.event_id]))
  return new Set(state.values())
}

const sameIds = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((id) => b.has(id))
