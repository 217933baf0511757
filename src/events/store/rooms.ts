import { findRoomVersion } from '../../matrix/room-version.ts'
import { hot, type MembershipsTable, type Reader, type RoomsTable, type Tx } from '../../storage/index.ts'
import type { Extremity, Member, Membership, Room, RoomSummary } from '../room.ts'

const byNid = hot((db, p: { nid: number }) => db.selectFrom('rooms').where('nid', '=', p.nid).selectAll())
const byId = hot((db, p: { roomId: string }) => db.selectFrom('rooms').where('room_id', '=', p.roomId).select('nid'))
const membersOf = hot((db, p: { room: number }) =>
  db.selectFrom('memberships').where('room_nid', '=', p.room).selectAll(),
)
const roomsOf = hot((db, p: { user: number }) =>
  db.selectFrom('memberships').where('user_nid', '=', p.user).selectAll(),
)

const insert = hot((db, p: RoomsTable) =>
  db.insertInto('rooms').values({
    nid: p.nid,
    room_id: p.room_id,
    version: p.version,
    creator_nid: p.creator_nid,
    state_nid: p.state_nid,
    extremities: p.extremities,
    latest_position: p.latest_position,
    bump_position: p.bump_position,
    created_ts: p.created_ts,
    published: p.published,
    name: p.name,
    topic: p.topic,
    avatar_url: p.avatar_url,
    canonical_alias: p.canonical_alias,
    join_rule: p.join_rule,
    history_visibility: p.history_visibility,
    guest_access: p.guest_access,
    room_type: p.room_type,
    encryption: p.encryption,
    joined_members: p.joined_members,
    invited_members: p.invited_members,
    successor: p.successor,
  }),
)

const moveHead = hot((db, p: { nid: number; extremities: string; latest: number; bump: number }) =>
  db
    .updateTable('rooms')
    .set({ extremities: p.extremities, latest_position: p.latest, bump_position: p.bump })
    .where('nid', '=', p.nid),
)

const update = hot((db, p: Omit<RoomsTable, 'room_id' | 'version' | 'creator_nid' | 'created_ts'>) =>
  db
    .updateTable('rooms')
    .set({
      state_nid: p.state_nid,
      extremities: p.extremities,
      latest_position: p.latest_position,
      bump_position: p.bump_position,
      published: p.published,
      name: p.name,
      topic: p.topic,
      avatar_url: p.avatar_url,
      canonical_alias: p.canonical_alias,
      join_rule: p.join_rule,
      history_visibility: p.history_visibility,
      guest_access: p.guest_access,
      room_type: p.room_type,
      encryption: p.encryption,
      joined_members: p.joined_members,
      invited_members: p.invited_members,
      successor: p.successor,
    })
    .where('nid', '=', p.nid),
)

const putMember = hot((db, p: Omit<MembershipsTable, 'forgotten'>) =>
  db
    .insertInto('memberships')
    .values({
      room_nid: p.room_nid,
      user_nid: p.user_nid,
      membership: p.membership,
      event_nid: p.event_nid,
      position: p.position,
      sender_nid: p.sender_nid,
      display_name: p.display_name,
      avatar_url: p.avatar_url,
      forgotten: 0,
    })
    .onConflict((conflict) =>
      conflict.columns(['room_nid', 'user_nid']).doUpdateSet((row) => ({
        membership: row.ref('excluded.membership'),
        event_nid: row.ref('excluded.event_nid'),
        position: row.ref('excluded.position'),
        sender_nid: row.ref('excluded.sender_nid'),
        display_name: row.ref('excluded.display_name'),
        avatar_url: row.ref('excluded.avatar_url'),
        forgotten: row.ref('excluded.forgotten'),
      })),
    ),
)

/** Corrects where a room comes from. */
export async function setOrigin(
  tx: Tx,
  nid: number,
  { version, creator, createdTs }: { version: string; creator: number; createdTs: number },
): Promise<void> {
  const row = { version, creator_nid: creator, created_ts: createdTs }
  await tx.updateTable('rooms').set(row).where('nid', '=', nid).execute()
}

const forget = hot((db, p: { room: number; user: number }) =>
  db.updateTable('memberships').set({ forgotten: 1 }).where('room_nid', '=', p.room).where('user_nid', '=', p.user),
)

export const readRoomNid = async (db: Reader, roomId: string): Promise<number | undefined> =>
  (await byId.first(db, { roomId }))?.nid

export const readRoom = (db: Reader, nid: number): Promise<RoomsTable | undefined> => byNid.first(db, { nid })

export const readMembers = (db: Reader, room: number): Promise<MembershipsTable[]> => membersOf.all(db, { room })

export const readMemberships = (db: Reader, user: number): Promise<MembershipsTable[]> => roomsOf.all(db, { user })

