import { MatrixError } from '../matrix/errors.ts'
import { checkCanonical, own, type JsonObject } from '../matrix/json.ts'
import { creatorsOf, levelMaps, type PowerLevels, singleLevels } from '../matrix/power-levels.ts'
import type { RoomVersion } from '../matrix/room-version.ts'
import type { RoomWish } from './create.ts'
import { mustRest, rest } from '../storage/index.ts'
import { powerLevelsOf } from './membership.ts'
import { type Room, type Rooms, stateOfType } from '../events/index.ts'

type StateList = NonNullable<RoomWish['initialState']>

/** State that means the same whoever sent it. */
const carried = [
  'm.room.server_acl',
  'm.room.encryption',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.guest_access',
  'm.room.history_visibility',
] as const

/** The newest bans are carried over; a room with more of them would take seconds to make, in one piece. */
const mostBans = 2000

/**
 * The state that a room begins with which takes the place of another: what `from` says of itself, its rules, its bans, and the
 * children of a space. Parents are left out: a link to one counts by who sent it.
 * @see https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-16
 */
export async function stateForSuccessor(rooms: Rooms, from: Room, version: RoomVersion): Promise<StateList> {
  const state: Array<StateList[number]> = []
  const put = (type: string, content: JsonObject, stateKey = ''): void => {
    if (isSendable(content)) state.push({ type, state_key: stateKey, content })
  }
  for (const type of carried) {
    const stored = await rooms.stateEvent(from, type, '')
    if (stored) put(type, stored.event.content)
    // What a new room has of itself, by its preset, is not what the old one has when it says nothing.
    else if (type === 'm.room.guest_access') put(type, { guest_access: 'forbidden' })
    else if (type === 'm.room.history_visibility') put(type, { history_visibility: 'shared' })
  }
  put(
    'm.room.join_rules',
    joinRulesFor((await rooms.stateEvent(from, 'm.room.join_rules', ''))?.event.content, version),
  )
  if (from.summary.roomType === 'm.space') {
    for (const { event } of await stateOfType(rooms, from, 'm.space.child')) {
      if (mustRest()) await rest()
      if (own(event.content, 'via') !== undefined) put(event.type, event.content, event.stateKey)
    }
  }
  return state
}

/** What cannot be signed as canonical JSON may stand in a room of an old version, but is sent to none. */
function isSendable(content: JsonObject): boolean {
  try {
    checkCanonical(content)
    return true
  } catch (error) {
    if (error instanceof MatrixError) return false
    throw error
  }
}

/** Join rules that the version does not know become the next stricter ones that it does. */
function joinRulesFor(content: JsonObject | undefined, version: RoomVersion): JsonObject {
  const rule = own(content, 'join_rule')
  if (content === undefined || typeof rule !== 'string') return { join_rule: 'invite' }
  const known = {
    knock: version.knock,
    restricted: version.restrictedJoins,
    knock_restricted: version.knockRestricted,
  } as Record<string, boolean>
  if (known[rule] !== false) return content
  return rule === 'knock_restricted' && version.restrictedJoins
    ? { ...content, join_rule: 'restricted' }
    : { join_rule: 'invite' }
}

/** The bans of a room as state of another, without those that `mayBan` says no to. */
export async function bansFor(rooms: Rooms, from: Room, mayBan: (userId: string) => boolean): Promise<StateList> {
  const banned = [...from.members.values()]
    .filter((member) => member.membership === 'ban')
    .sort((a, b) => b.position - a.position)
    .slice(0, mostBans)
  return (await rooms.events.many(banned.map((member) => member.event))).flatMap(({ event }) => {
    if (event.stateKey === undefined || !mayBan(event.stateKey)) return []
    const reason = own(event.content, 'reason')
    return [
      {
        type: event.type,
        state_key: event.stateKey,
        content: { membership: 'ban', ...(typeof reason === 'string' && { reason }) },
      },
    ]
  })
}

