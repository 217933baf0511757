import type { Migration } from './migration.ts'

/** Places of the state of rooms that were given to other events when an event of another server came, which was not for them. */
export const stateResets: Migration = {
  name: '0014-state-resets',
  statements: [
    `create table state_resets (
      room_nid {int} not null, position {int} not null, key_nid {int} not null, primary key (room_nid, position, key_nid)) {clustered}`,
  ],
}
