import { findRoomVersion, type RoomVersion } from '../../matrix/room-version.ts'
import { emptySummary } from '../../events/index.ts'
import { putRows } from '../store/rows.ts'
import { countEvents, readReach, readSomeRooms, readUnplaced } from '../store/rooms.ts'
import { isTrue, type ImportContext } from '../target.ts'
import { eventColumns, eventTables, type SourceEvent } from './event.ts'
import { openRoomEvents, type RoomEvents } from './room-events.ts'
import { importHead } from './room-head.ts'
import { importRedactions } from './redactions.ts'

interface RoomRow {
  room_id: string
  is_public: unknown
  room_version: string | null
  creator: string | null
  partial: string | null
  create_version: string | null
  create_ts: number | null
  create_sender: string | null
  /** Events that the room has. */
  create_id: string | null
}

/** Events of one batch. */
const size = 500

/** Every room with its events, its state at each of them, and how it stands now. Goes on where it stopped, room by room. */
export async function importRooms(ctx: ImportContext, of: number): Promise<void> {
  const { source, report, tell } = ctx
  let done = 0
  const more = (count: number): void => tell({ part: 'events', done: (done += count), of })
  for await (const rooms of source.scan<RoomRow>(
    {
      columns: `t.room_id, t.is_public, t.room_version, t.creator, p.room_id as partial, c.origin_server_ts as create_ts,
        c.sender as create_sender, c.event_id as create_id`,
      from: `rooms t left join partial_state_rooms p on p.room_id = t.room_id
        left join events c on c.room_id = t.room_id and c.type = 'm.room.create' and c.state_key = '' and c.rejection_reason is null`,
    },
    50,
  ))
    for (const row of rooms) {
      const version = findRoomVersion(row.room_version ?? '1')
      const why =
        row.partial !== null
          ? 'rooms whose state Synapse is still fetching: run the import again when it has it'
          : version === undefined
            ? `rooms of versions that are not known here`
            : undefined
      if (why !== undefined || !version) {
        report.leave(why ?? '', `${row.room_id} (version ${row.room_version})`)
        report.count('rooms', 1, 0)
        continue
      }
      if (row.create_id === null) await importOutside(ctx, row, version)
      else await importRoom(ctx, row, version, more)
    }
  await tellOfDeleted(ctx)
}

/** Rooms of an earlier pass that Synapse has deleted since: nobody is asked to do the same here unseen. */
async function tellOfDeleted({ source, database, report }: ImportContext): Promise<void> {
  for (let after = 0; ;) {
    const rows = await readSomeRooms(database.read, after, size)
    const ids = rows.map((row) => row.room_id)
    const marks = ids.map(() => '?').join(', ')
    const found = await source.rows<{ room_id: string }>(`select room_id from rooms where room_id in (${marks})`, ids)
    const there = new Set(found.map((row) => row.room_id))
    for (const id of ids)
      if (!there.has(id))
        report.leave('rooms that Synapse has deleted since an earlier pass, and that are still here', id)
    after = rows.at(-1)?.nid ?? after
    if (rows.length < size) return
  }
}

async function openRoom({ database, names, ids }: ImportContext, row: RoomRow, version: RoomVersion): Promise<number> {
  const known = (await names.rooms([row.room_id])).get(row.room_id)
  if (known !== undefined) return known
  const nid = ids.rooms.next()
  const creator = await names.user(row.create_sender ?? row.creator ?? `@unknown:${row.room_id.split(':')[1] ?? ''}`)
  const made = {
    nid,
    room_id: row.room_id,
    version: version.id,
    creator_nid: creator,
    state_nid: 0,
    extremities: '[]',
    latest_position: 0,
    bump_position: 0,
    created_ts: row.create_ts ?? 0,
    published: 0,
    name: null,
    topic: null,
    avatar_url: null,
    canonical_alias: null,
    join_rule: emptySummary.joinRule,
    history_visibility: emptySummary.historyVisibility,
    guest_access: emptySummary.guestAccess,
    room_type: null,
    encryption: null,
    joined_members: 0,
    invited_members: 0,
    successor: null,
  }
  await database.write((tx) => putRows(tx, 'rooms', [made], { key: ['room_id'], keep: 'all' }))
  return nid
}

