import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import type { AdminApiDeps } from '../deps.ts'
import { adminRoute } from './route.ts'

/** What is asked of the server as a whole. */
export const serverRoutes = (deps: AdminApiDeps): Route[] => [
  /** For anybody: tools look here before they sign in. */
  route({
    id: 'adminServerVersion',
    method: 'GET',
    path: '/_synapse/admin/v1/server_version',
    auth: 'none',
    reply: Type.Object({ server_version: Type.String() }),
    handle: () => ({ server_version: `Latchkey ${deps.version}` }),
  }),
  /** Nothing of the kind is ever under way here: the schema is brought up to date before the server listens. */
  adminRoute(deps, {
    id: 'adminBackgroundUpdates',
    method: 'GET',
    path: '/_synapse/admin/v1/background_updates/status',
    reply: Type.Object({ enabled: Type.Boolean(), current_updates: Type.Object({}) }),
    handle: () => ({ enabled: true, current_updates: {} }),
  }),
]
