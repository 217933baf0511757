import type { Rooms } from '../events/index.ts'
import type { Database } from '../storage/index.ts'
import type { Users } from '../users/index.ts'
import type { RemoteDirectory } from './remote.ts'
import type { RoomAliases } from './aliases.ts'

/** What the routes of this folder are made with. */
export interface DirectoryRouteDeps {
  readonly database: Database
  readonly rooms: Rooms
  readonly users: Users
  readonly aliases: RoomAliases
  readonly serverName: string
  /** Absent where no other server is asked. */
  readonly remote?: RemoteDirectory | undefined
}
