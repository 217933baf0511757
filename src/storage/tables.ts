/**
 * Every table, one interface each. Integers are numbers, blobs are bytes, truth is 0 or 1, times are milliseconds since 1970,
 * JSON is text. `*_nid` are our own short ids for what has a long name at the edge; `position` is a place in the one log.
 */
import type { Generated } from 'kysely'

export interface MetaTable {
  key: string
  value: string
}

/** Blocks of short ids and positions that have been given out; see sequence.ts. */
export interface SequencesTable {
  name: string
  reserved: number
}

/** Every user that was ever seen, local or not. */
export interface UsersTable {
  nid: Generated<number>
  user_id: string
}

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

/** What an access token stands for; the token itself is not kept. */
export interface AccessTokensTable {
  /** Of one sequence with those of refresh tokens: never given twice. */
  id: number
  /** SHA-256, base64url. */
  token_hash: string
  user_nid: number
  device_nid: number | null
  created_ts: number
  expires_ts: number | null
  /** The refresh token that it came of, which its first use ends; null once that is done. */
  supersedes_id: number | null
}

export interface RefreshTokensTable {
  id: number
  token_hash: string
  user_nid: number
  device_nid: number
  /** The access token that was given out together with it. */
  access_id: number
  created_ts: number
}

/** Tokens of `m.login.token`: short-lived, used once. */
export interface LoginTokensTable {
  token_hash: string
  user_nid: number
  expires_ts: number
}

/** Whom an identity provider means by a subject. */
export interface IdentitiesTable {
  provider: string
  subject: string
  user_nid: number
}

/** Local accounts. Their user ids are in `users`. */
export interface AccountsTable {
  user_nid: number
  localpart: string
  /** The localpart in lower case, by which it is found whatever case it is written in. */
  folded: string
  created_ts: number
  /** The way it was made: `jwt`, `register`, `shared-secret`, `cli` … */
  created_by: string
  /** Null: there is no password to sign in with. */
  password_hash: string | null
  deactivated: number
  erased: number
  locked: number
  suspended: number
  admin: number
  guest: number
  display_name: string | null
  avatar_url: string | null
}

/** What a profile has besides display name and avatar. */
export interface ProfileFieldsTable {
  user_nid: number
  key: string
  /** JSON. */
  value: string
}

export interface AccountDataTable {
  user_nid: number
  /** 0 for what belongs to no room. */
  room_nid: number
  type: string
  /** JSON. */
  content: string
  position: number
}

export interface FiltersTable {
  user_nid: number
  /** Counts up for each user; never given again while the user keeps a later one. */
  filter_id: number
  /** SHA-256 of the JSON, base64url. */
  hash: string
  json: string
}

export interface DevicesTable {
  nid: number
  user_nid: number
  device_id: string
  display_name: string | null
  created_ts: number
  last_seen_ts: number
  last_seen_ip: string | null
  user_agent: string | null
  /** A sync that could not hand over all messages at once: its token, and the last message that it did hand over. */
  cut_token: number | null
  cut_position: number | null
}

/** When the devices of a user last changed. */
export interface DeviceListChangesTable {
  user_nid: number
  position: number
}

/** Messages that wait for a device. */
export interface ToDeviceTable {
  device_nid: number
  position: number
  /** JSON of the event as the client gets it. */
  json: string
}

/** Sends of a device that were done, so that a repeated one does nothing. */
export interface ToDeviceTxnsTable {
  /** Short id of the device; a token without one counts by its own id, negative. */
  sender: number
  type: string
  txn_id: string
  created_ts: number
}

/** What a device says of itself and signs: its identity keys. */
export interface DeviceKeysTable {
  device_nid: number
  user_nid: number
  /** Canonical JSON without its signatures, which are in `key_signatures`. */
  json: string
}

/** Keys to begin a conversation with a device, each given out once. */
export interface OneTimeKeysTable {
  /** In the order of upload. */
  nid: Generated<number>
  device_nid: number
  algorithm: string
  key_id: string
  /** Canonical JSON. */
  json: string
  /** 1 when it was given out; kept for a while, so that an upload that is repeated does not bring it back. */
  claimed: number
}

/** What is given out when a device has no one-time key left. */
export interface FallbackKeysTable {
  device_nid: number
  algorithm: string
  key_id: string
  json: string
  /** 1 since it was given out. */
  used: number
}

export interface CrossSigningKeysTable {
  user_nid: number
  /** `master`, `self_signing` or `user_signing`. */
  usage: string
  /** Unpadded base64. */
  public_key: string
  /** Canonical JSON without its signatures. */
  json: string
}

/** Verified signatures of device keys and cross-signing keys. */
export interface KeySignaturesTable {
  target_nid: number
  /** Device id, or public key of a cross-signing key: the two never coincide within a user. */
  target: string
  signer_nid: number
  /** Key id with its algorithm: `ed25519:…`. */
  signer: string
  signature: string
}

