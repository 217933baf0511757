import type { Route } from '../../http/index.ts'
import type { AdminApiDeps } from '../deps.ts'
import { accountRoutes } from './account.ts'
import { deviceRoutes } from './devices.ts'
import { registrationTokenRoutes } from './registration-tokens.ts'
import { serverRoutes } from './server.ts'
import { userFactRoutes } from './user-facts.ts'
import { userRoutes } from './users.ts'

/**
 * The admin API that the tools speak which operators have.
 * @see https://element-hq.github.io/synapse/latest/usage/administration/admin_api/
 */
export const adminApiRoutes = (deps: AdminApiDeps): Route[] => [
  ...userRoutes(deps),
  ...accountRoutes(deps),
  ...userFactRoutes(deps),
  ...deviceRoutes(deps),
  ...registrationTokenRoutes(deps),
  ...serverRoutes(deps),
]
