import type { Route } from '../../http/index.ts'
import type { AdminApiDeps } from '../deps.ts'
import { peoplePages } from './people.ts'
import { roomPages } from './rooms.ts'
import { mediaPages } from './media.ts'
import { overviewPages } from './overview.ts'
import { providerPages } from './providers.ts'
import { serverPages } from './servers.ts'

/** The console for administrators, in the browser. */
export const consoleRoutes = (deps: AdminApiDeps): Route[] => [
  ...overviewPages(deps),
  ...peoplePages(deps),
  ...roomPages(deps),
  ...mediaPages(deps),
  ...providerPages(deps),
  ...serverPages(deps),
]
