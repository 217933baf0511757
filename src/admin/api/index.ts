import type { Route } from '../../http/index.ts'
import type { AdminApiDeps } from '../deps.ts'
import { accountRoutes } from './account.ts'
import { deviceRoutes } from './devices.ts'
import { federationRoutes } from './federation.ts'
import { mediaAdminRoutes } from './media.ts'
import { noticeRoutes } from './notices.ts'
import { removalRoutes } from './removal.ts'
import { registrationTokenRoutes } from './registration-tokens.ts'
import { reportListRoutes } from './reports.ts'
import { roomActionRoutes } from './room-actions.ts'
import { roomHistoryRoutes } from './room-history.ts'
import { roomRoutes } from './rooms.ts'
import { serverRoutes } from './server.ts'
import { statisticsRoutes } from './statistics.ts'
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
  ...roomRoutes(deps),
  ...roomHistoryRoutes(deps),
  ...roomActionRoutes(deps),
  ...removalRoutes(deps),
  ...mediaAdminRoutes(deps),
  ...reportListRoutes(deps),
  ...noticeRoutes(deps),
  ...statisticsRoutes(deps),
  ...federationRoutes(deps),
  ...serverRoutes(deps),
]