/** When a user last signed another's keys, which nobody else is told. */
export interface KeySignatureChangesTable {
  signer_nid: number
  target_nid: number
  position: number
}

export interface KeyBackupsTable {
  user_nid: number
  /** Counts up for each user, and is never given again. */
  version: number
  algorithm: string
  /** JSON. */
  auth_data: string
  /** Counts up with every change of its keys. */
  etag: number
  keys: number
  /** Of the keys' `session_data`. */
  bytes: number
  /** 1 when it was deleted; the row of the newest stays so that its version does. */
  deleted: number
}

export interface BackedUpKeysTable {
  user_nid: number
  version: number
  room_id: string
  session_id: string
  first_message_index: number
  forwarded_count: number
  is_verified: number
  /** JSON, encrypted by the client. */
  session_data: string
}

/** Devices that only receive keys, for a client that comes later. */
export interface DehydratedDevicesTable {
  user_nid: number
  device_nid: number
  /** JSON, encrypted by the client. */
  data: string
}

/** How far a user has read in a room. */
export interface ReceiptsTable {
  room_nid: number
  user_nid: number
  type: string
  /** `main`, the event id of a thread's root, or empty for a receipt that knows no threads. */
  thread: string
  event_id: string
  event_position: number
  ts: number
  position: number
}

/** The push rules of users who changed any. */
export interface PushRulesTable {
  user_nid: number
  /** JSON of what differs from the default rules. */
  stored: string
  position: number
}

/** What the client of a sliding sync knows, by device and the client's own name for the connection. */
export interface SyncConnectionsTable {
  /** Short id of the device; for a token without one that of the user, negative. */
  owner: number
  conn_id: string
  /** JSON: see sync/sliding/codec.ts. */
  state: string
  saved_ts: number
}

/** What of a user's presence outlives a restart. */
export interface PresenceTable {
  user_nid: number
  status_msg: string
}

/** What an mxc address of this server stands for. */
export interface MediaTable {
  media_id: string
  /** Who uploaded it; null for what the server fetched for a preview. */
  user_nid: number | null
  /** Null while the upload has not come yet. */
  file_nid: number | null
  /** Bytes of the file. */
  size: number
  /** As the uploader called it: a media type in lower case, with parameters. */
  type: string
  filename: string | null
  created_ts: number
  /** Until when an upload is waited for that has not come yet, or a picture of a preview is kept; null for an upload that is there. */
  expires_ts: number | null
  /** When it was last fetched, to a day. */
  accessed_ts: number
  /** 1: only for those who are signed in. */
  authenticated: number
}

/** A file that is kept, once for all addresses with the same content. */
export interface MediaFilesTable {
  nid: Generated<number>
  /** SHA-256, hex. */
  hash: string
  /** What the store calls it; never given to another file. */
  name: string
  size: number
  /** How many rows of `media` have it. */
  refs: number
  /** What image it is; empty for what no thumbnails are made of; null while nobody has looked. */
  format: string | null
  /** As the image is seen, turned upright. */
  width: number | null
  height: number | null
  frames: number | null
}

export interface MediaThumbnailsTable {
  file_nid: number
  /** Size and method, such as `320x240-scale`. */
  variant: string
  name: string
  type: string
  size: number
}

/** What may be in the store without belonging to any file, and when it is to go. */
export interface MediaGarbageTable {
  name: string
  due_ts: number
}

export interface UrlPreviewsTable {
  url: string
  json: string
  expires_ts: number
}

export interface Tables {
  meta: MetaTable
  sequences: SequencesTable
  users: UsersTable
  rooms: RoomsTable
  events: EventsTable
  state_keys: StateKeysTable
  state_sets: StateSetsTable
  memberships: MembershipsTable
  relations: RelationsTable
  aliases: AliasesTable
  access_tokens: AccessTokensTable
  refresh_tokens: RefreshTokensTable
  login_tokens: LoginTokensTable
  identities: IdentitiesTable
  accounts: AccountsTable
  profile_fields: ProfileFieldsTable
  account_data: AccountDataTable
  filters: FiltersTable
  devices: DevicesTable
  device_list_changes: DeviceListChangesTable
  to_device: ToDeviceTable
  to_device_txns: ToDeviceTxnsTable
  device_keys: DeviceKeysTable
  one_time_keys: OneTimeKeysTable
  fallback_keys: FallbackKeysTable
  cross_signing_keys: CrossSigningKeysTable
  key_signatures: KeySignaturesTable
  key_signature_changes: KeySignatureChangesTable
  key_backups: KeyBackupsTable
  backed_up_keys: BackedUpKeysTable
  dehydrated_devices: DehydratedDevicesTable
  receipts: ReceiptsTable
  push_rules: PushRulesTable
  presence: PresenceTable
  sync_connections: SyncConnectionsTable
  media: MediaTable
  media_files: MediaFilesTable
  media_thumbnails: MediaThumbnailsTable
  media_garbage: MediaGarbageTable
  url_previews: UrlPreviewsTable
}
