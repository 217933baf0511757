import type { Migration } from './migration.ts'

/** Events of other servers that are on the disk and not in their rooms yet, and redactions that came before their events. */
export const arrivals: Migration = {
  name: '0009-arrivals',
  statements: [
    `create table arrivals (
      nid {auto}, room_nid {int} not null, event_id text not null unique, origin text not null, json text not null, tries {int} not null default 0)`,
    `create index arrivals_by_room on arrivals (room_nid, nid)`,
    `create table pending_redactions (event_id text not null, redaction_nid {int} not null, primary key (event_id, redaction_nid)) {clustered}`,
  ],
}
