export { keyChanges } from './device-lists.ts'
export type { PlainEvent, SyncDeps, Unread } from './deps.ts'
export { openSlidingSync, type SlidingDeps, type SlidingSync } from './sliding/index.ts'
export { syncRoutes } from './routes.ts'
