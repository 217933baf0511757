import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { joinedRoom } from '../../rooms/index.ts'
import { mustBeSelf } from '../../users/index.ts'
import type { EphemeralRouteDeps } from '../deps.ts'

const defaultTimeout = 30_000

export const typingRoutes = ({ rooms, ephemeral }: EphemeralRouteDeps): Route[] => [
  /** Wakes the room's syncs when it is news. @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidtypinguserid */
  route({
    id: 'setTyping',
    method: 'PUT',
    path: '/_matrix/client/v3/rooms/:roomId/typing/:userId',
    auth: 'user',
    params: Type.Object({ roomId: Type.String(), userId: Type.String() }),
    body: Type.Object({ typing: Type.Boolean(), timeout: Type.Optional(Type.Integer({ minimum: 0 })) }),
    reply: Type.Object({}),
    handle: async ({ session, params, body }) => {
      mustBeSelf(session, params.userId)
      const room = await joinedRoom(rooms, params.roomId, session.user)
      if (session.shadowBanned) return {}
      ephemeral.typing.set(
        room,
        { nid: session.user, userId: session.userId },
        body.typing ? (body.timeout ?? defaultTimeout) : 0,
      )
      return {}
    },
  }),
]
