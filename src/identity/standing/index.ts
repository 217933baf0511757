export { type Asker, openStanding, type Standing, type StandingDeps } from './standing.ts'
