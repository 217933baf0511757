import type { Generated } from 'kysely'

/** A key of another server. */
export interface ServerKeysTable {
  server: string
  /** `ed25519:…` */
  key_id: string
  public_key: string
  /** What was signed until then counts. */
  valid_until: number
}

/** What another server said of its keys, as it came: handed on to whoever asks. */
export interface ServerKeyAnswersTable {
  server: string
  json: string
  valid_until: number
  fetched_ts: number
}

/** How another server can be reached. */
export interface DestinationsTable {
  server: string
  /** Failures since it last answered. */
  failures: number
  failing_since: number | null
  /** It is not asked before then. */
  retry_ts: number
}

/** What a server that did not answer is still to be told. */
export interface DestinationDebtsTable {
  server: string
  /** `room`: its newest event; `user`: that this one's devices changed. */
  kind: 'room' | 'user'
  nid: number
}

/** A message to devices of another server, until it has them. */
export interface DestinationMailTable {
  nid: number
  server: string
  /** Content of the `m.direct_to_device`. */
  json: string
}

/** An event of another server that is on the disk and not in its room yet. */
export interface ArrivalsTable {
  nid: Generated<number>
  room_nid: number
  event_id: string
  /** The server that sent it. */
  origin: string
  json: string
  /** How often it could not be taken. */
  tries: Generated<number>
}

/** A redaction that came before its event. */
export interface PendingRedactionsTable {
  event_id: string
  redaction_nid: number
}

/** A place of a room's state that was given to another event, or to none, by an event of another server that was not for it. */
export interface StateResetsTable {
  room_nid: number
  /** Of the event that brought it about. */
  position: number
  key_nid: number
}
