import { Type, type Static } from 'typebox'
import { route, type Route, type Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isRoomAlias, isRoomId } from '../../matrix/ids.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { RemoteRooms, RoomsRouteDeps } from '../deps.ts'
import { mustNotTurnDownNotices } from '../notice-room.ts'
import {
  ban,
  invite,
  join,
  joinedRoom,
  kick,
  knock,
  leave,
  notIn,
  serversToldBy,
  unban,
  type MembershipWish,
} from '../membership.ts'
import type { Room } from '../../events/index.ts'
import { Empty, openObject, Reason, RoomIdReply, RoomParams, UserAndReason } from './shapes.ts'

const whoOf = (session: Session) => ({ nid: session.user, userId: session.userId })

/** Keys of a request that a member event's content is not made of. */
const own = new Set([
  'reason',
  'third_party_signed',
  'user_id',
  'membership',
  'join_authorised_via_users_server',
  'displayname',
  'avatar_url',
])

const JoinBody = Type.Unsafe<JsonObject & { reason?: string }>(
  Type.Object({ reason: Type.Optional(Type.String()), third_party_signed: Type.Optional(openObject) }),
)

const wishOf = (body: JsonObject & { reason?: string }): MembershipWish => ({
  reason: body.reason,
  extra: Object.fromEntries(Object.entries(body).filter(([key]) => !own.has(key))),
})

/** The room with this id or alias, whoever asks: what comes next is for the auth rules to decide. */
async function roomBy(deps: RoomsRouteDeps, idOrAlias: string): Promise<Room> {
  if (isRoomAlias(idOrAlias)) {
    const nid = await deps.aliases.resolve(idOrAlias)
    const room = nid === undefined ? undefined : await deps.rooms.byNid(nid)
    if (!room) throw new MatrixError('M_NOT_FOUND', `There is no room with the alias ${idOrAlias}`)
    return room
  }
  if (!isRoomId(idOrAlias)) throw new MatrixError('M_INVALID_PARAM', `"${idOrAlias}" is neither a room id nor an alias`)
  const room = await deps.rooms.find(idOrAlias)
  if (!room) throw new MatrixError('M_NOT_FOUND', `This server knows no room ${idOrAlias}`)
  return room
}

/** A room that the user has, or had, something to do with. */
async function roomOf(deps: RoomsRouteDeps, roomId: string, session: Session): Promise<Room> {
  const room = await deps.rooms.find(roomId)
  if (!room?.members.has(session.user)) throw notIn(roomId)
  return room
}

async function joinAs(
  deps: RoomsRouteDeps,
  session: Session,
  room: Room,
  body: JsonObject & { reason?: string },
): Promise<{ room_id: string }> {
  await join(deps, whoOf(session), room, wishOf(body))
  return { room_id: room.id }
}

/** Servers that a client names for a room that this one may not know. */
const Via = Type.Object({
  via: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
  server_name: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])),
})
const serversIn = ({ via = [], server_name: named = [] }: Static<typeof Via>): string[] => [
  ...new Set([via, named].flat()),
]

/** A room that is here, or one elsewhere, and servers that may be in it. */
async function findAnywhere(
  deps: RoomsRouteDeps,
  session: Session,
  idOrAlias: string,
  named: readonly string[],
): Promise<
  { readonly here: Room } | { readonly remote: RemoteRooms; readonly roomId: string; readonly servers: string[] }
> {
  const { remote } = deps
  const isAlias = isRoomAlias(idOrAlias)
  const here = isAlias ? await deps.aliases.resolve(idOrAlias) : (await deps.rooms.find(idOrAlias))?.nid
  const room = here === undefined ? undefined : await deps.rooms.byNid(here)
  if (!remote || (room && (await remote.isHere(room)))) return { here: await roomBy(deps, idOrAlias) }
  const found = isAlias && !room ? await remote.alias(idOrAlias) : { roomId: room?.id ?? idOrAlias, servers: [] }
  if (!found) throw new MatrixError('M_NOT_FOUND', `There is no room with the alias ${idOrAlias}`)
  if (!isRoomId(found.roomId))
    throw new MatrixError('M_INVALID_PARAM', `"${idOrAlias}" is neither a room id nor an alias`)
  const standing = room && (await deps.rooms.events.get(room.members.get(session.user)?.event ?? 0))
  return {
    remote,
    roomId: found.roomId,
    servers: [...named, ...(standing ? serversToldBy(standing) : []), ...found.servers],
  }
}

/** Joins a room that is here, or has another server let the user in. */
async function joinAnywhere(
  deps: RoomsRouteDeps,
  session: Session,
  idOrAlias: string,
  named: readonly string[],
  body: JsonObject & { reason?: string },
): Promise<{ room_id: string }> {
  const found = await findAnywhere(deps, session, idOrAlias, named)
  if ('here' in found) return joinAs(deps, session, found.here, body)
  if (session.guest) throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests join rooms of this server only')
  const { remote, roomId, servers } = found
  const joined = await remote.join({
    roomId,
    userId: session.userId,
    servers,
    content: await contentOf(deps, session, body),
  })
  return { room_id: joined.id }
}

