import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { AdminDeps } from '../deps.ts'
import { report } from '../reports.ts'

const longestReason = 10_000
const Reason = Type.String({ maxLength: longestReason })
const Empty = Type.Object({})

/** Whether there is something to report: an account here, or a user of another server who was ever seen. */
async function isKnown({ users, serverName }: AdminDeps, userId: string): Promise<boolean> {
  const nid = await users.find(userId)
  return nid !== undefined && (!userId.endsWith(`:${serverName}`) || (await users.account(nid)) !== undefined)
}

/** What users tell the operator of. */
export const reportRoutes = (deps: AdminDeps): Route[] => [
  /**
   * Nobody learns by it which rooms there are: the answer is the same.
   * @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreport
   */
  route({
    id: 'reportRoom',
    method: 'POST',
    path: '/_matrix/client/v3/rooms/:roomId/report',
    auth: 'user',
    whileSuspended: true,
    limit: 'heavy',
    params: Type.Object({ roomId: Type.String() }),
    body: Type.Object({ reason: Reason }),
    reply: Empty,
    handle: async ({ session, params, body }) => {
      const room = await deps.rooms.find(params.roomId)
      if (room) await report(deps, session, { target: room.id, reason: body.reason })
      return {}
    },
  }),
  /**
   * For members who may see the event.
   * @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreporteventid
   */
  route({
    id: 'reportEvent',
    method: 'POST',
    path: '/_matrix/client/v3/rooms/:roomId/report/:eventId',
    auth: 'user',
    whileSuspended: true,
    limit: 'heavy',
    params: Type.Object({ roomId: Type.String(), eventId: Type.String() }),
    body: Type.Object({ reason: Type.Optional(Reason), score: Type.Optional(Type.Integer()) }),
    reply: Empty,
    handle: async ({ session, params, body }) => {
      const room = await deps.rooms.find(params.roomId)
      const stored = room?.joined.has(session.user) ? await deps.rooms.events.byId(params.eventId) : undefined
      if (!room || stored?.room !== room.nid || !(await deps.history.canSee(session, stored))) {
        throw new MatrixError('M_NOT_FOUND', 'You are not in a room with such an event')
      }
      await report(deps, session, {
        target: stored.event.id,
        roomId: room.id,
        reason: body.reason ?? '',
        score: body.score,
      })
      return {}
    },
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3usersuseridreport */
  route({
    id: 'reportUser',
    method: 'POST',
    path: '/_matrix/client/v3/users/:userId/report',
    auth: 'user',
    whileSuspended: true,
    limit: 'heavy',
    params: Type.Object({ userId: Type.String() }),
    body: Type.Object({ reason: Reason }),
    reply: Empty,
    handle: async ({ session, params: { userId }, body }) => {
      if (!(await isKnown(deps, userId))) throw new MatrixError('M_NOT_FOUND', 'There is no such user')
      await report(deps, session, { target: userId, reason: body.reason })
      return {}
    },
  }),
]
