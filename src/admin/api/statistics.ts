import { Type } from 'typebox'
import type { Route } from '../../http/index.ts'
import type { AdminApiDeps } from '../deps.ts'
import { countMediaUsers, mediaUseOrders, readLargestRooms, readMediaUse } from '../store/statistics.ts'
import { adminRoute, Dir, nextOf, pageOf, Paging } from './route.ts'

const Ts = Type.Optional(Type.Integer({ minimum: 0 }))

/** What takes how much. Both look through whole tables, beside everybody else's work. */
export const statisticsRoutes = (deps: AdminApiDeps): Route[] => {
  const { database } = deps
  return [
    adminRoute(deps, {
      id: 'adminMediaStatistics',
      method: 'GET',
      path: '/_synapse/admin/v1/statistics/users/media',
      limit: 'heavy',
      query: Type.Object({
        ...Paging,
        order_by: Type.Optional(Type.Union(mediaUseOrders.map((order) => Type.Literal(order)))),
        dir: Dir,
        from_ts: Ts,
        until_ts: Ts,
        search_term: Type.Optional(Type.String()),
      }),
      reply: Type.Object({
        users: Type.Array(Type.Object({ user_id: Type.String() })),
        next_token: Type.Optional(Type.Integer()),
        total: Type.Integer(),
      }),
      handle: async ({ query }) => {
        const wish = {
          ...pageOf(query),
          orderBy: query.order_by ?? 'user_id',
          dir: query.dir ?? 'f',
          since: query.from_ts,
          until: query.until_ts,
          search: query.search_term,
        } as const
        const users = await readMediaUse(database.aside, wish)
        const total = await countMediaUsers(database.aside, wish)
        const next = nextOf(wish, users.length, total)
        return { users, ...(next !== undefined && { next_token: next }), total }
      },
    }),
    /** The ten largest by what their events take; indexes and state are not counted. */
    adminRoute(deps, {
      id: 'adminLargestRooms',
      method: 'GET',
      path: '/_synapse/admin/v1/statistics/database/rooms',
      limit: 'heavy',
      reply: Type.Object({
        rooms: Type.Array(Type.Object({ room_id: Type.String(), estimated_size: Type.Integer() })),
      }),
      handle: async () => ({ rooms: await readLargestRooms(database.aside, 10) }),
    }),
  ]
}
