export interface RoomsTable {
  nid: number
  room_id: string
  version: string
  creator_nid: number
  /** The state set that the newest events agree on. */
  state_nid: number
  /** Short ids of the events that no event follows yet: JSON list. */
  extremities: string
  latest_position: number
  /** Position of the newest event that moves the room up in a list. */
  bump_position: number
  created_ts: number
  /** 1 when it is listed in the directory. */
  published: number
  name: string | null
  topic: string | null
  avatar_url: string | null
  canonical_alias: string | null
  join_rule: string
  history_visibility: string
  guest_access: string
  room_type: string | null
  encryption: string | null
  joined_members: number
  invited_members: number
  /** Room id of the room that took its place. */
  successor: string | null
}

export interface EventsTable {
  nid: number
  event_id: string
  room_nid: number
  /** Place in the log; negative for history fetched later; null for an outlier, whose place is not known. */
  position: number | null
  depth: number
  ts: number
  type: string
  state_key: string | null
  sender_nid: number
  /** Canonical JSON of the event as it is signed. */
  json: string
  /** The state set before the event. */
  state_nid: number | null
  /** 0 accepted, 1 soft-failed, 2 rejected. */
  standing: number
  device_nid: number | null
  txn_id: string | null
  /** The state event that this one took the place of. */
  replaces_nid: number | null
  /** Short id of the event that redacted it. */
  redacted_by: number | null
  /** Event id of the thread's root, where it belongs to one. */
  thread_root: string | null
}

/** A (type, state key) pair. */
export interface StateKeysTable {
  nid: number
  type: string
  state_key: string
}

/** A set of state, stored as what differs from its parent. See rooms/state-sets.ts. */
export interface StateSetsTable {
  nid: number
  hash: Uint8Array
  parent_nid: number | null
  /** How many ancestors it has. */
  level: number
  /** JSON list: state key nid, event nid, state key nid, event nid … (event nid 0: gone). */
  delta: string
}

/** Who stands how to a room: the current membership of every user in it. */
export interface MembershipsTable {
  room_nid: number
  user_nid: number
  membership: string
  event_nid: number
  position: number
  sender_nid: number
  /** 1 when the user asked never to hear of the room again. */
  forgotten: number
  display_name: string | null
  avatar_url: string | null
}

export interface RelationsTable {
  event_nid: number
  room_nid: number
  /** Event id that is related to; it need not be known here. */
  target_id: string
  rel_type: string
  type: string
  key: string | null
  sender_nid: number
  position: number
}

export interface AliasesTable {
  alias: string
  room_nid: number
  creator_nid: number
}