/** Asks to be let into a room that is here, or elsewhere. */
async function knockAnywhere(
  deps: RoomsRouteDeps,
  session: Session,
  idOrAlias: string,
  named: readonly string[],
  body: { reason?: string },
): Promise<{ room_id: string }> {
  const found = await findAnywhere(deps, session, idOrAlias, named)
  if ('here' in found) {
    await knock(deps, whoOf(session), found.here, body)
    return { room_id: found.here.id }
  }
  const { remote, roomId, servers } = found
  deps.blocks?.mustBeOpen(roomId)
  await remote.knock({ roomId, userId: session.userId, servers, content: await contentOf(deps, session, { ...body }) })
  return { room_id: roomId }
}

/** What a member event says of somebody, whom another server is to let in. */
async function contentOf(
  deps: RoomsRouteDeps,
  { userId }: Session,
  body: JsonObject & { reason?: string },
): Promise<JsonObject> {
  const { reason, extra } = wishOf(body)
  return { ...(await deps.profiles.memberFields(userId)), ...extra, ...(reason !== undefined && { reason }) }
}

export const membershipRoutes = (deps: RoomsRouteDeps): Route[] => [
  route({
    id: 'joinRoomById',
    method: 'POST',
    path: '/_matrix/client/v3/rooms/:roomId/join',
    auth: 'guest',
    limit: 'heavy',
    params: RoomParams,
    query: Via,
    body: JoinBody,
    reply: RoomIdReply,
    handle: ({ session, params, query, body }) => joinAnywhere(deps, session, params.roomId, serversIn(query), body),
  }),
  route({
    id: 'joinRoom',
    method: 'POST',
    path: '/_matrix/client/v3/join/:roomIdOrAlias',
    auth: 'guest',
    limit: 'heavy',
    params: Type.Object({ roomIdOrAlias: Type.String() }),
    query: Via,
    body: JoinBody,
    reply: RoomIdReply,
    handle: ({ session, params, query, body }) =>
      joinAnywhere(deps, session, params.roomIdOrAlias, serversIn(query), body),
  }),
  route({
    id: 'knockRoom',
    method: 'POST',
    path: '/_matrix/client/v3/knock/:roomIdOrAlias',
    auth: 'user',
    limit: 'heavy',
    params: Type.Object({ roomIdOrAlias: Type.String() }),
    query: Via,
    body: Reason,
    reply: RoomIdReply,
    handle: ({ session, params, query, body }) =>
      knockAnywhere(deps, session, params.roomIdOrAlias, serversIn(query), body),
  }),
  route({
    id: 'inviteUser',
    method: 'POST',
    path: '/_matrix/client/v3/rooms/:roomId/invite',
    auth: 'user',
    limit: 'message',
    params: RoomParams,
    body: Type.Object({
      user_id: Type.Optional(Type.String()),
      reason: Type.Optional(Type.String()),
      medium: Type.Optional(Type.String()),
    }),
    reply: Empty,
    handle: async ({ session, params, body }) => {
      if (body.medium !== undefined)
        throw new MatrixError('M_THREEPID_DENIED', 'This server does not invite by e-mail address or telephone number')
      if (body.user_id === undefined)
        throw new MatrixError('M_MISSING_PARAM', 'user_id is missing: whom shall we invite?')
      const room = await joinedRoom(deps.rooms, params.roomId, session.user)
      // Whose events reach nobody is not told so.
      if (session.shadowBanned) return {}
      await invite(deps, whoOf(session), room, body.user_id, {
        reason: body.reason,
      })
      return {}
    },
  }),
  route({
    id: 'leaveRoom',
    method: 'POST',
    path: '/_matrix/client/v3/rooms/:roomId/leave',
    auth: 'guest',
    whileSuspended: true,
    params: RoomParams,
    body: Reason,
    reply: Empty,
    handle: async ({ session, params, body }) => {
      const room = await roomOf(deps, params.roomId, session)
      await mustNotTurnDownNotices(deps.users, room, session.user)
      await leave(deps, whoOf(session), room, body)
      return {}
    },
  }),
  route({
    id: 'forgetRoom',
    method: 'POST',
    path: '/_matrix/client/v3/rooms/:roomId/forget',
    auth: 'guest',
    whileSuspended: true,
    params: RoomParams,
    body: Empty,
    reply: Empty,
    handle: async ({ session, params }) => {
      await deps.rooms.forget(await roomOf(deps, params.roomId, session), session.user)
      return {}
    },
  }),
  ...(
    [
      ['kick', kick],
      ['ban', ban],
      ['unban', unban],
    ] as const
  ).map(([id, act]) =>
    route({
      id,
      method: 'POST',
      path: `/_matrix/client/v3/rooms/:roomId/${id}`,
      auth: 'user',
      limit: 'message',
      params: RoomParams,
      body: UserAndReason,
      reply: Empty,
      handle: async ({ session, params, body }) => {
        await act(deps, whoOf(session), await joinedRoom(deps.rooms, params.roomId, session.user), body.user_id, {
          reason: body.reason,
        })
        return {}
      },
    }),
  ),
]
