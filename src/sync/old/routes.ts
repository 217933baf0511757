import { Type } from 'typebox'
import { RawJson, route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isEventId } from '../../matrix/ids.ts'
import type { OldSyncDeps } from './deps.ts'
import { eventsSince } from './events.ts'
import { allRooms, mostMessages, oneRoom } from './room-info.ts'

const usualLimit = 10
const longestWaitMs = 60_000

const Limit = Type.Optional(Type.Integer({ minimum: 0 }))
const limitOf = (limit: number | undefined): number => Math.min(limit ?? usualLimit, mostMessages)

function tokenIn(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (!/^\d{1,15}$/.test(text)) throw new MatrixError('M_INVALID_PARAM', '"from" is not a token of this server')
  return Number(text)
}

/** What clients used before /sync, and still do to look into rooms that they are not in. */
export const oldSyncRoutes = (deps: OldSyncDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidinitialsync */
  route({
    id: 'roomInitialSync',
    method: 'GET',
    path: '/_matrix/client/v3/rooms/:roomId/initialSync',
    auth: 'guest',
    limit: 'heavy',
    params: Type.Object({ roomId: Type.String() }),
    query: Type.Object({ limit: Limit }),
    reply: Type.Object({ room_id: Type.String() }),
    handle: async ({ session, params, query }) =>
      new RawJson(await oneRoom(deps, session, params.roomId, limitOf(query.limit))),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3initialsync */
  route({
    id: 'initialSync',
    method: 'GET',
    path: '/_matrix/client/v3/initialSync',
    auth: 'user',
    limit: 'heavy',
    query: Type.Object({ limit: Limit, archived: Type.Optional(Type.Boolean()) }),
    reply: Type.Object({ end: Type.String() }),
    handle: async ({ session, query }) =>
      new RawJson(await allRooms(deps, session, { limit: limitOf(query.limit), archived: query.archived ?? false })),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3events */
  route({
    id: 'getEvents',
    method: 'GET',
    path: '/_matrix/client/v3/events',
    auth: 'guest',
    query: Type.Object({
      from: Type.Optional(Type.String()),
      timeout: Type.Optional(Type.Integer({ minimum: 0 })),
      room_id: Type.Optional(Type.String()),
    }),
    reply: Type.Object({ start: Type.String(), end: Type.String() }),
    handle: async ({ session, query, signal }) => {
      const wish = {
        from: tokenIn(query.from),
        timeout: Math.min(query.timeout ?? 0, longestWaitMs),
        room: query.room_id,
      }
      return new RawJson(await eventsSince(deps, session, wish, signal))
    },
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3eventseventid */
  route({
    id: 'getOneEvent',
    method: 'GET',
    path: '/_matrix/client/v3/events/:eventId',
    auth: 'user',
    params: Type.Object({ eventId: Type.String() }),
    reply: Type.Object({}),
    handle: async ({ session, params }) => {
      const stored = isEventId(params.eventId) ? await deps.rooms.events.byId(params.eventId) : undefined
      if (!stored || !(await deps.history.canSee(session, stored)))
        throw new MatrixError('M_NOT_FOUND', 'There is no such event that you may see')
      const [text] = await deps.history.serialise([stored], {
        session,
        device: session.device,
        now: deps.now(),
        withRoomId: true,
      })
      return new RawJson(text ?? '')
    },
  }),
]
