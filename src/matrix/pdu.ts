import type { Json, JsonObject } from './json.ts'

/** How an event names another: by id (v3+), or by id and reference hash (v1 and v2). */
export type EventReference = string | [eventId: string, hashes: { sha256: string }]

/** Signatures by entity (server or user) and key id (`ed25519:…`), unpadded base64. */
export type Signatures = { [entity: string]: { [keyId: string]: string } }

/**
 * An event as servers exchange it. Keys that are not listed survive, since the content hash covers them.
 * @see https://spec.matrix.org/v1.19/server-server-api/#pdus
 */
export type Pdu = {
  type: string
  sender: string
  /** Absent from the create event of rooms whose id is that event's hash (v12+). */
  room_id?: string
  state_key?: string
  content: JsonObject
  prev_events: EventReference[]
  auth_events: EventReference[]
  depth: number
  /** Milliseconds. */
  origin_server_ts: number
  hashes: { sha256: string }
  signatures: Signatures
  unsigned?: JsonObject
  /** The redacted event, a string in v1–10; later it is in `content`, and this is any extra key. */
  redacts?: Json
  /** The id, a string in v1 and v2; later the id is computed, and this is any extra key. */
  event_id?: Json
  [extra: string]: Json
}
