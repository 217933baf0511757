import type { Migration } from './migration.ts'

/** Keys of other servers, what these said of them, and how other servers can be reached. */
export const federationKeys: Migration = {
  name: '0004-federation-keys',
  statements: [
    `create table server_keys (
      server text not null, key_id text not null, public_key text not null, valid_until {int} not null, primary key (server, key_id)) {clustered}`,
    `create table server_key_answers (server text primary key, json text not null, valid_until {int} not null, fetched_ts {int} not null) {clustered}`,
    `create index server_key_answers_by_time on server_key_answers (fetched_ts)`,
    `create table destinations (
      server text primary key, failures {int} not null default 0, failing_since {int}, retry_ts {int} not null default 0, position {int} not null) {clustered}`,
  ],
}
