import type { Migration } from './migration.ts'

/**
 * SQLite gives the id of a row that was deleted to the next one, unless it is told to remember them. Who knows the old one (what waits for a
 * pusher, a page that an administrator has open, a file on its way) would take the new row for it. PostgreSQL never does so.
 */
const madeAnew = (table: string, columns: string, constraints: string): string[] => [
  `create table ${table}_anew (nid integer primary key autoincrement, ${columns}${constraints})`,
  `insert into ${table}_anew select nid, ${columns.replaceAll(/ (integer|text)( not null)?( unique)?/g, '')} from ${table}`,
  `drop table ${table}`,
  `alter table ${table}_anew rename to ${table}`,
]

const statements = [
  ...madeAnew(
    'reports',
    'reporter_nid integer not null, target text not null, room_id text, reason text not null, created_ts integer not null, score integer',
    ', unique (reporter_nid, target)',
  ),
  'create index reports_by_time on reports (reporter_nid, created_ts)',
  ...madeAnew(
    'pushers',
    'user_nid integer not null, device_nid integer, app_id text not null, kind text not null, pushkey text not null, ' +
      'app_name text not null, device_name text not null, profile_tag text, lang text not null, data text not null, ' +
      'set_ts integer not null, secret text, since_position integer not null',
    ', unique (user_nid, app_id, pushkey)',
  ),
  'create index pushers_by_key on pushers (app_id, pushkey)',
  'create index pushers_by_device on pushers (device_nid)',
  ...madeAnew(
    'media_files',
    'hash text not null unique, name text not null, size integer not null, refs integer not null, format text, ' +
      'width integer, height integer, frames integer, quarantined_by text',
    '',
  ),
  'create index media_files_unused on media_files (nid) where refs = 0',
]

/** Ids of what others refer to are given once. */
export const idsForGood: Migration = {
  name: '0015-ids-for-good',
  statements: statements.map((sqlite) => ({ sqlite, postgres: 'select 1' })),
}
