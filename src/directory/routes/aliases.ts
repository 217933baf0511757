import { Type } from 'typebox'
import { route, type Route, type Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { parseRoomAlias } from '../../matrix/ids.ts'
import { own, type JsonObject } from '../../matrix/json.ts'
import type { Room } from '../../events/index.ts'
import { mayRename } from '../aliases.ts'
import type { DirectoryRouteDeps } from '../deps.ts'

const AliasParams = Type.Object({ roomAlias: Type.String() })
const Empty = Type.Object({})
const path = '/_matrix/client/v3/directory/room/:roomAlias'

const notFound = (alias: string): MatrixError =>
  new MatrixError('M_NOT_FOUND', `There is no room with the alias ${alias}`)

function mustBeAlias(alias: string): void {
  if (!parseRoomAlias(alias)) throw new MatrixError('M_INVALID_PARAM', `"${alias}" is not a room alias`)
}

/** Takes a removed alias out of the room's own list, where whoever removed it may change that. */
async function forgetInState(
  { rooms }: DirectoryRouteDeps,
  room: Room,
  session: Session,
  alias: string,
): Promise<void> {
  const stored = await rooms.stateEvent(room, 'm.room.canonical_alias', '')
  if (!stored) return
  const before = stored.event.content
  const others = own(before, 'alt_aliases')
  const content: JsonObject = { ...before }
  if (own(before, 'alias') === alias) delete content['alias']
  if (Array.isArray(others) && others.includes(alias))
    content['alt_aliases'] = others.filter((other) => other !== alias)
  if (JSON.stringify(content) === JSON.stringify(before)) return
  try {
    await rooms.append(room, [
      { type: 'm.room.canonical_alias', stateKey: '', sender: { nid: session.user, userId: session.userId }, content },
    ])
  } catch (error) {
    // The alias is gone in any case; the state is for those who may set it to put right.
    if (!(error instanceof MatrixError)) throw error
  }
}

export const aliasRoutes = (deps: DirectoryRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3directoryroomroomalias */
  route({
    id: 'getRoomIdByAlias',
    method: 'GET',
    path,
    auth: 'optional',
    params: AliasParams,
    reply: Type.Object({ room_id: Type.String(), servers: Type.Array(Type.String()) }),
    handle: async ({ session, params: { roomAlias } }) => {
      mustBeAlias(roomAlias)
      if (session && deps.remote && parseRoomAlias(roomAlias)?.serverName !== deps.serverName) {
        const { roomId, servers } = await deps.remote.alias(roomAlias)
        return { room_id: roomId, servers: [...servers] }
      }
      // Strangers have no rooms made.
      const found = await (session ? deps.aliases.findOrMake(roomAlias) : deps.aliases.find(roomAlias))
      const room = found && (await deps.rooms.byNid(found.room))
      if (!room) throw notFound(roomAlias)
      return { room_id: room.id, servers: [deps.serverName] }
    },
  }),
  /**
   * Gives a room that one is in another name.
   * @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3directoryroomroomalias
   */
  route({
    id: 'setRoomAlias',
    method: 'PUT',
    path,
    auth: 'user',
    limit: 'message',
    params: AliasParams,
    body: Type.Object({ room_id: Type.String() }),
    reply: Empty,
    handle: async ({ session, params, body }) => {
      const room = await deps.rooms.find(body.room_id)
      if (!room || !(session.admin || session.appservice !== undefined || room.joined.has(session.user))) {
        throw new MatrixError('M_FORBIDDEN', `You are not in the room ${body.room_id}: an alias is made by a member`)
      }
      await deps.aliases.create(params.roomAlias, room.nid, session.user, session.appservice)
      return {}
    },
  }),
  /**
   * Takes a name away from a room: for who gave it, for members who may set the room's main alias, and for administrators of the server.
   * @see https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3directoryroomroomalias
   */
  route({
    id: 'deleteRoomAlias',
    method: 'DELETE',
    path,
    auth: 'user',
    limit: 'message',
    params: AliasParams,
    reply: Empty,
    handle: async ({ session, params: { roomAlias } }) => {
      mustBeAlias(roomAlias)
      const found = await deps.aliases.find(roomAlias)
      if (!found) throw notFound(roomAlias)
      const room = await deps.rooms.byNid(found.room)
      if (!session.admin) deps.aliases.mustBeFree(roomAlias, session.appservice)
      // A service decides on all names in its namespace, and on no others.
      const may =
        session.admin ||
        session.appservice !== undefined ||
        found.creator === session.user ||
        (room !== undefined && (await mayRename(deps, room, session.user)))
      if (!may)
        throw new MatrixError(
          'M_FORBIDDEN',
          'Only who made an alias, and who may set the main alias of its room, may delete it',
        )
      // It may have been moved or deleted meanwhile: then what was allowed is not what would be done.
      if (!(await deps.aliases.remove(roomAlias, found.room))) throw notFound(roomAlias)
      if (room?.joined.has(session.user)) await forgetInState(deps, room, session, roomAlias)
      return {}
    },
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidaliases */
  route({
    id: 'getLocalAliases',
    method: 'GET',
    path: '/_matrix/client/v3/rooms/:roomId/aliases',
    auth: 'guest',
    params: Type.Object({ roomId: Type.String() }),
    reply: Type.Object({ aliases: Type.Array(Type.String()) }),
    handle: async ({ session, params: { roomId } }) => {
      const room = await deps.rooms.find(roomId)
      const may =
        room && (session.admin || room.joined.has(session.user) || room.summary.historyVisibility === 'world_readable')
      if (!may) throw new MatrixError('M_FORBIDDEN', `You are not in the room ${roomId}`)
      return { aliases: await deps.aliases.of(room.nid) }
    },
  }),
]
