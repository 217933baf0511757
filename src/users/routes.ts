import type { Route } from '../http/index.ts'
import type { UsersRouteDeps } from './deps.ts'
import { accountDataRoutes } from './routes/account-data.ts'
import { filterRoutes } from './routes/filters.ts'
import { profileRoutes } from './routes/profile.ts'
import { tagRoutes } from './routes/tags.ts'

/** Profiles, account data, tags and filters. */
export const usersRoutes = (deps: UsersRouteDeps): Route[] => [
  ...profileRoutes(deps),
  ...accountDataRoutes(deps),
  ...tagRoutes(deps),
  ...filterRoutes(deps),
]
