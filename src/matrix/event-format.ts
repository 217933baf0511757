import { MatrixError } from './errors.ts'
import type { RoomEvent } from './event.ts'
import type { Pdu } from './pdu.ts'
import { isEventId, isHashRoomId, isRoomId, isUserId } from './ids.ts'
import { canonicalJson, checkCanonical, checkDepth, isObject, own, type Json, type JsonObject } from './json.ts'
import type { RoomVersion } from './room-version.ts'

/** An event may have this many bytes as canonical JSON, signatures included. */
const maxEventBytes = 65_536
const maxFieldBytes = 255

/**
 * Nesting that another server's event may have. Far above what clients may send, since other implementations have other
 * limits and an event that only we refuse would tear a hole into our copy of the room; still safe for the stack.
 */
const maxRemoteDepth = 1000

/**
 * Refuses (413 M_TOO_LARGE) an event over the size limits: 65,536 bytes in all, 255 for `type`, `state_key`, `sender`, `room_id`
 * and the event id. `json` is the event's canonical JSON, where it is at hand.
 * @see https://spec.matrix.org/v1.19/client-server-api/#size-limits
 */
export function checkEventSize(event: RoomEvent, json: string = canonicalJson(event.pdu)): void {
  checkField('type', event.type)
  checkField('sender', event.sender)
  checkField('room_id', event.roomId)
  checkField('event_id', event.id)
  if (event.stateKey !== undefined) checkField('state_key', event.stateKey)
  const bytes = Buffer.byteLength(json)
  if (bytes > maxEventBytes) throw tooLarge(`The event has ${bytes} bytes; it may have ${maxEventBytes}`)
}

function checkField(name: string, value: string): void {
  if (value.length * 3 > maxFieldBytes && Buffer.byteLength(value) > maxFieldBytes) {
    throw tooLarge(`The ${name} of an event may have ${maxFieldBytes} bytes`)
  }
}

const tooLarge = (message: string): MatrixError => new MatrixError('M_TOO_LARGE', message)
const bad = (message: string): MatrixError => new MatrixError('M_BAD_JSON', `The event is malformed: ${message}`)

/**
 * Takes a value from another server for an event of this room version, or refuses it (M_BAD_JSON). Checks form only: types, ids,
 * numbers of references, canonical JSON where the version demands it. Not sizes, hashes, signatures or authorisation.
 * @see https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
export function checkFormat(value: Json, version: RoomVersion): Pdu {
  if (!isObject(value)) throw bad('it is not an object')
  if (version.strictCanonicalJson) checkCanonical(value, maxRemoteDepth)
  else checkDepth(value, maxRemoteDepth)
  checkTypes(value, version)
  checkIds(value, version)
  checkReferences('prev_events', own(value, 'prev_events'), 20, version)
  checkReferences('auth_events', own(value, 'auth_events'), 10, version)
  checkSignatures(own(value, 'signatures'))
  return value as Pdu // each key of the type has been looked at
}

function checkTypes(event: JsonObject, version: RoomVersion): void {
  if (typeof own(event, 'type') !== 'string') throw bad('type is not a string')
  // Rooms are looked up by these, and no database keeps a zero in a text.
  for (const key of ['type', 'state_key']) {
    const value = own(event, key)
    if (typeof value === 'string' && value.includes('\0')) throw bad(`${key} has a zero in it`)
  }
  if (!isObject(own(event, 'content'))) throw bad('content is not an object')
  for (const key of version.redactsInContent ? ['state_key'] : ['state_key', 'redacts']) {
    if (!['string', 'undefined'].includes(typeof own(event, key))) throw bad(`${key} is not a string`)
  }
  const unsigned = own(event, 'unsigned')
  if (unsigned !== undefined && !isObject(unsigned)) throw bad('unsigned is not an object')
  const depth = own(event, 'depth')
  if (!Number.isInteger(depth) || Number(depth) < 0) throw bad('depth is not a natural number')
  if (!Number.isSafeInteger(own(event, 'origin_server_ts'))) throw bad('origin_server_ts is not an integer')
  if (typeof own(own(event, 'hashes'), 'sha256') !== 'string') throw bad('hashes has no sha256')
}

function checkIds(event: JsonObject, version: RoomVersion): void {
  if (!isUserId(own(event, 'sender'))) throw bad('sender is not a user id')
  const roomId = own(event, 'room_id')
  if (version.createIsRoomId) {
    const isCreate = own(event, 'type') === 'm.room.create'
    if (isCreate ? roomId !== undefined : !isHashRoomId(roomId)) throw bad('room_id is wrong for this room version')
  } else if (!isRoomId(roomId) || isHashRoomId(roomId)) {
    throw bad('room_id is not a room id with a server name')
  }
  if (version.eventFormat === 'v1' && !isEventId(own(event, 'event_id'), 'v1')) throw bad('event_id is not an event id')
}

function checkReferences(name: string, references: Json | undefined, limit: number, version: RoomVersion): void {
  if (!Array.isArray(references)) throw bad(`${name} is not a list`)
  if (references.length > limit) throw bad(`${name} has more than ${limit} entries`)
  for (const reference of references) {
    // Rooms of v1 and v2 are to be treated leniently: the hash beside the id is of no use to anyone.
    const id = version.eventFormat === 'v1' && Array.isArray(reference) ? reference[0] : reference
    if (!isEventId(id, version.eventFormat)) throw bad(`${name} has an entry that is not an event id`)
  }
}

function checkSignatures(signatures: Json | undefined): void {
  if (!isObject(signatures)) throw bad('signatures is not an object')
  for (const ofEntity of Object.values(signatures)) {
    if (!isObject(ofEntity) || Object.values(ofEntity).some((signature) => typeof signature !== 'string')) {
      throw bad('signatures of a server are not an object of strings')
    }
  }
}
