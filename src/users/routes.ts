import type { Route } from '../http/index.ts'
import type { RoomPort } from './room-port.ts'
import { accountDataRoutes } from './routes/account-data.ts'
import { filterRoutes } from './routes/filters.ts'
import { type ProfilePort, profileRoutes } from './routes/profile.ts'
import { tagRoutes } from './routes/tags.ts'
import type { Users } from './users.ts'

export interface UsersRouteDeps extends RoomPort, ProfilePort {
  readonly users: Users
}

/** Profiles, account data, tags and filters. */
export const usersRoutes = (deps: UsersRouteDeps): Route[] => [
  ...profileRoutes(deps),
  ...accountDataRoutes(deps),
  ...tagRoutes(deps),
  ...filterRoutes(deps),
]
