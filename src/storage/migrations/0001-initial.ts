import type { Migration } from './migration.ts'

/** The first schema. `{int}` is a 64-bit integer, `{id}` one that is a key, `{blob}` bytes, `{auto}` a key that the database numbers. */
export const initial: Migration = {
  name: '0001-initial',
  statements: [
    `create table users (nid {auto}, user_id text not null unique)`,

    `create table rooms (
      nid {id} primary key, room_id text not null unique, version text not null, creator_nid {int} not null,
      state_nid {int} not null, extremities text not null, latest_position {int} not null, bump_position {int} not null,
      created_ts {int} not null, published {int} not null default 0, name text, topic text, avatar_url text, canonical_alias text,
      join_rule text not null, history_visibility text not null, guest_access text not null, room_type text, encryption text,
      joined_members {int} not null, invited_members {int} not null, successor text)`,
    `create index rooms_published on rooms (joined_members, nid) where published = 1`,

    `create table events (
      nid {id} primary key, event_id text not null unique, room_nid {int} not null, position {int}, depth {int} not null, ts {int} not null,
      type text not null, state_key text, sender_nid {int} not null, json text not null, state_nid {int}, standing {int} not null default 0,
      device_nid {int}, txn_id text, replaces_nid {int}, redacted_by {int}, thread_root text)`,
    `create index events_by_position on events (room_nid, position) where position is not null`,
    `create index events_by_txn on events (device_nid, txn_id) where txn_id is not null`,
    `create index events_by_time on events (room_nid, ts, position) where position is not null`,
    `create index events_by_visibility on events (room_nid) where type = 'm.room.history_visibility'`,
    `create index events_by_thread on events (room_nid, thread_root, position) where thread_root is not null`,
    `create index events_threaded on events (room_nid, position) where thread_root is not null`,

    `create table state_keys (nid {id} primary key, type text not null, state_key text not null, unique (type, state_key))`,
    `create table state_sets (nid {id} primary key, hash {blob} not null unique, parent_nid {int}, level {int} not null, delta text not null)`,

    `create table memberships (
      room_nid {int} not null, user_nid {int} not null, membership text not null, event_nid {int} not null, position {int} not null,
      sender_nid {int} not null, forgotten {int} not null default 0, display_name text, avatar_url text, primary key (room_nid, user_nid)) {clustered}`,
    `create index memberships_by_user on memberships (user_nid, membership)`,

    `create table relations (
      event_nid {id} primary key, room_nid {int} not null, target_id text not null, rel_type text not null, type text not null, key text,
      sender_nid {int} not null, position {int} not null)`,
    `create index relations_by_target on relations (target_id, rel_type, position)`,
    `create index relations_by_thread on relations (room_nid, position) where rel_type = 'm.thread'`,

    `create table aliases (alias text primary key, room_nid {int} not null, creator_nid {int} not null) {clustered}`,
    `create index aliases_by_room on aliases (room_nid)`,

    `create table access_tokens (
      id {id} primary key, token_hash text not null unique, user_nid {int} not null, device_nid {int}, created_ts {int} not null, expires_ts {int},
      supersedes_id {int})`,
    `create index access_tokens_by_device on access_tokens (device_nid)`,
    `create index access_tokens_without_device on access_tokens (user_nid) where device_nid is null`,
    `create table refresh_tokens (
      id {id} primary key, token_hash text not null unique, user_nid {int} not null, device_nid {int} not null, access_id {int} not null,
      created_ts {int} not null, expires_ts {int})`,
    `create index refresh_tokens_by_device on refresh_tokens (device_nid)`,
    `create table login_tokens (
      token_hash text primary key, user_nid {int} not null, expires_ts {int} not null, provider text, subject text, sid text, session_until {int}) {clustered}`,
    `create table openid_tokens (token_hash text primary key, user_nid {int} not null, expires_ts {int} not null) {clustered}`,
    `create index openid_tokens_by_time on openid_tokens (expires_ts)`,
    `create table provider_sessions (device_nid {id} primary key, provider text not null, subject text not null, sid text)`,
    `create index provider_sessions_by_subject on provider_sessions (provider, subject)`,
    `create index provider_sessions_by_sid on provider_sessions (provider, sid) where sid is not null`,
    `create table provider_evidence (
      people text not null, subject text not null, sid text not null, asker text not null, sealed text not null, primary key (people, subject, sid, asker)) {clustered}`,
    `create table identities (
      provider text not null, subject text not null, user_nid {int} not null, linked_by text not null, linked_ts {int} not null,
      avatar_source text, primary key (provider, subject)) {clustered}`,
    `create index identities_by_user on identities (user_nid)`,
    `create table provider_keys (provider text primary key, source text not null, json text not null, fetched_ts {int} not null) {clustered}`,
    `create table used_tokens (provider text not null, jti text not null, expires_ts {int} not null, primary key (provider, jti)) {clustered}`,
    `create index used_tokens_by_expiry on used_tokens (expires_ts)`,
    `create table revoked_tokens (
      provider text not null, kind text not null, value text not null, revoked_ts {int} not null, expires_ts {int},
      primary key (provider, kind, value)) {clustered}`,
    `create table bearer_devices (device_nid {id} primary key, provider text not null, kind text not null, value text not null)`,
    `create table group_rooms (
      user_nid {int} not null, provider text not null, room_id text not null, named text not null, power {int}, leave {int} not null,
      primary key (user_nid, provider, room_id)) {clustered}`,
    `create table provider_locks (user_nid {int} not null, provider text not null, locked_ts {int} not null, primary key (user_nid, provider)) {clustered}`,
    `create index provider_locks_by_provider on provider_locks (provider)`,
    `create table scim_users (
      provider text not null, id text not null, user_nid {int} not null, subject text not null, user_name text not null, external_id text,
      active {int} not null, json text not null, created_ts {int} not null, changed_ts {int} not null, version {int} not null,
      primary key (provider, id)) {clustered}`,
    `create unique index scim_users_by_name on scim_users (provider, user_name)`,
    `create index scim_users_by_external_id on scim_users (provider, external_id) where external_id is not null`,
    `create index scim_users_by_user on scim_users (user_nid)`,
    `create table scim_groups (
      provider text not null, id text not null, display_name text not null, folded text not null, external_id text,
      created_ts {int} not null, changed_ts {int} not null, version {int} not null, primary key (provider, id)) {clustered}`,
    `create index scim_groups_by_name on scim_groups (provider, folded)`,
    `create table scim_members (
      provider text not null, group_id text not null, user_id text not null, primary key (provider, group_id, user_id)) {clustered}`,
    `create index scim_members_by_user on scim_members (provider, user_id)`,

    `create table emails (
      address text primary key, user_nid {int} not null, validated_ts {int} not null, added_ts {int} not null, provider text) {clustered}`,
    `create index emails_by_user on emails (user_nid)`,
    `create table email_validations (
      sid text primary key, purpose text not null, address text not null, secret_hash text not null, user_nid {int}, token_hash text unique,
      send_attempt {int} not null, sent {int} not null, validated_ts {int}, expires_ts {int} not null) {clustered}`,
    `create index email_validations_by_address on email_validations (address)`,
    `create index email_validations_by_time on email_validations (expires_ts)`,

    `create table accounts (
      user_nid {id} primary key, localpart text not null, folded text not null, created_ts {int} not null, created_by text not null,
      password_hash text, deactivated {int} not null default 0, erased {int} not null default 0, locked {int} not null default 0,
      suspended {int} not null default 0, admin {int} not null default 0, guest {int} not null default 0, display_name text,
      avatar_url text)`,
    `create index accounts_by_name on accounts (folded)`,
    `create table user_words (word {blob} not null, user_nid {int} not null, primary key (word, user_nid)) {clustered}`,
    `create index user_words_by_user on user_words (user_nid)`,
    `create table reports (
      nid {auto}, reporter_nid {int} not null, target text not null, room_id text, reason text not null, created_ts {int} not null,
      unique (reporter_nid, target))`,
    `create index reports_by_time on reports (reporter_nid, created_ts)`,
    `create table profile_fields (user_nid {int} not null, key text not null, value text not null, primary key (user_nid, key)) {clustered}`,
    `create table account_data (
      user_nid {int} not null, room_nid {int} not null, type text not null, content text not null, position {int} not null,
      primary key (user_nid, room_nid, type))`,
    `create index account_data_by_position on account_data (user_nid, position)`,
    `create table filters (
      user_nid {int} not null, filter_id {int} not null, hash text not null, json text not null, primary key (user_nid, filter_id)) {clustered}`,
    `create unique index filters_by_hash on filters (user_nid, hash)`,

    `create table devices (
      nid {id} primary key, user_nid {int} not null, device_id text not null, display_name text, created_ts {int} not null,
      last_seen_ts {int} not null, last_seen_ip text, user_agent text, cut_token {int}, cut_position {int}, unique (user_nid, device_id))`,
    `create table device_list_changes (user_nid {id} primary key, position {int} not null)`,
    `create index device_list_changes_by_position on device_list_changes (position)`,
    `create table to_device (
      device_nid {int} not null, position {int} not null, json text not null, primary key (device_nid, position))`,
    `create table to_device_txns (
      sender {int} not null, type text not null, txn_id text not null, created_ts {int} not null, primary key (sender, type, txn_id)) {clustered}`,
    `create index to_device_txns_by_time on to_device_txns (sender, created_ts)`,

    `create table device_keys (device_nid {id} primary key, user_nid {int} not null, json text not null)`,
    `create index device_keys_by_user on device_keys (user_nid)`,
    `create table one_time_keys (
      nid {auto}, device_nid {int} not null, algorithm text not null, key_id text not null, json text not null, claimed {int} not null default 0,
      unique (device_nid, algorithm, key_id))`,
    `create index one_time_keys_by_order on one_time_keys (device_nid, algorithm, claimed, nid)`,
    `create table fallback_keys (
      device_nid {int} not null, algorithm text not null, key_id text not null, json text not null, used {int} not null default 0,
      primary key (device_nid, algorithm)) {clustered}`,
    `create table cross_signing_keys (
      user_nid {int} not null, usage text not null, public_key text not null, json text not null, primary key (user_nid, usage)) {clustered}`,
    `create table key_signatures (
      target_nid {int} not null, target text not null, signer_nid {int} not null, signer text not null, signature text not null,
      primary key (target_nid, target, signer_nid, signer)) {clustered}`,
    `create index key_signatures_by_signer on key_signatures (signer_nid, target_nid)`,
    `create table key_signature_changes (
      signer_nid {int} not null, target_nid {int} not null, position {int} not null, primary key (signer_nid, target_nid)) {clustered}`,
    `create index key_signature_changes_by_position on key_signature_changes (signer_nid, position)`,
    `create table key_backups (
      user_nid {int} not null, version {int} not null, algorithm text not null, auth_data text not null, etag {int} not null,
      keys {int} not null, bytes {int} not null, deleted {int} not null default 0, primary key (user_nid, version)) {clustered}`,
    `create table backed_up_keys (
      user_nid {int} not null, version {int} not null, room_id text not null, session_id text not null, first_message_index {int} not null,
      forwarded_count {int} not null, is_verified {int} not null, session_data text not null,
      primary key (user_nid, version, room_id, session_id)) {clustered}`,
    `create table dehydrated_devices (user_nid {id} primary key, device_nid {int} not null, data text not null)`,

    `create table receipts (
      room_nid {int} not null, user_nid {int} not null, type text not null, thread text not null, event_id text not null,
      event_position {int} not null, ts {int} not null, position {int} not null, primary key (room_nid, user_nid, type, thread)) {clustered}`,
    `create index receipts_by_position on receipts (room_nid, position)`,
    `create index receipts_by_user on receipts (user_nid, room_nid)`,
    `create table push_rules (user_nid {id} primary key, stored text not null, position {int} not null)`,
    `create table pushers (
      nid {auto}, user_nid {int} not null, device_nid {int}, app_id text not null, kind text not null, pushkey text not null, app_name text not null,
      device_name text not null, profile_tag text, lang text not null, data text not null, set_ts {int} not null, secret text,
      since_position {int} not null, unique (user_nid, app_id, pushkey))`,
    `create table pusher_rooms (
      pusher_nid {int} not null, room_nid {int} not null, mailed_ts {int} not null, wait_ms {int} not null,
      mailed_position {int} not null, primary key (pusher_nid, room_nid)) {clustered}`,
    `create index pushers_by_key on pushers (app_id, pushkey)`,
    `create index pushers_by_device on pushers (device_nid)`,
    `create table presence (user_nid {id} primary key, status_msg text not null)`,
    `create table sync_connections (
      owner {int} not null, conn_id text not null, state text not null, saved_ts {int} not null, primary key (owner, conn_id)) {clustered}`,
    `create index sync_connections_by_time on sync_connections (saved_ts)`,

    `create table media (
      media_id text primary key, user_nid {int}, file_nid {int}, size {int} not null, type text not null, filename text,
      created_ts {int} not null, expires_ts {int}, accessed_ts {int} not null, authenticated {int} not null) {clustered}`,
    `create index media_by_user on media (user_nid, size)`,
    `create index media_by_access on media (accessed_ts, size) where user_nid is not null and file_nid is not null`,
    `create index media_by_expiry on media (expires_ts) where expires_ts is not null`,
    `create table media_files (
      nid {auto}, hash text not null unique, name text not null, size {int} not null, refs {int} not null, format text, width {int},
      height {int}, frames {int})`,
    `create index media_files_unused on media_files (nid) where refs = 0`,
    `create table media_thumbnails (
      file_nid {int} not null, variant text not null, name text not null, type text not null, size {int} not null,
      primary key (file_nid, variant)) {clustered}`,
    `create table media_garbage (name text primary key, due_ts {int} not null) {clustered}`,
    `create table url_previews (url text primary key, json text not null, expires_ts {int} not null) {clustered}`,
    `create index url_previews_by_time on url_previews (expires_ts)`,

    `create table appservices (
      id text primary key, epoch text not null, position {int} not null, txn {int} not null, body text, body_position {int} not null) {clustered}`,
    `create table appservice_rooms (
      appservice text not null, network text not null, room_nid {int} not null, primary key (appservice, network, room_nid)) {clustered}`,
    `create index appservice_rooms_by_room on appservice_rooms (room_nid)`,

    `create table jobs (
      id {id} primary key, queue text not null, key text not null, payload text not null, created_ts {int} not null, due_ts {int} not null,
      leased_until {int} not null, attempts {int} not null)`,
    `create index jobs_by_time on jobs (queue, due_ts, id)`,
    `create index jobs_by_key on jobs (queue, key, id)`,
    `create index jobs_leased on jobs (id) where leased_until > 0`,

    `create table delayed_events (
      delay_id text primary key, user_nid {int} not null, device_nid {int}, txn_id text, room_id text not null, type text not null, state_key text,
      content text not null, delay_ms {int} not null, since_ts {int} not null, finalised_ts {int}, event_id text, error text) {clustered}`,
    `create index delayed_events_by_user on delayed_events (user_nid, finalised_ts)`,

    // Without the texts themselves: what is found is read from its event. The words come as the server has split them.
    {
      sqlite: `create virtual table search_index using fts5(place, words, content = '', contentless_delete = 1, tokenize = 'ascii')`,
      postgres:
        'create table search_index (rowid bigint primary key, words tsvector not null); create index search_index_words on search_index using gin (words)',
    },
    `create table search_edits (edit_nid {id} primary key, target_nid {int} not null)`,
  ],
}
