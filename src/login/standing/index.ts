export { introspector } from './introspection.ts'
export { type Asker, createStanding, type Standing } from './standing.ts'