async function importRoom(
  ctx: ImportContext,
  row: RoomRow,
  version: RoomVersion,
  tell: (count: number) => void,
): Promise<void> {
  const { source, database, report } = ctx
  const nid = await openRoom(ctx, row, version)
  const events = openRoomEvents(ctx, { nid, roomId: row.room_id, version })
  const reach = await readReach(database.read, nid)
  await importNewer(ctx, row.room_id, events, reach?.newest, tell)
  if (reach) {
    await importOlder(ctx, row.room_id, events, reach.oldest, tell)
    await importPlaces(ctx, nid, events)
  }
  await importRedactions(ctx, row.room_id, version)
  await importHead(ctx, { nid, roomId: row.room_id, version, published: isTrue(row.is_public), events })
  const [counted] = await source.rows<{ count: number }>('select count(*) as count from events where room_id = ?', [
    row.room_id,
  ])
  report.count('rooms', 1)
  report.count('events', Number(counted?.count), await countEvents(database.read, nid))
}

const read = (
  { source }: ImportContext,
  roomId: string,
  where: string,
  parameters: readonly unknown[],
): Promise<SourceEvent[]> =>
  source.rows<SourceEvent>(
    `select ${eventColumns} from ${eventTables} where t.room_id = ? and ${where} limit ${size}`,
    [roomId, ...parameters],
  )

/** What came after the newest event that is here. A room that is new begins with its oldest. */
async function importNewer(
  ctx: ImportContext,
  roomId: string,
  events: RoomEvents,
  newest: number | undefined,
  tell: (count: number) => void,
): Promise<void> {
  let after = newest ?? Number.MIN_SAFE_INTEGER
  for (;;) {
    const rows = await read(ctx, roomId, 't.stream_ordering > ? order by t.stream_ordering', [after])
    await events.put(rows)
    tell(rows.length)
    after = rows.at(-1)?.stream_ordering ?? after
    if (rows.length < size) return
  }
}

/** Older history that Synapse has fetched since: from the newest of it down, so that whatever ends this leaves no gap. */
async function importOlder(
  ctx: ImportContext,
  roomId: string,
  events: RoomEvents,
  oldest: number,
  tell: (count: number) => void,
): Promise<void> {
  let before = oldest
  for (;;) {
    const rows = await read(ctx, roomId, 't.stream_ordering < ? order by t.stream_ordering desc', [before])
    await events.put(rows)
    tell(rows.length)
    before = rows.at(-1)?.stream_ordering ?? before
    if (rows.length < size) return
  }
}

/** Events that had no place when they were taken over, and may have one by now. */
async function importPlaces(ctx: ImportContext, room: number, events: RoomEvents): Promise<void> {
  for (let after = 0; ;) {
    const unplaced = await readUnplaced(ctx.database.read, room, after, 200)
    const ids = unplaced.map((row) => row.event_id)
    if (ids.length > 0) {
      const rows = await ctx.source.rows<SourceEvent>(
        `select ${eventColumns} from ${eventTables} where t.event_id in (${ids.map(() => '?').join(', ')})`,
        ids,
      )
      await events.put(rows.filter((row) => !isTrue(row.outlier)))
    }
    after = unplaced.at(-1)?.nid ?? after
    if (unplaced.length < 200) return
  }
}

/** A room that nobody here is in, and somebody is invited to, or was. */
async function importOutside(ctx: ImportContext, row: RoomRow, version: RoomVersion): Promise<void> {
  const { source, report } = ctx
  interface Member {
    user_id: string
    event_id: string
    event_stream_ordering: number | null
  }
  const members = await source.rows<Member>(
    'select user_id, event_id, event_stream_ordering from local_current_membership where room_id = ?',
    [row.room_id],
  )
  if (members.length === 0) return report.leave('rooms of which nothing is known', row.room_id)
  const nid = await openRoom(ctx, row, version)
  const events = openRoomEvents(ctx, { nid, roomId: row.room_id, version })
  await events.putOutside(members.map((member) => member.event_id))
  await importHead(ctx, { nid, roomId: row.room_id, version, published: false, events })
  report.count('rooms', 1)
}
