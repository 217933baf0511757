/**
 * Every table, one interface each. Integers are numbers, blobs are bytes, truth is 0 or 1, times are milliseconds since 1970,
 * JSON is text. `*_nid` are our own short ids for what has a long name at the edge; `position` is a place in the one log.
 */
import type { Generated } from 'kysely'
import type {
  DevicesTable,
  DeviceListChangesTable,
  ToDeviceSharedTable,
  ToDeviceTable,
  ToDeviceTxnsTable,
  DeviceKeysTable,
  OneTimeKeysTable,
  FallbackKeysTable,
  CrossSigningKeysTable,
  KeySignaturesTable,
  KeySignatureChangesTable,
  KeyBackupsTable,
  BackedUpKeysTable,
  DehydratedDevicesTable,
} from './tables/devices.ts'
import type {
  BearerDevicesTable,
  ProviderEvidenceTable,
  GroupRoomsTable,
  IdentitiesTable,
  ProviderKeysTable,
  ProviderLocksTable,
  RevokedTokensTable,
  ScimGroupsTable,
  ScimMembersTable,
  ScimUsersTable,
  UsedTokensTable,
} from './tables/identities.ts'
import type {
  AuditLogTable,
  BlockedRoomsTable,
  RegistrationTokensTable,
  ReportsTable,
  TasksTable,
} from './tables/admin.ts'
import type { DelayedEventsTable } from './tables/delayed.ts'
import type { AppserviceRoomsTable, AppservicesTable } from './tables/appservice.ts'
import type {
  DestinationDebtsTable,
  DestinationMailTable,
  ArrivalsTable,
  DestinationsTable,
  PendingRedactionsTable,
  StateResetsTable,
  ServerKeyAnswersTable,
  ServerKeysTable,
} from './tables/federation.ts'
import type { UserWordsTable } from './tables/directory.ts'
import type {
  MediaTable,
  MediaFilesTable,
  MediaThumbnailsTable,
  MediaGarbageTable,
  QuarantineChangesTable,
  UrlPreviewsTable,
} from './tables/media.ts'
import type {
  OAuthAssertionsTable,
  OAuthClientsTable,
  OAuthCodesTable,
  OAuthDeviceCodesTable,
  OAuthKeysTable,
  OAuthSessionsTable,
  PersonalTokensTable,
} from './tables/oauth.ts'
import type {
  RoomsTable,
  EventsTable,
  StateKeysTable,
  StateSetsTable,
  MembershipsTable,
  RelationsTable,
  AliasesTable,
} from './tables/rooms.ts'
import type { SearchEditsTable, SearchIndexTable } from './tables/search.ts'

export type * from './tables/admin.ts'
export type * from './tables/appservice.ts'
export type * from './tables/delayed.ts'
export type * from './tables/devices.ts'
export type * from './tables/directory.ts'
export type * from './tables/federation.ts'
export type * from './tables/identities.ts'
export type * from './tables/media.ts'
export type * from './tables/oauth.ts'
export type * from './tables/rooms.ts'
export type * from './tables/search.ts'

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

/** Mail addresses that people have shown to be theirs. */
export interface EmailsTable {
  /** In small letters. */
  address: string
  user_nid: number
  validated_ts: number
  added_ts: number
  /** The identity provider that says whose it is; null: the user has shown it. */
  provider: string | null
}

/** Addresses that are being confirmed, or were and wait to be used, once. */
export interface EmailValidationsTable {
  sid: string
  /** `register`, `add` or `password`. */
  purpose: string
  address: string
  /** SHA-256 of the client's secret, base64url. */
  secret_hash: string
  /** Whom it is for; null: whoever brings the secret first. */
  user_nid: number | null
  /** SHA-256 of what is in the mail's link, base64url; null once the link was used. */
  token_hash: string | null
  send_attempt: number
  /** How many mails were sent. */
  sent: number
  validated_ts: number | null
  expires_ts: number
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
  /** The administrator who acts as the user by it; null: the user's own. */
  acting_nid: Generated<number | null>
}

export interface RefreshTokensTable {
  id: number
  token_hash: string
  user_nid: number
  device_nid: number
  /** The access token that was given out together with it. */
  access_id: number
  created_ts: number
  /** When it runs out, so that its client has to sign in again; null: it does not. */
  expires_ts: number | null
  /** What all refresh tokens of its session have in common, hashed; null: it was made before they had that. */
  family_hash: string | null
  /** With the token itself it gives those that it is exchanged for; null: it was not exchanged yet. */
  salt: string | null
  /** When one of these was first used; null: none was. */
  used_ts: number | null
}

/** Tokens of `m.login.token`: short-lived, used once. */
export interface LoginTokensTable {
  token_hash: string
  user_nid: number
  expires_ts: number
  /** The provider's session that it came of, for `provider_sessions`; null where there is none. */
  provider: string | null
  subject: string | null
  sid: string | null
  /** When the session that it opens is to end; null: when somebody ends it. */
  session_until: number | null
  /** When its user last showed who they are; null: not known. */
  since_ts: number | null
}

