import { Type } from 'typebox'
import { hierarchyForServer, listPublicRooms, type RoomAliases } from '../../directory/index.ts'
import type { Rooms } from '../../events/index.ts'
import { route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { parseRoomAlias } from '../../matrix/ids.ts'
import type { Database } from '../../storage/index.ts'
import type { RoomServers } from '../room-servers.ts'

export interface DirectoryDeps {
  readonly database: Database
  readonly rooms: Rooms
  readonly aliases: Pick<RoomAliases, 'findOrMake'>
  readonly roomServers: RoomServers
  readonly serverName: string
}

const open = Type.Record(Type.String(), Type.Unknown())
const Term = Type.Optional(Type.Union([Type.String({ maxLength: 1000 }), Type.Null()]))
const mostServers = 100

/** What rooms here are called, and which are listed. */
export const directoryRoutes = (deps: DirectoryDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1querydirectory */
  route({
    id: 'queryRoomDirectory',
    method: 'GET',
    path: '/_matrix/federation/v1/query/directory',
    auth: 'server',
    query: Type.Object({ room_alias: Type.String() }),
    reply: open,
    handle: async ({ query: { room_alias: alias } }) => {
      const isOurs = parseRoomAlias(alias)?.serverName === deps.serverName
      const found = isOurs ? await deps.aliases.findOrMake(alias) : undefined
      const room = found && (await deps.rooms.byNid(found.room))
      if (!room) throw new MatrixError('M_NOT_FOUND', `There is no room with the alias ${alias}`)
      const others = [...(await deps.roomServers.of(room.nid))]
        .toSorted(([, a], [, b]) => b.size - a.size)
        .map(([server]) => server)
      return { room_id: room.id, servers: [deps.serverName, ...others].slice(0, mostServers) }
    },
  }),
  /** @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1publicrooms */
  route({
    id: 'getPublicRooms',
    method: 'GET',
    path: '/_matrix/federation/v1/publicRooms',
    auth: 'server',
    query: Type.Object({ limit: Type.Optional(Type.Integer()), since: Type.Optional(Type.String()) }),
    reply: open,
    handle: async ({ query }) => ({ ...(await listPublicRooms(deps.database, query)) }),
  }),
  /** @see https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1publicrooms */
  route({
    id: 'queryPublicRooms',
    method: 'POST',
    path: '/_matrix/federation/v1/publicRooms',
    auth: 'server',
    body: Type.Object({
      limit: Type.Optional(Type.Integer()),
      since: Type.Optional(Type.String()),
      filter: Type.Optional(
        Type.Object({
          generic_search_term: Term,
          room_types: Type.Optional(
            Type.Union([Type.Array(Type.Union([Type.String(), Type.Null()]), { maxItems: 100 }), Type.Null()]),
          ),
        }),
      ),
      include_all_networks: Type.Optional(Type.Boolean()),
    }),
    reply: open,
    handle: async ({ body: { limit, since, filter, include_all_networks: all } }) => ({
      ...(await listPublicRooms(deps.database, {
        limit,
        since,
        list: all === true ? 'everything' : undefined,
        term: filter?.generic_search_term ?? undefined,
        roomTypes: filter?.room_types ?? undefined,
      })),
    }),
  }),
  /** @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1hierarchyroomid */
  route({
    id: 'getSpaceHierarchy',
    method: 'GET',
    path: '/_matrix/federation/v1/hierarchy/:roomId',
    auth: 'server',
    params: Type.Object({ roomId: Type.String() }),
    query: Type.Object({ suggested_only: Type.Optional(Type.Boolean()) }),
    reply: open,
    handle: async ({ origin, params, query }) => ({
      ...(await hierarchyForServer(
        deps,
        async (room) => deps.roomServers.has(room, origin),
        params.roomId,
        query.suggested_only ?? false,
      )),
    }),
  }),
]
