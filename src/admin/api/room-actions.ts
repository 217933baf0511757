import { Type } from 'typebox'
import type { Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isRoomId } from '../../matrix/ids.ts'
import type { AdminApiDeps } from '../deps.ts'
import { adminRoute } from './route.ts'
import { mustBeRoom, RoomParams } from './rooms.ts'
import { anyAccount } from './user.ts'

const blockPath = '/_synapse/admin/v1/rooms/:roomId/block'

/** What administrators do to rooms, and with people in them. */
export const roomActionRoutes = (deps: AdminApiDeps): Route[] => {
  const { blocks, placements, rooms } = deps
  const mustBeId = (roomId: string): string => {
    if (!isRoomId(roomId)) throw new MatrixError('M_INVALID_PARAM', 'This is not a room id')
    return roomId
  }
  return [
    adminRoute(deps, {
      id: 'adminGetRoomBlock',
      method: 'GET',
      path: blockPath,
      params: RoomParams,
      reply: Type.Object({ block: Type.Boolean(), user_id: Type.Optional(Type.String()) }),
      handle: ({ params }) => {
        const by = blocks.by(mustBeId(params.roomId))
        return by === undefined ? { block: false } : { block: true, user_id: by }
      },
    }),
    /** The server need not know the room. */
    adminRoute(deps, {
      id: 'adminBlockRoom',
      method: 'PUT',
      path: blockPath,
      params: RoomParams,
      body: Type.Object({ block: Type.Boolean() }),
      reply: Type.Object({ block: Type.Boolean() }),
      handle: async ({ session, params, body: { block } }) => {
        const roomId = mustBeId(params.roomId)
        await (block ? blocks.block(roomId, session.userId) : blocks.unblock(roomId))
        return { block }
      },
    }),
    /** By default whoever asks is given the power. */
    adminRoute(deps, {
      id: 'adminMakeRoomAdmin',
      method: 'POST',
      path: '/_synapse/admin/v1/rooms/:roomId/make_room_admin',
      params: RoomParams,
      body: Type.Object({ user_id: Type.Optional(Type.String()) }),
      reply: Type.Object({}),
      handle: async ({ session, params, body }) => {
        const { nid, userId } = await anyAccount(deps, body.user_id ?? session.userId)
        await mustBeRoom(deps, params.roomId)
        await placements.promote({ nid, userId }, params.roomId)
        return {}
      },
    }),
    adminRoute(deps, {
      id: 'adminJoinRoom',
      method: 'POST',
      path: '/_synapse/admin/v1/join/:roomId',
      params: RoomParams,
      body: Type.Object({ user_id: Type.String() }),
      reply: Type.Object({ room_id: Type.String() }),
      handle: async ({ params, body }) => {
        const { nid, userId } = await anyAccount(deps, body.user_id)
        await mustBeRoom(deps, params.roomId)
        return { room_id: (await placements.admit({ nid, userId }, params.roomId)).id }
      },
    }),
    /** The next event of a room follows all of its newest ones: where there are several, one that says nothing brings them together. */
    adminRoute(deps, {
      id: 'adminDeleteForwardExtremities',
      method: 'DELETE',
      path: '/_synapse/admin/v1/rooms/:roomId/forward_extremities',
      params: RoomParams,
      reply: Type.Object({ deleted: Type.Integer() }),
      handle: async ({ params }) => {
        const room = await mustBeRoom(deps, params.roomId)
        const surplus = room.extremities.length - 1
        if (surplus <= 0) return { deleted: 0 }
        for (const nid of room.joined) {
          const account = await deps.users.account(nid)
          if (!account || account.deactivated) continue
          const sender = { nid, userId: account.userId }
          await rooms.append(room, [{ type: 'org.matrix.dummy_event', sender, content: {} }])
          return { deleted: surplus }
        }
        throw new MatrixError('M_FORBIDDEN', 'Nobody of this server is in this room')
      },
    }),
  ]
}
