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
  /** The redacted event (v1–10; later it is in `content`). */
  redacts?: string
  unsigned?: JsonObject
  /** Only in v1 and v2; later the id is computed. */
  event_id?: string
  origin?: string
  [extra: string]: Json
}

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
