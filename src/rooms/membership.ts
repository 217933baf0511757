import { MatrixError } from '../matrix/errors.ts'
import { isLocalUser, isUserId, serverOf } from '../matrix/ids.ts'
import { own, type JsonObject } from '../matrix/json.ts'
import { levelFor, powerLevelOf, powerLevelsFrom, type PowerLevels } from '../matrix/power-levels.ts'
import { allowedRooms } from '../matrix/state-values.ts'
import type { Users } from '../users/index.ts'
import type { Blocks } from './blocks.ts'
import { mustTakeInvites } from './invite-permission.ts'
import type { RemoteRooms } from './deps.ts'
import type { Profiles } from './profile.ts'
import type { Draft, Membership, Room, Rooms, StoredEvent } from '../events/index.ts'

export interface MembershipDeps {
  readonly rooms: Rooms
  readonly users: Users
  readonly profiles: Profiles
  readonly serverName: string
  /** Absent: there are no other servers. */
  readonly remote?: RemoteRooms | undefined
  /** Absent: no room is blocked. */
  readonly blocks?: Pick<Blocks, 'mustBeOpen'>
}

type Who = Draft['sender']

export interface MembershipWish {
  readonly reason?: string | undefined
  /** Further keys of the member event's content. */
  readonly extra?: JsonObject
  /** Milliseconds; now, unless an application service says otherwise. */
  readonly ts?: number
}

export const membershipOf = (room: Room, user: number): Membership | undefined => room.members.get(user)?.membership

/** @throws {MatrixError} M_FORBIDDEN, also for a room that does not exist: nobody learns of it by asking. */
export async function joinedRoom(rooms: Rooms, roomId: string, user: number): Promise<Room> {
  const room = await rooms.find(roomId)
  if (!room?.joined.has(user)) throw notIn(roomId)
  return room
}

export const notIn = (roomId: string): MatrixError =>
  new MatrixError('M_FORBIDDEN', `You are not in the room ${roomId}`)

export async function powerLevelsOf(rooms: Rooms, room: Room): Promise<PowerLevels> {
  const create = await rooms.stateEvent(room, 'm.room.create', '')
  if (!create) throw new Error(`Room ${room.id} has no create event`)
  return powerLevelsFrom((await rooms.stateEvent(room, 'm.room.power_levels', ''))?.event, create.event, room.version)
}

/** Joins, with the authorisation of a member where the room is restricted. Does nothing for who is joined. */
export async function join(deps: MembershipDeps, who: Who, room: Room, wish: MembershipWish = {}): Promise<void> {
  if (room.joined.has(who.nid) && (await deps.rooms.isDurable(room))) return
  const authoriser = await authoriserFor(deps, who, room)
  await setMembership(deps, who, room, who.userId, 'join', {
    ...wish,
    extra: { ...wish.extra, ...(authoriser !== undefined && { join_authorised_via_users_server: authoriser }) },
  })
}

/**
 * Who vouches for somebody that comes from another room: a joined local member with the power to invite. Undefined where nobody
 * needs to.
 * @see https://spec.matrix.org/v1.19/client-server-api/#restricted-rooms
 */
export async function authoriserFor(
  deps: Pick<MembershipDeps, 'rooms' | 'users'>,
  who: Pick<Who, 'nid'>,
  room: Room,
): Promise<string | undefined> {
  const rule = room.summary.joinRule
  if (rule !== 'restricted' && rule !== 'knock_restricted') return undefined
  if (membershipOf(room, who.nid) === 'invite') return undefined
  const rules = await deps.rooms.stateEvent(room, 'm.room.join_rules', '')
  const from = rules ? allowedRooms(rules.event.content) : []
  const heads = await Promise.all(from.map((roomId) => deps.rooms.find(roomId)))
  if (!heads.some((other) => other?.joined.has(who.nid))) {
    throw new MatrixError(
      'M_FORBIDDEN',
      'You are not invited to this room, and in none of the rooms whose members may join it',
    )
  }
  const levels = await powerLevelsOf(deps.rooms, room)
  for (const member of room.joined) {
    const userId = deps.users.peekName(member) ?? (await deps.users.nameOf(member))
    if (userId !== undefined && powerLevelOf(levels, userId) >= levels.invite && (await deps.users.account(member)))
      return userId
  }
  throw new MatrixError('M_UNABLE_TO_AUTHORISE_JOIN', 'Nobody on this server may let you into this room')
}

/** @throws {MatrixError} M_INVALID_PARAM for what is no user id; M_FORBIDDEN for users of other servers, where these are not talked to. */
export function mustBeReachable(
  { serverName, remote }: Pick<MembershipDeps, 'serverName' | 'remote'>,
  userId: string,
): void {
  if (!isUserId(userId)) throw new MatrixError('M_INVALID_PARAM', `"${userId}" is not a user id`)
  if (!remote && !isLocalUser(userId, serverName))
    throw new MatrixError('M_FORBIDDEN', `${userId} is on another server, and this one does not talk to others`)
}

/** Invites; somebody who is invited already is left alone. */
export async function invite(
  deps: MembershipDeps,
  who: Who,
  room: Room,
  userId: string,
  wish: MembershipWish = {},
): Promise<void> {
  mustBeReachable(deps, userId)
  const target = await deps.users.intern(userId)
  if (membershipOf(room, target) === 'join') throw new MatrixError('M_FORBIDDEN', `${userId} is already in the room`)
  if (deps.remote && !isLocalUser(userId, deps.serverName)) {
    deps.blocks?.mustBeOpen(room.id)
    await deps.remote.invite(room, who.userId, userId, {
      ...wish.extra,
      ...(wish.reason !== undefined && { reason: wish.reason }),
    })
    return
  }
  await mustTakeInvites(deps.users, userId)
  await setMembership(deps, who, room, userId, 'invite', wish)
}

