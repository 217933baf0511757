import type { Migration } from './migration.ts'

/** What other servers are still to be told: one mark for all that follow, and what is owed to those that do not answer. */
export const federationSending: Migration = {
  name: '0007-federation-sending',
  statements: [
    `alter table destinations drop column position`,
    `create table destination_debts (server text not null, kind text not null, nid {int} not null, primary key (server, kind, nid)) {clustered}`,
    `create table destination_mail (nid {id} primary key, server text not null, json text not null)`,
    `create index destination_mail_by_server on destination_mail (server, nid)`,
  ],
}
