import type { Migration } from './migration.ts'

/** A message to all devices of a user is stored once; the rows of `to_device` that it is for have an empty `json`. */
export const sharedMessages: Migration = {
  name: '0005-shared-messages',
  statements: [
    `create table to_device_shared (
      user_nid {int} not null, position {int} not null, json text not null, primary key (user_nid, position))`,
  ],
}