/** Those of the rooms that have events after `since`. */
export async function readChangedRooms(db: Reader, nids: readonly number[], since: number): Promise<number[]> {
  const changed: number[] = []
  for (let start = 0; start < nids.length; start += 500) {
    const rows = await db
      .selectFrom('rooms')
      .where('nid', 'in', nids.slice(start, start + 500))
      .where('latest_position', '>', since)
      .select('nid')
      .execute()
    for (const { nid } of rows) changed.push(nid)
  }
  return changed
}

/** A summary as the row of its room has it. */
export const summaryColumns = (summary: RoomSummary) => ({
  name: summary.name,
  topic: summary.topic,
  avatar_url: summary.avatarUrl,
  canonical_alias: summary.canonicalAlias,
  join_rule: summary.joinRule,
  history_visibility: summary.historyVisibility,
  guest_access: summary.guestAccess,
  room_type: summary.roomType,
  encryption: summary.encryption,
  successor: summary.successor,
})

/** The head of a room as it is at the end of one change; the room itself may have moved on. */
export interface HeadRow {
  readonly stateNid: number
  readonly extremities: readonly Extremity[]
  readonly latestPosition: number
  readonly bumpPosition: number
  readonly joined: number
  readonly invited: number
  readonly summary: RoomSummary
}

const headColumns = (room: Room, head: HeadRow) => ({
  nid: room.nid,
  state_nid: head.stateNid,
  extremities: JSON.stringify(head.extremities.map((one) => one.nid)),
  latest_position: head.latestPosition,
  bump_position: head.bumpPosition,
  published: room.published ? 1 : 0,
  joined_members: head.joined,
  invited_members: head.invited,
  ...summaryColumns(head.summary),
})

export async function insertRoom(tx: Tx, room: Room, head: HeadRow): Promise<void> {
  insert.later(tx, {
    ...headColumns(room, head),
    room_id: room.id,
    version: room.version.id,
    creator_nid: room.creator,
    created_ts: room.createdTs,
  })
}

/** Takes away a room that was to be taken over from another server and could not be, with the events that came for it. */
export async function deleteEmptyRoom(tx: Tx, room: number): Promise<void> {
  await tx.deleteFrom('events').where('room_nid', '=', room).execute()
  await tx.deleteFrom('memberships').where('room_nid', '=', room).execute()
  await tx.deleteFrom('rooms').where('nid', '=', room).execute()
}

/** After events that left the state as it was. */
export async function moveRoomHead(tx: Tx, room: Room, head: HeadRow): Promise<void> {
  moveHead.later(tx, {
    nid: room.nid,
    extremities: JSON.stringify(head.extremities.map((one) => one.nid)),
    latest: head.latestPosition,
    bump: head.bumpPosition,
  })
}

/** After events that changed the state. */
export async function updateRoom(tx: Tx, room: Room, head: HeadRow): Promise<void> {
  update.later(tx, headColumns(room, head))
}

export async function setPublished(tx: Tx, room: number, published: boolean): Promise<void> {
  await tx
    .updateTable('rooms')
    .set({ published: published ? 1 : 0 })
    .where('nid', '=', room)
    .execute()
}

export async function upsertMember(tx: Tx, room: number, user: number, member: Member): Promise<void> {
  putMember.later(tx, {
    room_nid: room,
    user_nid: user,
    membership: member.membership,
    event_nid: member.event,
    position: member.position,
    sender_nid: member.sender,
    display_name: member.displayName,
    avatar_url: member.avatarUrl,
  })
}

export async function forgetRoom(tx: Tx, room: number, user: number): Promise<void> {
  forget.later(tx, { room, user })
}

/** The parts of a head that one row holds; members, state and extremities come from their own tables. */
export function roomFromRow(
  row: RoomsTable,
): Pick<
  Room,
  'nid' | 'id' | 'version' | 'creator' | 'createdTs' | 'latestPosition' | 'bumpPosition' | 'published' | 'summary'
> {
  const version = findRoomVersion(row.version)
  if (!version)
    throw new Error(`The database holds a room of version ${row.version}, which this Latchkey does not know`)
  return {
    nid: row.nid,
    id: row.room_id,
    version,
    creator: row.creator_nid,
    createdTs: row.created_ts,
    latestPosition: row.latest_position,
    bumpPosition: row.bump_position,
    published: row.published === 1,
    summary: {
      name: row.name,
      topic: row.topic,
      avatarUrl: row.avatar_url,
      canonicalAlias: row.canonical_alias,
      joinRule: row.join_rule,
      historyVisibility: row.history_visibility,
      guestAccess: row.guest_access,
      roomType: row.room_type,
      encryption: row.encryption,
      successor: row.successor,
    },
  }
}

export const memberFromRow = (row: MembershipsTable): Member => ({
  membership: row.membership as Membership,
  event: row.event_nid,
  sender: row.sender_nid,
  position: row.position,
  displayName: row.display_name,
  avatarUrl: row.avatar_url,
})
