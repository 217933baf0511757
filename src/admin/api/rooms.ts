import { type Static, Type } from 'typebox'
import { RawJson, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isRoomAlias, isRoomId } from '../../matrix/ids.ts'
import { stateOfType, type Room } from '../../events/index.ts'
import type { AdminApiDeps } from '../deps.ts'
import {
  countLocalDevices,
  countRooms,
  isForgotten,
  readExtremities,
  readRoomDetail,
  readRoomPage,
  type RoomDetailRow,
  roomOrders,
} from '../store/rooms.ts'
import { adminRoute, Dir, nextOf, pageOf, Paging } from './route.ts'

export const RoomParams = Type.Object({ roomId: Type.String() })

/** @throws MatrixError M_NOT_FOUND, M_INVALID_PARAM */
export async function mustBeRoom(
  { rooms, resolveAlias }: Pick<AdminApiDeps, 'rooms' | 'resolveAlias'>,
  idOrAlias: string,
): Promise<Room> {
  const isAlias = isRoomAlias(idOrAlias)
  if (!isAlias && !isRoomId(idOrAlias))
    throw new MatrixError('M_INVALID_PARAM', 'This is neither a room id nor an alias')
  const nid = isAlias ? await resolveAlias(idOrAlias) : undefined
  const room = isAlias ? nid !== undefined && (await rooms.byNid(nid)) : await rooms.find(idOrAlias)
  if (!room) throw new MatrixError('M_NOT_FOUND', 'Room not found')
  return room
}

const shown = (row: RoomDetailRow) => ({
  room_id: row.room_id,
  name: row.name,
  canonical_alias: row.canonical_alias,
  joined_members: row.joined_members,
  joined_local_members: row.joined_local_members,
  version: row.version,
  creator: row.creator,
  encryption: row.encryption,
  federatable: row.federatable === 1,
  public: row.published === 1,
  join_rules: row.join_rule,
  guest_access: row.guest_access,
  history_visibility: row.history_visibility,
  state_events: row.state_events,
  room_type: row.room_type,
})

const RoomEntry = Type.Object({ room_id: Type.String() })

const ListQuery = Type.Object({
  ...Paging,
  order_by: Type.Optional(Type.Union(roomOrders.map((order) => Type.Literal(order)))),
  dir: Dir,
  search_term: Type.Optional(Type.String()),
  public_rooms: Type.Optional(Type.Boolean()),
  empty_rooms: Type.Optional(Type.Boolean()),
})

async function list({ database }: AdminApiDeps, query: Static<typeof ListQuery>) {
  if (query.search_term === '') throw new MatrixError('M_INVALID_PARAM', '"search_term" is empty')
  const wish = {
    ...pageOf(query),
    search: query.search_term,
    isPublic: query.public_rooms,
    isEmpty: query.empty_rooms,
    orderBy: query.order_by ?? 'name',
    dir: query.dir ?? 'f',
  } as const
  const rows = await readRoomPage(database.aside, wish)
  const total = await countRooms(database.aside, wish)
  const next = nextOf(wish, rows.length, total)
  return {
    rooms: rows.map(shown),
    offset: wish.from,
    total_rooms: total,
    ...(next !== undefined && { next_batch: next }),
    ...(wish.from > 0 && { prev_batch: Math.max(0, wish.from - wish.limit) }),
  }
}

/** What rooms there are, and what is in them. */
export const roomRoutes = (deps: AdminApiDeps): Route[] => {
  const { database, rooms, history, users } = deps
  return [
    adminRoute(deps, {
      id: 'adminListRooms',
      method: 'GET',
      path: '/_synapse/admin/v1/rooms',
      query: ListQuery,
      reply: Type.Object({ rooms: Type.Array(RoomEntry), offset: Type.Integer(), total_rooms: Type.Integer() }),
      handle: ({ query }) => list(deps, query),
    }),
    adminRoute(deps, {
      id: 'adminGetRoom',
      method: 'GET',
      path: '/_synapse/admin/v1/rooms/:roomId',
      params: RoomParams,
      reply: RoomEntry,
      handle: async ({ params }) => {
        const { nid, summary } = await mustBeRoom(deps, params.roomId)
        const row = await readRoomDetail(database.aside, nid)
        if (!row) throw new MatrixError('M_NOT_FOUND', 'Room not found')
        return {
          ...shown(row),
          topic: summary.topic,
          avatar: summary.avatarUrl,
          joined_local_devices: await countLocalDevices(database.aside, nid),
          forgotten: await isForgotten(database.aside, nid),
          tombstoned: summary.successor !== null,
          replacement_room: summary.successor,
        }
      },
    }),
    adminRoute(deps, {
      id: 'adminRoomMembers',
      method: 'GET',
      path: '/_synapse/admin/v1/rooms/:roomId/members',
      params: RoomParams,
      reply: Type.Object({ members: Type.Array(Type.String()), total: Type.Integer() }),
      handle: async ({ params }) => {
        const { joined } = await mustBeRoom(deps, params.roomId)
        const members = [...(await users.namesOf(joined)).values()].sort()
        return { members, total: members.length }
      },
    }),
    adminRoute(deps, {
      id: 'adminRoomState',
      method: 'GET',
      path: '/_synapse/admin/v1/rooms/:roomId/state',
      params: RoomParams,
      query: Type.Object({ type: Type.Optional(Type.String()) }),
      reply: Type.Object({ state: Type.Array(Type.Object({})) }),
      handle: async ({ session, params, query: { type } }) => {
        const room = await mustBeRoom(deps, params.roomId)
        const events =
          type === undefined ? await rooms.events.many([...room.state.values()]) : await stateOfType(rooms, room, type)
        const reader = { session: { ...session, all: true }, device: session.device, now: deps.now(), withRoomId: true }
        const texts = await history.serialise(events, { ...reader, lean: true })
        return new RawJson(`{"state":[${texts.join(',')}]}`)
      },
    }),
    adminRoute(deps, {
      id: 'adminForwardExtremities',
      method: 'GET',
      path: '/_synapse/admin/v1/rooms/:roomId/forward_extremities',
      params: RoomParams,
      reply: Type.Object({ count: Type.Integer(), results: Type.Array(Type.Object({})) }),
      handle: async ({ params }) => {
        const { extremities } = await mustBeRoom(deps, params.roomId)
        const rows = await readExtremities(
          database.read,
          extremities.map(({ nid }) => nid),
        )
        const results = rows.map((row) => ({
          event_id: row.event_id,
          state_group: row.state_nid,
          depth: row.depth,
          received_ts: row.ts,
        }))
        return { count: results.length, results }
      },
    }),
  ]
}
