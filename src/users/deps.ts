import type { RoomPort } from './room-port.ts'
import type { ProfilePort } from './routes/profile.ts'
import type { Users } from './users.ts'

/** What the routes of this folder are made with. */
export interface UsersRouteDeps extends RoomPort, ProfilePort {
  readonly users: Users
}