/** The session at an identity provider that a device's session came of, and ends with. */
export interface ProviderSessionsTable {
  device_nid: number
  provider: string
  subject: string
  sid: string | null
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
  /** 1: what they send reaches nobody, and they are not told. */
  shadow_banned: Generated<number>
  /** `bot`, `support` …; null: a person. */
  user_type: Generated<string | null>
  /** Requests a second that an administrator allows them, and how many at once; null: as everybody, 0 a second: no limit. */
  rate_per_second: Generated<number | null>
  rate_burst: Generated<number | null>
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

/** Where a user is told of what happens while no app of theirs is open. */
export interface PushersTable {
  nid: Generated<number>
  user_nid: number
  /** The device that set it, with which it goes. */
  device_nid: number | null
  app_id: string
  /** `http`, or `email`: then the key is the address. */
  kind: string
  pushkey: string
  app_name: string
  device_name: string
  profile_tag: string | null
  lang: string
  /** JSON: what the client wants the gateway to know, and the gateway's address as `url`. */
  data: string
  set_ts: number
  /** Of mail: what its link to have no more of it is known by. */
  secret: string | null
  /** The position of the log when it was set. */
  since_position: number
}

/** When a mail was written about a room, and how long the next one waits. */
export interface PusherRoomsTable {
  pusher_nid: number
  room_nid: number
  mailed_ts: number
  wait_ms: number
  /** What is at or below this position of the log has been written about. */
  mailed_position: number
}

/** What of a user's presence outlives a restart. */
export interface PresenceTable {
  user_nid: number
  status_msg: string
}

/** Work that is still to be done; see jobs/. */
export interface JobsTable {
  /** In the order in which the jobs were added. */
  id: number
  queue: string
  /** Jobs of one key are done one by one. */
  key: string
  /** JSON. */
  payload: string
  created_ts: number
  due_ts: number
  /** Somebody works at it until then; 0: nobody. */
  leased_until: number
  /** Failures so far. */
  attempts: number
}

/** Proofs of who somebody is that other services ask about; the token itself is not kept. */
export interface OpenIdTokensTable {
  /** SHA-256, base64url. */
  token_hash: string
  user_nid: number
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
  openid_tokens: OpenIdTokensTable
  provider_sessions: ProviderSessionsTable
  provider_evidence: ProviderEvidenceTable
  identities: IdentitiesTable
  provider_keys: ProviderKeysTable
  used_tokens: UsedTokensTable
  revoked_tokens: RevokedTokensTable
  bearer_devices: BearerDevicesTable
  group_rooms: GroupRoomsTable
  provider_locks: ProviderLocksTable
  scim_users: ScimUsersTable
  scim_groups: ScimGroupsTable
  scim_members: ScimMembersTable
  emails: EmailsTable
  email_validations: EmailValidationsTable
  accounts: AccountsTable
  user_words: UserWordsTable
  reports: ReportsTable
  audit_log: AuditLogTable
  registration_tokens: RegistrationTokensTable
  blocked_rooms: BlockedRoomsTable
  tasks: TasksTable
  profile_fields: ProfileFieldsTable
  account_data: AccountDataTable
  filters: FiltersTable
  devices: DevicesTable
  device_list_changes: DeviceListChangesTable
  to_device: ToDeviceTable
  to_device_shared: ToDeviceSharedTable
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
  pushers: PushersTable
  pusher_rooms: PusherRoomsTable
  presence: PresenceTable
  sync_connections: SyncConnectionsTable
  media: MediaTable
  media_files: MediaFilesTable
  media_thumbnails: MediaThumbnailsTable
  media_garbage: MediaGarbageTable
  quarantine_changes: QuarantineChangesTable
  url_previews: UrlPreviewsTable
  appservices: AppservicesTable
  server_keys: ServerKeysTable
  arrivals: ArrivalsTable
  pending_redactions: PendingRedactionsTable
  state_resets: StateResetsTable
  server_key_answers: ServerKeyAnswersTable
  destinations: DestinationsTable
  destination_debts: DestinationDebtsTable
  destination_mail: DestinationMailTable
  appservice_rooms: AppserviceRoomsTable
  jobs: JobsTable
  delayed_events: DelayedEventsTable
  oauth_clients: OAuthClientsTable
  oauth_sessions: OAuthSessionsTable
  oauth_codes: OAuthCodesTable
  oauth_device_codes: OAuthDeviceCodesTable
  oauth_keys: OAuthKeysTable
  personal_tokens: PersonalTokensTable
  oauth_assertions: OAuthAssertionsTable
  search_index: SearchIndexTable
  search_edits: SearchEditsTable
}
