import { MatrixError } from './errors.ts'
import { compileEventFilter, compileRooms, type EventFilter, type RoomChoice } from './filter-match.ts'
import { isRoomId, isUserId } from './ids.ts'
import { isObject, type Json, type JsonObject, own } from './json.ts'
import { compileProjection } from './projection.ts'
import { parsePath } from './property-path.ts'

/** What a client may ask for in one filter. */
export const filterLimits = {
  /** Events that a filter without `limit` wants of each room. */
  defaultLimit: 10,
  /** Most events that a filter can want; a larger `limit` counts as this. */
  maxLimit: 100,
  /** Entries of a list. */
  entries: 1000,
  /** Characters of an entry. */
  entryLength: 512,
  /** Characters of the whole filter as JSON. */
  size: 65_536,
} as const

/** A filter for the events of rooms. Which rooms it speaks of is asked separately, once per room. */
export interface RoomEventFilter extends EventFilter {
  readonly rooms: RoomChoice
  /** Send membership events only of users whose events are sent. */
  readonly lazyLoadMembers: boolean
  /** When lazy loading, send membership events again that the client has had. */
  readonly includeRedundantMembers: boolean
  /** Count notifications by thread. */
  readonly unreadThreadNotifications: boolean
  /** Only events that one of these users has related an event to. To be answered from the database; {@link EventFilter.matches} does not ask. */
  readonly relatedBySenders: readonly string[] | undefined
  /** Only events that have a relation of one of these types. As {@link relatedBySenders}. */
  readonly relatedByRelTypes: readonly string[] | undefined
}

/** A filter for /sync. */
export interface Filter {
  /** Cuts an event in the client format down to the wanted fields; undefined: they are all wanted. */
  readonly project: ((event: JsonObject) => JsonObject) | undefined
  readonly eventFormat: 'client' | 'federation'
  readonly presence: EventFilter
  readonly accountData: EventFilter
  readonly room: {
    /** Applies before the choice of each of the four filters below. */
    readonly rooms: RoomChoice
    readonly includeLeave: boolean
    readonly state: RoomEventFilter
    readonly timeline: RoomEventFilter
    readonly ephemeral: RoomEventFilter
    readonly accountData: RoomEventFilter
  }
}

/**
 * Checks and compiles a filter for /sync. Keys that are not known are ignored.
 * @throws MatrixError M_BAD_JSON for wrong types and ids, M_TOO_LARGE beyond {@link filterLimits}
 * @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridfilter
 */
export function parseFilter(json: Json): Filter {
  checkSize(json)
  const filter = object(json, 'filter')
  const room = section(filter, 'room')
  const format = or(own(filter, 'event_format'), 'client')
  if (format !== 'client' && format !== 'federation') throw bad('"event_format" is "client" or "federation"')
  const fields = list(filter, 'event_fields')
  return {
    project: fields && compileProjection(fields.map(parsePath)),
    eventFormat: format,
    presence: eventFilter(section(filter, 'presence')),
    accountData: eventFilter(section(filter, 'account_data')),
    room: {
      rooms: roomChoice(room),
      includeLeave: flag(room, 'include_leave'),
      state: roomEventFilter(section(room, 'state')),
      timeline: roomEventFilter(section(room, 'timeline')),
      ephemeral: roomEventFilter(section(room, 'ephemeral')),
      accountData: roomEventFilter(section(room, 'account_data')),
    },
  }
}

/**
 * Checks and compiles a filter for the events of rooms, as /messages, /context and /search take it.
 * @throws MatrixError as {@link parseFilter}
 */
export function parseRoomEventFilter(json: Json): RoomEventFilter {
  checkSize(json)
  return roomEventFilter(object(json, 'filter'))
}

function roomEventFilter(json: JsonObject): RoomEventFilter {
  return {
    ...eventFilter(json),
    rooms: roomChoice(json),
    lazyLoadMembers: flag(json, 'lazy_load_members'),
    includeRedundantMembers: flag(json, 'include_redundant_members'),
    unreadThreadNotifications: flag(json, 'unread_thread_notifications'),
    relatedBySenders: users(json, 'related_by_senders'),
    relatedByRelTypes: list(json, 'related_by_rel_types'),
  }
}

const eventFilter = (json: JsonObject): EventFilter =>
  compileEventFilter({
    limit: limit(json),
    types: list(json, 'types'),
    notTypes: list(json, 'not_types'),
    senders: users(json, 'senders'),
    notSenders: users(json, 'not_senders'),
    containsUrl: own(json, 'contains_url') === undefined ? undefined : flag(json, 'contains_url'),
  })

const roomChoice = (json: JsonObject): RoomChoice => compileRooms(rooms(json, 'rooms'), rooms(json, 'not_rooms'))

/** Zero, which the specification forbids but clients send who want no events, means none. */
function limit(json: JsonObject): number {
  const value = or(own(json, 'limit'), filterLimits.defaultLimit)
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw bad('"limit" is an integer that is not negative')
  return Math.min(value, filterLimits.maxLimit)
}

function list(json: JsonObject, key: string): string[] | undefined {
  const value = own(json, key)
  if (value === undefined) return undefined
  if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string'))
    throw bad(`"${key}" is a list of strings`)
  if (value.length > filterLimits.entries)
    throw new MatrixError('M_TOO_LARGE', `"${key}" has at most ${filterLimits.entries} entries`)
  if (value.some((entry) => entry.length > filterLimits.entryLength))
    throw bad(`An entry of "${key}" has at most ${filterLimits.entryLength} characters`)
  return value
}

const users = (json: JsonObject, key: string): string[] | undefined => listOf(json, key, isUserId, 'user ids')
const rooms = (json: JsonObject, key: string): string[] | undefined => listOf(json, key, isRoomId, 'room ids')

function listOf(
  json: JsonObject,
  key: string,
  belongs: (entry: string) => boolean,
  what: string,
): string[] | undefined {
  const entries = list(json, key)
  if (entries && !entries.every(belongs)) throw bad(`"${key}" is a list of ${what}`)
  return entries
}

function flag(json: JsonObject, key: string): boolean {
  const value = or(own(json, key), false)
  if (typeof value !== 'boolean') throw bad(`"${key}" is true or false`)
  return value
}

const section = (json: JsonObject, key: string): JsonObject => object(or(own(json, key), {}), `"${key}"`)

/** Only what is absent has a default; null is a wrong type like any other. */
const or = (value: Json | undefined, fallback: Json): Json => (value === undefined ? fallback : value)

function object(json: Json, name: string): JsonObject {
  if (!isObject(json)) throw bad(`The ${name} is an object`)
  return json
}

function checkSize(json: Json): void {
  if (JSON.stringify(json).length > filterLimits.size)
    throw new MatrixError('M_TOO_LARGE', `A filter has at most ${filterLimits.size} characters`)
}

const bad = (message: string): MatrixError => new MatrixError('M_BAD_JSON', message)

/** The filter that lets everything through: what a request without a filter uses. */
export const everything: Filter = parseFilter({})
