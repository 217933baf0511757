import type { Rooms } from '../events/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import type { Ephemeral } from './ephemeral.ts'

/** What the routes of this folder are made with. */
export interface EphemeralRouteDeps {
  readonly ephemeral: Ephemeral
  readonly rooms: Rooms
  readonly users: Users
  readonly log: Log
}
