import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { createRoom, type RoomWish } from '../create.ts'
import type { RoomsRouteDeps } from '../deps.ts'
import { openObject } from './shapes.ts'

const StateEvent = Type.Object({ type: Type.String(), state_key: Type.Optional(Type.String()), content: openObject })

const CreateRoom = Type.Object({
  visibility: Type.Optional(Type.Union([Type.Literal('public'), Type.Literal('private')])),
  room_alias_name: Type.Optional(Type.String()),
  name: Type.Optional(Type.String()),
  topic: Type.Optional(Type.String()),
  invite: Type.Optional(Type.Array(Type.String(), { maxItems: 500 })),
  invite_3pid: Type.Optional(Type.Array(openObject)),
  room_version: Type.Optional(Type.String()),
  creation_content: Type.Optional(openObject),
  initial_state: Type.Optional(Type.Array(StateEvent, { maxItems: 200 })),
  preset: Type.Optional(
    Type.Union([Type.Literal('private_chat'), Type.Literal('public_chat'), Type.Literal('trusted_private_chat')]),
  ),
  is_direct: Type.Optional(Type.Boolean()),
  power_level_content_override: Type.Optional(openObject),
})

export const createRoutes = (deps: RoomsRouteDeps): Route[] => [
  /**
   * Makes a room; alias and directory entry come with it.
   * @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom
   */
  route({
    id: 'createRoom',
    method: 'POST',
    path: '/_matrix/client/v3/createRoom',
    auth: 'user',
    limit: 'heavy',
    body: CreateRoom,
    reply: Type.Object({ room_id: Type.String() }),
    handle: async ({ session, body }) => {
      if ((body.invite_3pid ?? []).length > 0) {
        throw new MatrixError('M_THREEPID_DENIED', 'This server does not invite by e-mail address or telephone number')
      }
      const alias =
        body.room_alias_name === undefined
          ? undefined
          : await deps.aliases.reserve(body.room_alias_name, session.appservice)
      const wish: RoomWish = {
        ...(body.room_version !== undefined && { version: body.room_version }),
        ...(body.preset && { preset: body.preset }),
        ...(body.visibility && { visibility: body.visibility }),
        ...(body.name !== undefined && { name: body.name }),
        ...(body.topic !== undefined && { topic: body.topic }),
        // Whose invitations reach nobody is not told so.
        ...(body.invite && !session.shadowBanned && { invite: body.invite }),
        ...(body.is_direct !== undefined && { isDirect: body.is_direct }),
        ...(body.initial_state && { initialState: body.initial_state }),
        ...(body.creation_content && { creationContent: body.creation_content }),
        ...(body.power_level_content_override && { powerLevels: body.power_level_content_override }),
        ...(alias !== undefined && { alias }),
      }
      try {
        const room = await createRoom(deps, { nid: session.user, userId: session.userId }, wish)
        if (alias !== undefined) await deps.aliases.add(alias, room.nid, session.user)
        if (body.visibility === 'public') await deps.aliases.publish(room, true)
        return { room_id: room.id }
      } finally {
        if (alias !== undefined) deps.aliases.release(alias)
      }
    },
  }),
]
