import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { anyObject, mustBeSelf } from '../../users/index.ts'
import type { EphemeralRouteDeps } from '../deps.ts'

const path = '/_matrix/client/v3/presence/:userId/status'
const Params = Type.Object({ userId: Type.String() })
const Status = Type.String({ maxLength: 1000, pattern: '^[^\\u0000]*$' })

export const presenceRoutes = ({ rooms, users, ephemeral: { presence } }: EphemeralRouteDeps): Route[] => [
  /** Wakes the syncs of all who share a room. @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3presenceuseridstatus */
  route({
    id: 'setPresence',
    method: 'PUT',
    path,
    auth: 'user',
    limit: 'message',
    params: Params,
    body: Type.Object({
      presence: Type.Union([Type.Literal('online'), Type.Literal('offline'), Type.Literal('unavailable')]),
      status_msg: Type.Optional(Type.Union([Status, Type.Null()])),
    }),
    reply: Type.Object({}),
    handle: async ({ session, params, body }) => {
      mustBeSelf(session, params.userId)
      await presence.set(session, body.presence, body.status_msg || null)
      return {}
    },
  }),
  /** For oneself and those who share a room. @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3presenceuseridstatus */
  route({
    id: 'getPresence',
    method: 'GET',
    path,
    auth: 'user',
    params: Params,
    reply: anyObject,
    handle: async ({ session, params }) => {
      const user = await users.find(params.userId)
      if (user === undefined || (user !== session.user && !(await rooms.sharers(session.user)).has(user))) {
        throw new MatrixError('M_FORBIDDEN', 'You are not allowed to see their presence')
      }
      const { displayname: _, avatar_url: __, ...status } = await presence.of(user)
      return status
    },
  }),
]