/** The power levels of a new room: those it is made with, and those it has in the end. */
export interface SuccessorLevels {
  /** With these, who makes the room may send all of its first state. */
  readonly first: JsonObject
  /** Undefined: the first ones stay. */
  readonly final: JsonObject | undefined
  /** What the user may do to others while the room is made. */
  readonly mayBan: (userId: string) => boolean
}

/** In a room with privileged creators, administrators do not send tombstones unless somebody has said that they may. */
const tombstoneLevel = 150
const usualTop = 100

/** Carries power levels over into a room of another version, made by `upgrader`. */
export async function levelsForSuccessor(
  rooms: Rooms,
  from: Room,
  version: RoomVersion,
  upgrader: string,
  additionalCreators: readonly string[],
): Promise<SuccessorLevels> {
  const create = await rooms.stateEvent(from, 'm.room.create', '')
  const levels = await powerLevelsOf(rooms, from)
  const written = (await rooms.stateEvent(from, 'm.room.power_levels', ''))?.event.content
  const content = { ...unknownOf(written), ...contentOf(levels) }
  const events = { ...content.events }
  const users = { ...content.users }
  if (version.privilegedCreators) {
    const creators = new Set([upgrader, ...additionalCreators])
    for (const creator of creators) delete users[creator]
    const given = from.version.privilegedCreators ? events['m.room.tombstone'] : undefined
    events['m.room.tombstone'] =
      given ?? Math.max(tombstoneLevel, levels.stateDefault + 1, levels.events.get('m.room.tombstone') ?? 0)
    return { first: { ...content, users, events }, final: undefined, mayBan: (userId) => !creators.has(userId) }
  }
  const top = Math.max(usualTop, ...allLevels(levels))
  if (from.version.privilegedCreators && create)
    for (const creator of creatorsOf(create.event, from.version)) users[creator] = top
  const before = users[upgrader] ?? levels.usersDefault
  return {
    first: { ...content, users: { ...users, [upgrader]: top } },
    final: before === top ? undefined : { ...content, users },
    mayBan: (userId) => userId !== upgrader && (users[userId] ?? levels.usersDefault) < top,
  }
}

const knownLevels = new Set<string>([...singleLevels, ...levelMaps])

/** What a room's power levels say beside what the specification knows: it is somebody's, and goes along. */
const unknownOf = (content: JsonObject | undefined): JsonObject =>
  Object.fromEntries(
    Object.entries(content ?? {}).filter(([key, value]) => !knownLevels.has(key) && isSendable({ value })),
  )

type Levels = Record<string, number>

/** Written out whole, as numbers, however the old room writes them. */
const contentOf = (levels: PowerLevels): JsonObject & { users: Levels; events: Levels } => ({
  users: Object.fromEntries(levels.users),
  users_default: levels.usersDefault,
  events: Object.fromEntries(levels.events),
  events_default: levels.eventsDefault,
  state_default: levels.stateDefault,
  ban: levels.ban,
  kick: levels.kick,
  redact: levels.redact,
  invite: levels.invite,
  ...(levels.notifications.size > 0 && { notifications: Object.fromEntries(levels.notifications) }),
})

const allLevels = (levels: PowerLevels): number[] => [
  ...levels.users.values(),
  ...levels.events.values(),
  ...levels.notifications.values(),
  levels.usersDefault,
  levels.eventsDefault,
  levels.stateDefault,
  levels.ban,
  levels.kick,
  levels.redact,
  levels.invite,
]

/**
 * The power levels of a room that nobody is to speak in or invite to any more. Undefined: they are so already.
 * @see https://spec.matrix.org/v1.19/client-server-api/#server-behaviour-16
 */
export function levelsOfSuperseded(before: JsonObject | undefined, levels: PowerLevels): JsonObject | undefined {
  const closed = Math.max(50, levels.usersDefault + 1)
  if (levels.eventsDefault >= closed && levels.invite >= closed) return undefined
  return { ...before, events_default: Math.max(closed, levels.eventsDefault), invite: Math.max(closed, levels.invite) }
}
