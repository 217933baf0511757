export { delayedLimits, openDelayed, type Delayed, type DelayedDeps, type DelayedWish } from './delayed.ts'
export { delayedRoutes } from './routes.ts'
