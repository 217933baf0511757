import type { Route } from '../http/index.ts'
import { adminApiRoutes } from './api/index.ts'
import { openAudit } from './audit.ts'
import { consoleRoutes } from './console/index.ts'
import { removalWorks } from './removal/index.ts'
import { openTasks } from './tasks.ts'
import type { AdminDeps } from './deps.ts'
import { moderationRoutes } from './routes/moderation.ts'
import { reportRoutes } from './routes/reports.ts'
import { whoisRoutes } from './routes/whois.ts'

export { openNotices, type Notices } from './notices.ts'
export { readAuditEntries, type AuditEntry } from './store/audit.ts'
export { openSignIns, type SignIns } from './sign-ins.ts'
export type { AdminDeps, AdminLog, Destinations } from './deps.ts'

/** Reports, and what administrators may see and do. */
export function adminRoutes(deps: AdminDeps): Route[] {
  const audit = openAudit(deps)
  const tasks = openTasks({ ...deps, works: removalWorks(deps) })
  const api = { ...deps, audit, tasks }
  return [
    ...reportRoutes(deps),
    ...whoisRoutes(deps),
    ...moderationRoutes(deps),
    ...adminApiRoutes(api),
    ...consoleRoutes(api),
  ]
}
