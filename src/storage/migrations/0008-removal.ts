import type { Migration } from './migration.ts'

/** What removal looks for: events whose place is not known, and how many places of the state a room has. */
export const removal: Migration = {
  name: '0008-removal',
  statements: [
    'create index events_outlying on events (room_nid) where position is null',
    'create index events_of_state on events (room_nid, type, state_key) where state_key is not null',
  ],
}
