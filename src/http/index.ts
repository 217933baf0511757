export { authorityChecks, believeAuthorities } from './authorities.ts'
export type { OutgoingProxy } from './outgoing-proxy.ts'
export { Doors } from './doors.ts'
export { acmeFiles } from './acme/files.ts'
export type { Certificates, TlsFiles } from './certificates.ts'
export { clientNetwork } from './address.ts'
export { field, formLimit, readForm } from './form.ts'
export type { HttpLog } from './host.ts'
export { createLimiter, limitExceeded, rates, type LimitName, type Limiter, type Rate } from './limits.ts'
export { RawJson, Reply, type OpenBody } from './reply.ts'
export { route, type Method, type Route, type RouteDefinition, type RouteHandlerContext } from './route.ts'
export type { MayHaveEnded } from './recheck.ts'
export { createHttp, type HttpOptions, type HttpServer } from './server.ts'
export type { Auth, Authenticate, AuthenticateServer, Caller, Session, SessionOf, SignedRequest } from './session.ts'
export { accessToken } from './token.ts'
export {
  capabilitiesRoute,
  clientWellKnown,
  specVersions,
  versionsRoute,
  wellKnownRoutes,
  type WellKnown,
} from './well-known.ts'
export {
  createOutgoing,
  OutgoingError,
  type Outgoing,
  type OutgoingFailure,
  type OutgoingOptions,
  type OutgoingReply,
  type OutgoingRequest,
  type OutgoingStream,
  type OutgoingStreamRequest,
} from './outgoing.ts'
export { readFileForm } from './multipart.ts'
