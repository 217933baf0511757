import type { Route } from '../http/index.ts'
import type { AdminDeps } from './deps.ts'
import { moderationRoutes } from './routes/moderation.ts'
import { reportRoutes } from './routes/reports.ts'
import { whoisRoutes } from './routes/whois.ts'

export { openNotices, type Notices } from './notices.ts'
export type { AdminDeps, AdminLog } from './deps.ts'

/** Reports, and what administrators may see of accounts and do to them. */
export const adminRoutes = (deps: AdminDeps): Route[] => [
  ...reportRoutes(deps),
  ...whoisRoutes(deps),
  ...moderationRoutes(deps),
]
