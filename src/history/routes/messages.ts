import { Type } from 'typebox'
import { RawJson, route, type Route } from '../../http/index.ts'
import { enter } from '../access.ts'
import type { HistoryRouteDeps } from '../deps.ts'
import { RoomParams } from '../../rooms/index.ts'
import { membersFor, pageLimit, readPage, readToken } from '../page.ts'
import { DirParam, EventList, Limit, readFilter } from './query.ts'

const Query = Type.Object({
  from: Type.Optional(Type.String()),
  to: Type.Optional(Type.String()),
  dir: DirParam,
  limit: Limit,
  filter: Type.Optional(Type.String()),
})

export const messagesRoutes = (deps: HistoryRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages */
  route({
    id: 'getRoomEvents',
    method: 'GET',
    path: '/_matrix/client/v3/rooms/:roomId/messages',
    auth: 'guest',
    params: RoomParams,
    query: Query,
    reply: Type.Object({
      start: Type.String(),
      end: Type.Optional(Type.String()),
      chunk: EventList,
      state: Type.Optional(EventList),
    }),
    handle: async ({ session, params, query }) => {
      const { dir } = query
      const [from, to, filter] = [
        readToken(deps.log, 'from', query.from || undefined),
        readToken(deps.log, 'to', query.to || undefined),
        readFilter(query.filter),
      ]
      const newest = deps.log.now
      const view = await enter(deps, session, params.roomId)
      const page = await readPage(deps, view, { dir, from, to, limit: Math.min(query.limit ?? 10, pageLimit), filter })
      const reader = { session, device: session.device, now: deps.now(), withRoomId: true }
      const chunk = await deps.history.serialise(page.events, reader)
      const state = filter.lazyLoadMembers
        ? await deps.history.serialise(await membersFor(deps, page.events), { ...reader, lean: true })
        : []
      const start = from ?? (dir === 'b' ? newest : (page.events[0]?.position ?? 1) - 1)
      return new RawJson(
        `{"start":"${start}"${page.next === undefined ? '' : `,"end":"${page.next}"`},"chunk":[${chunk.join(',')}]` +
          `${state.length > 0 ? `,"state":[${state.join(',')}]` : ''}}`,
      )
    },
  }),
]
