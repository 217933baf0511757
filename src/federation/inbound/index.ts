import type { Route } from '../../http/index.ts'
import type { Users } from '../../users/index.ts'
import type { Wires } from '../wires.ts'
import { deviceRoutes, type DeviceRouteDeps } from './devices.ts'
import { directoryRoutes, type DirectoryDeps } from './directory.ts'
import { historyRoutes, type HistoryDeps } from './history.ts'
import { mediaRoutes, type MediaRouteDeps } from './media.ts'
import { profileRoute } from './profile.ts'
import { sendRoute, type SendDeps } from './send.ts'
import { stateRoutes, type StateDeps } from './state.ts'
import { versionRoute } from './version.ts'

/** What other servers are answered from. */
export type FederationRouteDeps = SendDeps &
  HistoryDeps &
  StateDeps &
  DeviceRouteDeps &
  DirectoryDeps &
  MediaRouteDeps & {
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
  ...deviceRoutes(deps),
  ...directoryRoutes(deps),
  ...historyRoutes(deps),
  ...mediaRoutes(deps),
  ...stateRoutes(deps),
]
