import type { Rooms } from '../events/index.ts'
import type { Aliases } from '../rooms/index.ts'
import type { Database } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import type { History } from './history.ts'

/** What the routes of this folder are made with. */
export interface HistoryRouteDeps {
  readonly rooms: Rooms
  readonly history: History
  readonly users: Users
  readonly aliases: Pick<Aliases, 'resolve'>
  readonly database: Database
  readonly log: Log
  /** Milliseconds since 1970. */
  readonly now: () => number
}