/** Servers that may be in a room which nobody here is in: of who invited, and of those whom we were told of. */
export function serversToldBy({ event }: StoredEvent): string[] {
  const { unsigned = {} } = event.pdu as { unsigned?: JsonObject }
  const told = [unsigned['invite_room_state'], unsigned['knock_room_state']].flatMap((list) =>
    Array.isArray(list) ? list.map((one) => own(one, 'sender')) : [],
  )
  return [...new Set([event.sender, ...told].filter((one) => isUserId(one)).map(serverOf))]
}

/** Leaves, takes back a knock, or turns down an invite. Does nothing for who has left. */
export async function leave(deps: MembershipDeps, who: Who, room: Room, wish: MembershipWish = {}): Promise<void> {
  const membership = membershipOf(room, who.nid)
  if (membership === undefined) throw notIn(room.id)
  if (membership === 'leave') return
  if (deps.remote && membership !== 'ban' && !(await deps.remote.isHere(room))) {
    const standing = await deps.rooms.events.get(room.members.get(who.nid)?.event ?? 0)
    if (!standing) throw notIn(room.id)
    const content = wish.reason === undefined ? {} : { reason: wish.reason }
    await deps.remote.leave(room, standing, { userId: who.userId, servers: serversToldBy(standing), content })
    return
  }
  await setMembership(deps, who, room, who.userId, 'leave', wish)
}

/** Puts somebody out, or takes back an invitation. */
export async function kick(
  deps: MembershipDeps,
  who: Who,
  room: Room,
  userId: string,
  wish: MembershipWish = {},
): Promise<void> {
  const target = await deps.users.intern(userId)
  const membership = membershipOf(room, target)
  if (membership === 'ban')
    throw new MatrixError('M_FORBIDDEN', `${userId} is banned from the room; unban is another request`)
  if (membership === undefined || membership === 'leave')
    throw new MatrixError('M_FORBIDDEN', `${userId} is not in the room`)
  await setMembership(deps, who, room, userId, 'leave', wish)
}

export async function ban(
  deps: MembershipDeps,
  who: Who,
  room: Room,
  userId: string,
  wish: MembershipWish = {},
): Promise<void> {
  if (!isUserId(userId)) throw new MatrixError('M_INVALID_PARAM', `"${userId}" is not a user id`)
  await setMembership(deps, who, room, userId, 'ban', wish)
}

export async function unban(
  deps: MembershipDeps,
  who: Who,
  room: Room,
  userId: string,
  wish: MembershipWish = {},
): Promise<void> {
  const target = await deps.users.intern(userId)
  if (membershipOf(room, target) !== 'ban')
    throw new MatrixError('M_FORBIDDEN', `${userId} is not banned from the room`)
  await setMembership(deps, who, room, userId, 'leave', wish)
}

/** Asks to be let in. */
export async function knock(deps: MembershipDeps, who: Who, room: Room, wish: MembershipWish = {}): Promise<void> {
  if (membershipOf(room, who.nid) === 'knock') return
  await setMembership(deps, who, room, who.userId, 'knock', wish)
}

/**
 * What this server wants of whoever comes to stand so to a room, by whatever way: the rooms that are blocked, and where guests may be.
 * Everything else is for the auth rules to decide.
 * @throws {MatrixError}
 */
export async function mayStand(
  deps: Pick<MembershipDeps, 'blocks' | 'users'>,
  room: Room,
  userId: string,
  membership: unknown,
): Promise<void> {
  if (membership !== 'join' && membership !== 'invite' && membership !== 'knock') return
  deps.blocks?.mustBeOpen(room.id)
  if (membership === 'invite') return
  const user = await deps.users.intern(userId)
  if (room.joined.has(user) || !(await deps.users.account(user))?.guest) return
  if (membership === 'knock') throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests may not knock')
  if (room.summary.guestAccess !== 'can_join')
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests may not join this room')
}

/** The member event behind all of these. The auth rules decide whether it may be. */
export async function setMembership(
  deps: MembershipDeps,
  who: Who,
  room: Room,
  userId: string,
  membership: Membership,
  wish: MembershipWish = {},
): Promise<StoredEvent | undefined> {
  const speaksOfTarget = membership === 'join' || membership === 'invite' || membership === 'knock'
  await mayStand(deps, room, userId, membership)
  const content: JsonObject = {
    ...(speaksOfTarget && (await deps.profiles.memberFields(userId))),
    ...wish.extra,
    membership,
    ...(wish.reason !== undefined && { reason: wish.reason }),
  }
  const [stored] = await deps.rooms.append(room, [
    { type: 'm.room.member', stateKey: userId, sender: who, content, ...(wish.ts !== undefined && { ts: wish.ts }) },
  ])
  return stored
}

/** Whether a user's power is enough for state events of this type. */
export async function maySetState(rooms: Rooms, room: Room, userId: string, type: string): Promise<boolean> {
  const levels = await powerLevelsOf(rooms, room)
  return powerLevelOf(levels, userId) >= levelFor(levels, type, true)
}
