import type { Migration } from './migration.ts'

/** What administrators do and keep: the audit log, tokens for registration, blocked rooms, long work, and marks on accounts, media and reports. */
export const admin: Migration = {
  name: '0003-admin',
  statements: [
    `create table audit_log (
      nid {auto}, ts {int} not null, actor text not null, action text not null, target text not null, outcome text not null, ip text not null,
      detail text not null)`,
    `create index audit_log_by_target on audit_log (target, nid)`,
    `create table registration_tokens (
      token text primary key, uses_allowed {int}, completed {int} not null, expires_ts {int}, created_ts {int} not null) {clustered}`,
    `create table blocked_rooms (room_id text primary key, blocked_by text not null, blocked_ts {int} not null) {clustered}`,
    `create table tasks (
      id text primary key, action text not null, resource text not null, status text not null, created_ts {int} not null, changed_ts {int} not null,
      params text not null, result text not null, error text) {clustered}`,
    `create index tasks_by_resource on tasks (resource, created_ts)`,
    `create index tasks_by_time on tasks (created_ts)`,
    `alter table accounts add column shadow_banned {int} not null default 0`,
    `alter table accounts add column user_type text`,
    `alter table accounts add column rate_per_second {int}`,
    `alter table accounts add column rate_burst {int}`,
    `alter table access_tokens add column acting_nid {int}`,
    `create index access_tokens_acting on access_tokens (acting_nid) where acting_nid is not null`,
    `alter table media add column quarantined_by text`,
    `alter table media add column safe {int} not null default 0`,
    `alter table media_files add column quarantined_by text`,
    `create table quarantine_changes (nid {auto}, media_id text not null, quarantined {int} not null)`,
    `alter table reports add column score {int}`,
  ],
}
