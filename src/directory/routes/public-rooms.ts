import { Type } from 'typebox'
import { route, type Route, type Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isServerName } from '../../matrix/ids.ts'
import type { Room } from '../../events/index.ts'
import { mayRename } from '../aliases.ts'
import type { DirectoryRouteDeps } from '../deps.ts'
import { listPublicRooms, type PublicRooms } from '../public-rooms.ts'
import type { RemoteRoomsQuery } from '../remote.ts'
import { setListed, type RoomList } from '../store.ts'
import { RoomEntry } from '../summary.ts'

const RoomParams = Type.Object({ roomId: Type.String() })
const Visibility = Type.Union([Type.Literal('public'), Type.Literal('private')])
const Server = Type.Optional(Type.String())
const Term = Type.Optional(Type.Union([Type.String({ maxLength: 1000 }), Type.Null()]))

const Page = Type.Object({
  chunk: Type.Array(RoomEntry),
  next_batch: Type.Optional(Type.String()),
  prev_batch: Type.Optional(Type.String()),
  total_room_count_estimate: Type.Integer(),
})

const Search = Type.Object({
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
  third_party_instance_id: Type.Optional(Type.Union([Type.String(), Type.Null()])),
})

const noRoom = (roomId: string): MatrixError => new MatrixError('M_NOT_FOUND', `This server knows no room ${roomId}`)

async function roomOf({ rooms }: DirectoryRouteDeps, roomId: string): Promise<Room> {
  const room = await rooms.find(roomId)
  if (!room) throw noRoom(roomId)
  return room
}

/** The same, for whoever may know that it is there: a private room and none are one to strangers. @throws MatrixError M_NOT_FOUND */
async function knownRoomOf(deps: DirectoryRouteDeps, roomId: string, session: Session | undefined): Promise<Room> {
  const room = await roomOf(deps, roomId)
  const mayKnow = room.published || session?.admin || (session && room.joined.has(session.user))
  if (!mayKnow) throw noRoom(roomId)
  return room
}

/** The page of another server's list; undefined where our own is asked for. Strangers have nobody asked. */
function elsewhere(
  { remote, serverName }: DirectoryRouteDeps,
  session: Session | undefined,
  server: string | undefined,
  query: RemoteRoomsQuery,
): Promise<PublicRooms> | undefined {
  if (server === undefined || server === serverName) return undefined
  if (!isServerName(server)) throw new MatrixError('M_INVALID_PARAM', `"${server}" is not a server name`)
  if (!remote) throw new MatrixError('M_NOT_FOUND', `This server cannot ask ${server} for its rooms`)
  if (!session) throw new MatrixError('M_MISSING_TOKEN', 'Only who is signed in sees the rooms of other servers')
  return remote.publicRooms(server, query)
}

/** The list of a network, by what `/thirdparty/protocols` calls its `instance_id`. */
function listOf(instance: string | null | undefined): RoomList | undefined {
  if (instance === undefined || instance === null || instance === '') return undefined
  const at = instance.lastIndexOf('|')
  return { appservice: instance.slice(0, Math.max(at, 0)), network: instance.slice(at + 1) }
}

const visibilityPath = '/_matrix/client/v3/directory/list/room/:roomId'

export const publicRoomsRoutes = (deps: DirectoryRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3directorylistroomroomid */
  route({
    id: 'getRoomVisibilityOnDirectory',
    method: 'GET',
    path: visibilityPath,
    auth: 'optional',
    params: RoomParams,
    reply: Type.Object({ visibility: Visibility }),
    handle: async ({ params, session }) => ({
      visibility: (await knownRoomOf(deps, params.roomId, session)).published
        ? ('public' as const)
        : ('private' as const),
    }),
  }),
  /**
   * Lists a room for everyone to find, or no longer: for members who may set its main alias, and for administrators of the server.
   * @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3directorylistroomroomid
   */
  route({
    id: 'setRoomVisibilityOnDirectory',
    method: 'PUT',
    path: visibilityPath,
    auth: 'user',
    limit: 'message',
    params: RoomParams,
    body: Type.Object({ visibility: Type.Optional(Visibility) }),
    reply: Type.Object({}),
    handle: async ({ session, params, body }) => {
      const room = await knownRoomOf(deps, params.roomId, session)
      if (!session.admin && !(await mayRename(deps, room, session.user))) {
        throw new MatrixError(
          'M_FORBIDDEN',
          'Only members who may set the main alias of a room may list it in the directory',
        )
      }
      await deps.aliases.publish(room, body.visibility !== 'private')
      return {}
    },
  }),
  /**
   * Puts a room on the list of a network that the application service leads to, or takes it off.
   * @see https://spec.matrix.org/v1.19/application-service-api/#put_matrixclientv3directorylistappservicenetworkidroomid
   */
  route({
    id: 'updateAppserviceRoomDirectoryVisibility',
    method: 'PUT',
    path: '/_matrix/client/v3/directory/list/appservice/:networkId/:roomId',
    auth: 'user',
    params: Type.Object({
      networkId: Type.String({ maxLength: 255, pattern: '^[^|\\u0000]+$' }),
      roomId: Type.String(),
    }),
    body: Type.Object({ visibility: Visibility }),
    reply: Type.Object({}),
    handle: async ({ session: { appservice }, params, body }) => {
      if (appservice === undefined)
        throw new MatrixError('M_FORBIDDEN', 'Only application services have lists of other networks')
      const room = await roomOf(deps, params.roomId)
      await deps.database.write((tx) =>
        setListed(tx, appservice, params.networkId, room.nid, body.visibility === 'public'),
      )
      return {}
    },
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3publicrooms */
  route({
    id: 'getPublicRooms',
    method: 'GET',
    path: '/_matrix/client/v3/publicRooms',
    auth: 'optional',
    limit: 'heavy',
    query: Type.Object({ limit: Type.Optional(Type.Integer()), since: Type.Optional(Type.String()), server: Server }),
    reply: Page,
    handle: async ({ session, query: { limit, since, server } }) =>
      elsewhere(deps, session, server, { limit, since }) ?? listPublicRooms(deps.database, { limit, since }),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3publicrooms */
  route({
    id: 'queryPublicRooms',
    method: 'POST',
    path: '/_matrix/client/v3/publicRooms',
    auth: 'guest',
    whileSuspended: true,
    limit: 'heavy',
    query: Type.Object({ server: Server }),
    body: Search,
    reply: Page,
    handle: async ({
      session,
      query: { server },
      body: { limit, since, filter, third_party_instance_id: instance, include_all_networks: all },
    }) => {
      const term = filter?.generic_search_term ?? undefined
      const roomTypes = filter?.room_types ?? undefined
      const there = { limit, since, term, roomTypes, everything: all, instance: instance ?? undefined }
      const answer = elsewhere(deps, session, server, there)
      if (answer) return answer
      const list = all === true ? 'everything' : listOf(instance)
      return listPublicRooms(deps.database, {
        limit,
        since,
        list,
        term,
        roomTypes,
      })
    },
  }),
]
