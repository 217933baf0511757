import { Type } from 'typebox'
import { route, type Route, type Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isRoomAlias, isRoomId, parseMxc } from '../../matrix/ids.ts'
import { allowedRooms } from '../../matrix/state-values.ts'
import type { Room } from '../../events/index.ts'
import type { HistoryRouteDeps } from '../deps.ts'

const Summary = Type.Object({
  room_id: Type.String(),
  num_joined_members: Type.Integer(),
  world_readable: Type.Boolean(),
  guest_can_join: Type.Boolean(),
  join_rule: Type.String(),
  room_version: Type.String(),
  name: Type.Optional(Type.String()),
  topic: Type.Optional(Type.String()),
  avatar_url: Type.Optional(Type.String()),
  canonical_alias: Type.Optional(Type.String()),
  room_type: Type.Optional(Type.String()),
  encryption: Type.Optional(Type.String()),
  allowed_room_ids: Type.Optional(Type.Array(Type.String())),
  membership: Type.Optional(Type.String()),
})

const openRules = new Set(['public', 'knock', 'knock_restricted'])

async function findRoom({ rooms, aliases }: HistoryRouteDeps, idOrAlias: string): Promise<Room | undefined> {
  if (isRoomId(idOrAlias)) return rooms.find(idOrAlias)
  const nid = isRoomAlias(idOrAlias) ? await aliases.resolve(idOrAlias) : undefined
  return nid === undefined ? undefined : rooms.byNid(nid)
}

/** The rooms whose members may join this one. */
async function allowedIn({ rooms }: HistoryRouteDeps, room: Room): Promise<string[]> {
  const { joinRule } = room.summary
  if (joinRule !== 'restricted' && joinRule !== 'knock_restricted') return []
  const rules = await rooms.stateEvent(room, 'm.room.join_rules', '')
  return rules ? allowedRooms(rules.event.content) : []
}

/** Who could join, ask to, or read the room may know of it. */
async function mayKnowOf(
  deps: HistoryRouteDeps,
  room: Room,
  allowed: readonly string[],
  session: Session | undefined,
): Promise<boolean> {
  if (openRules.has(room.summary.joinRule) || room.summary.historyVisibility === 'world_readable') return true
  if (!session) return false
  const membership = room.members.get(session.user)?.membership
  if (membership === 'join' || membership === 'invite' || membership === 'knock') return true
  for (const roomId of allowed) if ((await deps.rooms.find(roomId))?.joined.has(session.user)) return true
  return false
}

export const summaryRoutes = (deps: HistoryRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias */
  route({
    id: 'getRoomSummary',
    method: 'GET',
    path: '/_matrix/client/v1/room_summary/:roomIdOrAlias',
    auth: 'optional',
    // Where it was before it came into the specification; many clients still ask there.
    paths: [
      '/_matrix/client/unstable/im.nheko.summary/summary/:roomIdOrAlias',
      '/_matrix/client/unstable/im.nheko.summary/rooms/:roomIdOrAlias/summary',
    ],
    params: Type.Object({ roomIdOrAlias: Type.String() }),
    reply: Summary,
    handle: async ({ session, params }) => {
      const room = await findRoom(deps, params.roomIdOrAlias)
      const allowed = room ? await allowedIn(deps, room) : []
      if (!room || !(await mayKnowOf(deps, room, allowed, session)))
        throw new MatrixError('M_NOT_FOUND', 'There is no such room that you may know of')
      const { name, topic, avatarUrl, canonicalAlias, roomType, encryption, ...summary } = room.summary
      const membership = session && room.members.get(session.user)?.membership
      return {
        room_id: room.id,
        num_joined_members: room.joined.size,
        world_readable: summary.historyVisibility === 'world_readable',
        guest_can_join: summary.guestAccess === 'can_join',
        join_rule: summary.joinRule,
        room_version: room.version.id,
        ...(name !== null && { name }),
        ...(topic !== null && { topic }),
        ...(roomType !== null && { room_type: roomType }),
        ...(avatarUrl !== null && parseMxc(avatarUrl) && { avatar_url: avatarUrl }),
        ...(canonicalAlias !== null && isRoomAlias(canonicalAlias) && { canonical_alias: canonicalAlias }),
        // The only algorithm that the specification lets a summary name.
        ...(encryption === 'm.megolm.v1.aes-sha2' && { encryption }),
        ...(allowed.length > 0 && { allowed_room_ids: allowed.filter(isRoomId) }),
        ...(membership && { membership }),
      }
    },
  }),
]
