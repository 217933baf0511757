export { openAliases, type AliasesDeps, type AliasServices, type RoomAliases } from './aliases.ts'
export type { DirectoryRouteDeps } from './deps.ts'
export { hierarchyPage, type HierarchyPage } from './hierarchy.ts'
export { directoryRoutes } from './routes.ts'
