import { Type } from 'typebox'
import type { Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { AdminApiDeps } from '../deps.ts'
import {
  countDestinations,
  countRoomsOfServer,
  destinationOrders,
  readDestination,
  readDestinations,
  readRoomsOfServer,
} from '../store/destinations.ts'
import { adminRoute, Dir, Empty, nextOf, pageOf, Paging } from './route.ts'

const path = '/_synapse/admin/v1/federation/destinations'
const Destination = Type.Object({ destination: Type.String() })
const ServerParams = Type.Object({ server: Type.String() })

type Row = NonNullable<Awaited<ReturnType<typeof readDestination>>>

/** Other servers, and how they can be reached. */
export const federationRoutes = (deps: AdminApiDeps): Route[] => {
  const { database, now, destinations } = deps
  const shown = (row: Row) => ({
    destination: row.server,
    // When it was last tried is not written down; when it failed first is, and when it is tried next.
    retry_last_ts: row.failures > 0 ? (destinations?.lastFailure(row.server) ?? row.failing_since ?? 0) : 0,
    retry_interval: row.failures > 0 ? Math.max(0, row.retry_ts - now()) : 0,
    failure_ts: row.failing_since,
    last_successful_stream_ordering: null,
    waiting: destinations?.waiting(row.server) ?? { events: 0, edus: 0 },
  })
  return [
    adminRoute(deps, {
      id: 'adminListDestinations',
      method: 'GET',
      path,
      query: Type.Object({
        ...Paging,
        destination: Type.Optional(Type.String()),
        order_by: Type.Optional(Type.Union(destinationOrders.map((order) => Type.Literal(order)))),
        dir: Dir,
      }),
      reply: Type.Object({ destinations: Type.Array(Destination), total: Type.Integer() }),
      handle: async ({ query }) => {
        const search = query.destination || undefined
        const wish = {
          ...pageOf(query),
          search,
          orderBy: query.order_by ?? 'destination',
          dir: query.dir ?? 'f',
        } as const
        const rows = await readDestinations(database.aside, wish)
        const total = await countDestinations(database.aside, search)
        const next = nextOf(wish, rows.length, total)
        return { destinations: rows.map(shown), ...(next !== undefined && { next_token: String(next) }), total }
      },
    }),
    adminRoute(deps, {
      id: 'adminGetDestination',
      method: 'GET',
      path: `${path}/:server`,
      params: ServerParams,
      reply: Destination,
      handle: async ({ params }) => {
        const row = await readDestination(database.read, params.server)
        if (!row) throw new MatrixError('M_NOT_FOUND', 'Unknown destination')
        return shown(row)
      },
    }),
    adminRoute(deps, {
      id: 'adminResetDestination',
      method: 'POST',
      path: `${path}/:server/reset_connection`,
      params: ServerParams,
      reply: Empty,
      handle: async ({ params: { server } }) => {
        if (!(await readDestination(database.read, server))) throw new MatrixError('M_NOT_FOUND', 'Unknown destination')
        if (!destinations?.reset(server))
          throw new MatrixError('M_UNKNOWN', 'This server is not waited for: there is nothing to reset', {
            status: 400,
          })
        return {}
      },
    }),
    adminRoute(deps, {
      id: 'adminDestinationRooms',
      method: 'GET',
      path: `${path}/:server/rooms`,
      limit: 'heavy',
      params: ServerParams,
      query: Type.Object({ ...Paging, dir: Dir }),
      reply: Type.Object({ rooms: Type.Array(Type.Object({ room_id: Type.String() })), total: Type.Integer() }),
      handle: async ({ params: { server }, query }) => {
        const wish = { ...pageOf(query), dir: query.dir ?? 'f' } as const
        const rows = await readRoomsOfServer(database.aside, server, wish)
        const total = await countRoomsOfServer(database.aside, server)
        const next = nextOf(wish, rows.length, total)
        const rooms = rows.map((row) => ({ room_id: row.room_id, stream_ordering: row.latest_position }))
        return { rooms, ...(next !== undefined && { next_token: String(next) }), total }
      },
    }),
  ]
}
