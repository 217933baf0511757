import type { Migration } from './migration.ts'

/** Clients, codes, sessions and keys of OAuth 2.0. */
export const oauth: Migration = {
  name: '0002-oauth',
  statements: [
    `create table oauth_clients (
      client_id text primary key, metadata text not null, created_ts {int} not null, used_ts {int} not null) {clustered}`,
    `create index oauth_clients_by_use on oauth_clients (used_ts)`,
    `create table oauth_sessions (
      device_nid {id} primary key, client_id text not null, scope text not null, family_hash text not null, code_hash text, auth_ts {int},
      created_ts {int} not null)`,
    `create index oauth_sessions_by_client on oauth_sessions (client_id)`,
    `create index oauth_sessions_by_family on oauth_sessions (family_hash)`,
    `create index oauth_sessions_by_code on oauth_sessions (code_hash) where code_hash is not null`,
    `create table oauth_codes (
      code_hash text primary key, client_id text not null, redirect_uri text not null, challenge text not null, scope text not null,
      nonce text, user_nid {int} not null, auth_ts {int} not null, provider text, subject text, sid text, session_until {int},
      expires_ts {int} not null) {clustered}`,
    `create index oauth_codes_by_time on oauth_codes (expires_ts)`,
    `create table oauth_device_codes (
      device_hash text primary key, user_code text not null unique, client_id text not null, scope text not null, ip text not null,
      state text not null, user_nid {int}, auth_ts {int}, provider text, subject text, sid text, session_until {int},
      created_ts {int} not null, expires_ts {int} not null) {clustered}`,
    `create index oauth_device_codes_by_time on oauth_device_codes (expires_ts)`,
    `create table oauth_keys (
      kid text primary key, alg text not null, jwk text not null, created_ts {int} not null, retired_ts {int}) {clustered}`,
    `create table oauth_assertions (
      client_id text not null, jti text not null, expires_ts {int} not null, primary key (client_id, jti)) {clustered}`,
    `create index oauth_assertions_by_time on oauth_assertions (expires_ts)`,
  ],
}
