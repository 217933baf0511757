export { keyChanges } from './device-lists.ts'
export type { PlainEvent, SyncDeps, Unread } from './deps.ts'
export { syncRoutes } from './routes.ts'
