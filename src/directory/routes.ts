import type { Route } from '../http/index.ts'
import type { DirectoryRouteDeps } from './deps.ts'
import { aliasRoutes } from './routes/aliases.ts'
import { hierarchyRoutes } from './routes/hierarchy.ts'
import { publicRoomsRoutes } from './routes/public-rooms.ts'
import { userRoutes } from './routes/users.ts'

export const directoryRoutes = (deps: DirectoryRouteDeps): Route[] => [
  ...aliasRoutes(deps),
  ...publicRoomsRoutes(deps),
  ...hierarchyRoutes(deps),
  ...userRoutes(deps),
]
