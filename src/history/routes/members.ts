import { Type } from 'typebox'
import { RawJson, route, type Route } from '../../http/index.ts'
import { parseMxc } from '../../matrix/ids.ts'
import { enter, stateIn, type View } from '../access.ts'
import { type Membership, membershipIn, type StateMap, type StoredEvent } from '../../events/index.ts'
import { joinedRoom, notIn, RoomParams } from '../../rooms/index.ts'
import type { HistoryRouteDeps } from '../deps.ts'
import { readToken } from '../page.ts'
import { readRoomIds } from '../store/events.ts'
import { EventList } from './query.ts'

const AnyMembership = Type.Union((['join', 'invite', 'knock', 'leave', 'ban'] as const).map((one) => Type.Literal(one)))

const Query = Type.Object({
  at: Type.Optional(Type.String()),
  membership: Type.Optional(AnyMembership),
  not_membership: Type.Optional(AnyMembership),
})

const Joined = Type.Object({
  joined: Type.Record(
    Type.String(),
    Type.Object({ display_name: Type.Optional(Type.String()), avatar_url: Type.Optional(Type.String()) }),
  ),
})

type Wanted = (membership: Membership) => boolean

/** Both conditions together mean either. */
function wantedBy(is: Membership | undefined, isNot: Membership | undefined): Wanted {
  if (is === undefined && isNot === undefined) return () => true
  return (membership) => (is !== undefined && membership === is) || (isNot !== undefined && membership !== isNot)
}

/** The member events at a place in the timeline, which has to be one that the user may see. */
async function membersAt(
  deps: HistoryRouteDeps,
  view: View,
  at: number | undefined,
  wanted: Wanted,
): Promise<StoredEvent[]> {
  const { room, session, stay } = view
  const place = at === undefined || at >= (stay.end ? stay.until : deps.log.now) ? undefined : at
  if (place === undefined && !stay.end) {
    const nids: number[] = []
    for (const { membership, event } of room.members.values()) if (wanted(membership)) nids.push(event)
    return deps.rooms.events.many(nids)
  }
  if (place === undefined) return membersIn(deps, await stateIn(deps, view), wanted)
  const [last] = await deps.rooms.timeline({
    room: room.nid,
    above: Number.MIN_SAFE_INTEGER,
    upTo: place,
    limit: 1,
    dir: 'b',
  })
  if (!last) return []
  if (!(await deps.history.canSee(session, last))) throw notIn(room.id)
  return membersIn(deps, await deps.rooms.stateAfter(last), wanted)
}

async function membersIn({ rooms }: HistoryRouteDeps, state: StateMap, wanted: Wanted): Promise<StoredEvent[]> {
  const members: number[] = []
  for (const [key, { type }] of await rooms.stateKeys.names([...state.keys()])) {
    const event = state.get(key)
    if (type === 'm.room.member' && event !== undefined) members.push(event)
  }
  return (await rooms.events.many(members)).filter(({ event }) => wanted(membershipIn(event)))
}

export const memberRoutes = (deps: HistoryRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmembers */
  route({
    id: 'getMembersByRoom',
    method: 'GET',
    path: '/_matrix/client/v3/rooms/:roomId/members',
    auth: 'guest',
    params: RoomParams,
    query: Query,
    reply: Type.Object({ chunk: EventList }),
    handle: async ({ session, params, query }) => {
      const at = readToken(deps.log, 'at', query.at || undefined)
      const view = await enter(deps, session, params.roomId)
      const members = await membersAt(deps, view, at, wantedBy(query.membership, query.not_membership))
      const reader = { session, device: session.device, now: deps.now(), withRoomId: true, lean: true }
      return new RawJson(`{"chunk":[${(await deps.history.serialise(members, reader)).join(',')}]}`)
    },
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidjoined_members */
  route({
    id: 'getJoinedMembersByRoom',
    method: 'GET',
    path: '/_matrix/client/v3/rooms/:roomId/joined_members',
    auth: 'user',
    params: RoomParams,
    reply: Joined,
    handle: async ({ session, params }) => {
      const room = await joinedRoom(deps.rooms, params.roomId, session.user)
      const joined: Record<string, { display_name?: string; avatar_url?: string }> = {}
      for (const [nid, userId] of await deps.users.namesOf(room.joined)) {
        const { displayName = null, avatarUrl = null } = room.members.get(nid) ?? {}
        joined[userId] = {
          ...(displayName !== null && { display_name: displayName }),
          ...(parseMxc(avatarUrl) && avatarUrl !== null && { avatar_url: avatarUrl }),
        }
      }
      return { joined }
    },
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3joined_rooms */
  route({
    id: 'getJoinedRooms',
    method: 'GET',
    path: '/_matrix/client/v3/joined_rooms',
    auth: 'user',
    reply: Type.Object({ joined_rooms: Type.Array(Type.String()) }),
    handle: async ({ session }) => {
      const joined: number[] = []
      for (const [room, { membership }] of await deps.rooms.of(session.user))
        if (membership === 'join') joined.push(room)
      return { joined_rooms: [...(await readRoomIds(deps.database.read, joined)).values()] }
    },
  }),
]
