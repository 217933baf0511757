import { hash } from 'node:crypto'
import { own, type JsonObject } from './json.ts'
import type { EventReference, Pdu } from './pdu.ts'
import { redact } from './redaction.ts'
import type { RoomVersion } from './room-version.ts'
import { signedText } from './signing.ts'

/** The normalised view of an event that everything but the wire works with; the same for all room versions. */
export interface RoomEvent {
  readonly id: string
  readonly type: string
  readonly sender: string
  /** Always there, also for create events that carry none. */
  readonly roomId: string
  /** Undefined: a message event. The empty string is a state key. */
  readonly stateKey: string | undefined
  readonly content: JsonObject
  readonly prevEvents: readonly string[]
  readonly authEvents: readonly string[]
  readonly depth: number
  /** `origin_server_ts`, milliseconds. */
  readonly ts: number
  /** The event that this one redacts, wherever the room version keeps it. */
  readonly redacts: string | undefined
  readonly pdu: Pdu
}

/**
 * The normalised view of an event whose format is known to be good. `id` spares the hashing when it is known already.
 */
export function toRoomEvent(pdu: Pdu, version: RoomVersion, id: string = eventId(pdu, version)): RoomEvent {
  const redacts = version.redactsInContent ? own(pdu.content, 'redacts') : pdu.redacts
  return {
    id,
    type: pdu.type,
    sender: pdu.sender,
    roomId: version.createIsRoomId && pdu.type === 'm.room.create' ? `!${id.slice(1)}` : (pdu.room_id ?? ''),
    stateKey: pdu.state_key,
    content: pdu.content,
    prevEvents: referencedIds(pdu.prev_events),
    authEvents: referencedIds(pdu.auth_events),
    // Rooms of v1–5 may say up to 2^63 − 1, which neither a double nor a database column is sure to hold.
    depth: Math.min(pdu.depth, Number.MAX_SAFE_INTEGER),
    ts: pdu.origin_server_ts,
    redacts: typeof redacts === 'string' && pdu.type === 'm.room.redaction' ? redacts : undefined,
    pdu,
  }
}

const referencedIds = (references: readonly EventReference[]): string[] =>
  references.map((reference) => (typeof reference === 'string' ? reference : reference[0]))

/**
 * The id of an event: its field in v1 and v2, its reference hash in later versions.
 * @see https://spec.matrix.org/v1.19/server-server-api/#calculating-the-reference-hash-for-an-event
 */
export function eventId(pdu: Pdu, version: RoomVersion): string {
  if (version.eventFormat === 'v1') return typeof pdu.event_id === 'string' ? pdu.event_id : ''
  return hashToEventId(signedText(redact(pdu, version)), version)
}

/** The id that an event of v3 or later has, from the canonical JSON of its redacted form without signatures. */
export const hashToEventId = (redactedText: string, version: RoomVersion): string =>
  `$${version.eventFormat === 'v3' ? sha256(redactedText) : hash('sha256', redactedText, 'base64url')}`

/** The reference hash, unpadded base64: what v1 and v2 put beside an event id. */
export const referenceHash = (pdu: Pdu, version: RoomVersion): string => sha256(signedText(redact(pdu, version)))

/**
 * The hash over everything in the event but `unsigned`, `signatures` and `hashes`; unpadded base64.
 * @see https://spec.matrix.org/v1.19/server-server-api/#calculating-the-content-hash-for-an-event
 */
export function contentHash(pdu: JsonObject): string {
  const { hashes: _, ...rest } = pdu
  return sha256(signedText(rest))
}

/** Whether the content hash that the event carries is right; if not, only the redacted event is to be believed. */
export const hasRightHash = (pdu: Pdu): boolean => {
  const claimed = own(pdu.hashes, 'sha256')
  return typeof claimed === 'string' && claimed.replace(/=+$/, '') === contentHash(pdu)
}

/** SHA-256 of the text's UTF-8 form, unpadded base64 (43 characters). */
export const sha256 = (text: string): string => hash('sha256', text, 'base64').slice(0, 43)
