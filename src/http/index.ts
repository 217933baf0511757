export { createLimiter, limitExceeded, rates, type LimitName, type Limiter, type Rate } from './limits.ts'
export { RawJson, Reply } from './reply.ts'
export { route, type Method, type Route, type RouteDefinition, type RouteHandlerContext } from './route.ts'
export type { Auth, Authenticate, Caller, Session, SessionOf } from './session.ts'
