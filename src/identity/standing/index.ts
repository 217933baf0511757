export { introspector } from '../../login/jwt/introspection.ts'
export { type Asker, createStanding, type Standing } from './standing.ts'
