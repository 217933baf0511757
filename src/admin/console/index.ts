import type { Route } from '../../http/index.ts'
import type { AdminApiDeps } from '../deps.ts'
import { peoplePages } from './people.ts'
import { roomPages } from './rooms.ts'
import { serverPages } from './server.ts'

/** The console for administrators, in the browser. */
export const consoleRoutes = (deps: AdminApiDeps): Route[] => [
  ...serverPages(deps),
  ...peoplePages(deps),
  ...roomPages(deps),
]
