import type { Route } from '../../http/index.ts'
import type { Users } from '../../users/index.ts'
import type { Wires } from '../wires.ts'
import { profileRoute } from './profile.ts'
import { sendRoute, type SendDeps } from './send.ts'
import { versionRoute } from './version.ts'

/** What other servers are answered from. */
export interface FederationRouteDeps extends SendDeps {
  readonly wires: Wires
  readonly serverName: string
  readonly users: Users
}

/** What other servers ask of this one. */
export const federationRoutes = (deps: FederationRouteDeps): Route[] => [
  ...deps.wires.routes,
  versionRoute,
  profileRoute(deps),
  sendRoute(deps),
]
