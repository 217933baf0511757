import type { RoomEvent } from './event.ts'
import { isObject, type Json, type JsonObject, own } from './json.ts'
import type { RoomVersion } from './room-version.ts'

/** Who may do what in a room: the content of its power levels event with every default filled in. Immutable. */
export interface PowerLevels {
  readonly users: ReadonlyMap<string, number>
  readonly usersDefault: number
  readonly events: ReadonlyMap<string, number>
  readonly eventsDefault: number
  readonly stateDefault: number
  readonly ban: number
  readonly kick: number
  readonly redact: number
  readonly invite: number
  readonly notifications: ReadonlyMap<string, number>
  /** Users whose power is infinite: the room's creators from v12 on; earlier nobody. */
  readonly creators: ReadonlySet<string>
}

/** The properties of a power levels event that are one level each. */
export const singleLevels = [
  'users_default',
  'events_default',
  'state_default',
  'ban',
  'redact',
  'kick',
  'invite',
] as const

/** The properties of a power levels event that are maps of levels. */
export const levelMaps = ['users', 'events', 'notifications'] as const

const nothing: ReadonlyMap<string, number> = new Map()
const nobody: ReadonlySet<string> = new Set()

/**
 * One level as the room version allows it to be written; undefined when it is not one. Whole numbers always; in old versions
 * also strings like `" +050 "`, and in the oldest fractions, which are cut at the point.
 * @see https://spec.matrix.org/v1.19/rooms/v1/#mroompower_levels-events-accept-values-as-strings
 */
export const parseLevel = (value: Json | undefined, format: RoomVersion['powerLevelFormat']): number | undefined => {
  if (typeof value === 'number') {
    if (format === 'float-or-string') return Number.isFinite(value) ? Math.trunc(value) + 0 : undefined
    return Number.isSafeInteger(value) ? value : undefined
  }
  if (typeof value !== 'string' || format === 'integer' || !/^\s*[+-]?[0-9]+\s*$/.test(value)) return undefined
  const level = Number(value)
  return Number.isFinite(level) ? level + 0 : undefined
}

const parseMap = (value: Json | undefined, format: RoomVersion['powerLevelFormat']): ReadonlyMap<string, number> => {
  if (!isObject(value)) return nothing
  const levels = new Map<string, number>()
  for (const [key, written] of Object.entries(value)) {
    const level = parseLevel(written, format)
    if (level !== undefined) levels.set(key, level)
  }
  return levels
}

/** The users who made the room: those with infinite power from v12 on, and before that the one with 100 until levels are set. */
export const creatorsOf = (create: RoomEvent, version: RoomVersion): ReadonlySet<string> => {
  if (version.creatorInContent) {
    const creator = own(create.content, 'creator')
    return new Set(typeof creator === 'string' ? [creator] : [])
  }
  const creators = new Set([create.sender])
  const additional = version.privilegedCreators ? own(create.content, 'additional_creators') : undefined
  if (Array.isArray(additional)) for (const user of additional) if (typeof user === 'string') creators.add(user)
  return creators
}

/**
 * Reads the content of a power levels event. What is not a level in this room version counts as absent, so that a room with
 * a malformed event in its state still has sensible levels.
 *
 * @param content undefined when the room has no such event: the creator has 100, all others 0.
 * @param creators the room's creators, from {@link creatorsOf}.
 */
export const parsePowerLevels = (
  content: JsonObject | undefined,
  creators: ReadonlySet<string>,
  version: RoomVersion,
): PowerLevels => {
  const format = version.powerLevelFormat
  const level = (key: string, fallback: number) => parseLevel(own(content, key), format) ?? fallback
  const firstUsers = version.privilegedCreators ? nothing : new Map([...creators].map((user) => [user, 100] as const))
  return {
    users: content === undefined ? firstUsers : parseMap(own(content, 'users'), format),
    usersDefault: level('users_default', 0),
    events: parseMap(own(content, 'events'), format),
    eventsDefault: level('events_default', 0),
    stateDefault: level('state_default', 50),
    ban: level('ban', 50),
    kick: level('kick', 50),
    redact: level('redact', 50),
    invite: level('invite', 0),
    notifications: parseMap(own(content, 'notifications'), format),
    creators: version.privilegedCreators ? creators : nobody,
  }
}

const parsed = new WeakMap<RoomEvent, { create: RoomEvent | undefined; levels: PowerLevels }>()

/**
 * The levels in a room whose state has these two events. Parsed once per power levels event and remembered as long as that
 * object lives, so that asking again costs a map look-up.
 */
export const powerLevelsFrom = (
  event: RoomEvent | undefined,
  create: RoomEvent | undefined,
  version: RoomVersion,
): PowerLevels => {
  const holder = event ?? create
  const known = holder && parsed.get(holder)
  if (known && known.create === create) return known.levels
  const levels = parsePowerLevels(event?.content, create ? creatorsOf(create, version) : nobody, version)
  if (holder) parsed.set(holder, { create, levels })
  return levels
}

/** The user's power; `Infinity` for a creator in v12 and later. */
export const powerLevelOf = (levels: PowerLevels, userId: string): number =>
  levels.creators.has(userId) ? Infinity : (levels.users.get(userId) ?? levels.usersDefault)

/** The power needed to send an event of this type. Membership events have levels of their own (`invite`, `kick`, `ban`). */
export const levelFor = (levels: PowerLevels, eventType: string, isState: boolean): number =>
  levels.events.get(eventType) ?? (isState ? levels.stateDefault : levels.eventsDefault)

/** The power needed to notify in this way; `room` stands for mentioning everyone. */
export const notificationLevel = (levels: PowerLevels, key: string): number => levels.notifications.get(key) ?? 50
