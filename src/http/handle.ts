import type { IncomingMessage, ServerResponse } from 'node:http'
import { MatrixError } from '../matrix/errors.ts'
import { clientNetwork } from './address.ts'
import { ClientGone, readJson, streamBytes } from './body.ts'
import { Exchange } from './exchange.ts'
import type { HandlerHost } from './host.ts'
import { limitExceeded } from './limits.ts'
import { holdFor, type Holder } from './outstanding.ts'
import { exactMatcher } from './paths.ts'
import type { Route } from './route.ts'
import { identifyServer } from './server-auth.ts'
import { sendJson, sendResult } from './send.ts'
import type { Session } from './session.ts'
import { accessToken } from './token.ts'
import { bodyReader, parameterReader } from './validate.ts'

/** A request as the router hands it over. */
export interface Incoming {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, unknown>>
  readonly address: () => string
}

/** Who is asking, or undefined where nobody says so and the route lets anybody in. @throws MatrixError 401 */
function identify(host: HandlerHost, route: Route, exchange: Exchange): Session | Promise<Session> | undefined {
  const token = accessToken(exchange.headers.authorization, exchange.query, host.queryAccessToken)
  if (token !== undefined) return host.authenticate(token, exchange)
  if (route.auth === 'optional') return undefined
  throw new MatrixError('M_MISSING_TOKEN', 'This needs an access token')
}

/** @throws MatrixError 401 M_USER_LOCKED, 403 M_GUEST_ACCESS_FORBIDDEN, 403 M_USER_SUSPENDED */
function admit(route: Route, session: Session): Session {
  if (session.locked && route.auth !== 'locked') {
    throw new MatrixError('M_USER_LOCKED', 'This account has been locked', { extra: { soft_logout: true } })
  }
  if (session.guest && route.auth === 'user')
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests may not do this')
  if (session.suspended && !route.whileSuspended)
    throw new MatrixError('M_USER_SUSPENDED', 'You cannot perform this action while suspended')
  return session
}

function isExempt({ isUnlimited, queryAccessToken }: HandlerHost, { session, headers, query }: Exchange): boolean {
  if (session) return session.unlimited === true || session.rate?.perSecond === 0
  if (!isUnlimited || (headers.authorization === undefined && !queryAccessToken)) return false
  try {
    const token = accessToken(headers.authorization, query, queryAccessToken)
    return token !== undefined && isUnlimited(token)
  } catch {
    // No route that asks for no token refuses a wrong one.
    return false
  }
}

/** Has a request that waits show again that its session may make it. @throws MatrixError */
export async function admitAgain(host: HandlerHost, exchange: Exchange): Promise<void> {
  const { route } = exchange
  const session = route && (await identify(host, route, exchange))
  if (session) admit(route, session)
}

const badEncoding = (): MatrixError => new MatrixError('M_INVALID_PARAM', 'The URL is not percent-encoded UTF-8')

/** `%zz` and bytes that are no UTF-8 are refused rather than guessed at. */
function checkQuery(target: string): void {
  const start = target.indexOf('?')
  if (start === -1 || !target.includes('%', start)) return
  let text
  try {
    text = decodeURIComponent(target.slice(start))
  } catch {
    throw badEncoding()
  }
  if (text.includes('\0')) throw new MatrixError('M_INVALID_PARAM', 'The URL has a NUL character')
}

/** Whom limits count a request for: a server, a user, or an address where nobody is signed in. */
const holderOf = ({ origin, session, ip }: Exchange): Holder =>
  origin ?? (session as Session | undefined)?.user ?? clientNetwork(ip)

/** The largest body where a route does not say otherwise, in bytes: of a session, and of anybody. */
const usualBody = 1024 * 1024
const strangersBody = 64 * 1024

const unrecognized = (): MatrixError => new MatrixError('M_UNRECOGNIZED', 'This path is not known here')

/** Answers what no route answers: 405 with `Allow` on a path that other methods have, else 404. */
export function refuseUnknown(host: HandlerHost, incoming: Incoming, methods: readonly string[]): void {
  const exchange = begin(host, incoming, undefined)
  if (methods.length === 0) fail(host, exchange, unrecognized(), undefined)
  else {
    const error = new MatrixError('M_UNRECOGNIZED', 'This path has no such method', { status: 405 })
    fail(host, exchange, error, undefined, ['allow', [...methods, 'OPTIONS'].join(', ')])
  }
  host.tallyUnrecognized?.(incoming.response.statusCode, 0)
}

/** Answers a path that cannot be decoded, and so matched. */
export function refuseEncoding(host: HandlerHost, incoming: Incoming): void {
  fail(host, begin(host, incoming, undefined), badEncoding(), undefined)
}

function begin(host: HandlerHost, incoming: Incoming, route: Route | undefined): Exchange {
  const { request, response } = incoming
  const exchange = new Exchange(host, request, response, incoming.query, incoming.address)
  if (host.log.isLevelEnabled(host.requestLevel)) {
    const start = host.now()
    response.once('close', () => {
      const { trace, ip, origin } = exchange
      const user = (exchange.session as Session | undefined)?.userId
      // The route's name and never the target: a query may hold secrets. Who went away before an answer has no status.
      const status = response.headersSent ? response.statusCode : undefined
      const what = {
        trace,
        ip,
        method: request.method,
        route: route?.id ?? 'unrecognized',
        status,
        user,
        server: origin,
      }
      host.log[host.requestLevel]({ ...what, ms: host.now() - start }, 'answered')
    })
  }
  return exchange
}

/**
 * Turns whatever was thrown into an answer. What is not a MatrixError is ours to fix: its cause goes to the log only.
 * Headers that the handler meant for its reply don't go with an error.
 */
function fail(
  host: HandlerHost,
  exchange: Exchange,
  error: unknown,
  route: Route | undefined,
  headers: string[] = [],
): void {
  const { response } = exchange
  if (error instanceof ClientGone || response.destroyed) {
    response.destroy()
    return
  }
  if (host.stopping) headers.push('connection', 'close')
  if (error instanceof MatrixError) {
    const { trace, ip } = exchange
    if (error.status === 500) host.log.error({ trace, ip, err: error, route: route?.id }, 'refused')
    if (error.errcode === 'M_UNKNOWN_TOKEN' && route?.auth !== 'none')
      host.log.info({ trace, ip, route: route?.id, reason: error.message }, 'an access token was refused')
    if (error.retryAfterMs !== undefined) {
      const seconds = Math.max(1, Math.ceil(error.retryAfterMs / 1000))
      headers.push('retry-after', String(seconds), 'access-control-expose-headers', 'Retry-After')
    }
    reply(response, error.status, error.body(), headers)
  } else if (host.stopping && error === exchange.abortReason) {
    reply(response, 503, { errcode: 'M_UNKNOWN', error: 'The server is stopping' }, [...headers, 'retry-after', '1'])
  } else {
    const { trace, ip } = exchange
    const user = (exchange.session as Session | undefined)?.userId
    host.log.error({ trace, ip, err: error, route: route?.id, user }, 'unexpected error')
    reply(
      response,
      500,
      { errcode: 'M_UNKNOWN', error: `Something went wrong here; the log knows more under ${trace}`, trace },
      headers,
    )
  }
}

/** Half a reply cannot be taken back: the connection is cut, so that the client sees that it is half. */
function reply(response: ServerResponse, status: number, body: object, added: readonly string[]): void {
  if (response.headersSent) response.destroy()
  else sendJson(response, status, JSON.stringify(body), added)
}

/** Makes the function that answers one path of a route: who asks, may they, what do they ask, the handler, the reply. */
export function handlerOf(host: HandlerHost, route: Route, pattern: string): (incoming: Incoming) => Promise<void> {
  const matches = exactMatcher(pattern)
  const readParams = route.params && parameterReader(route.params)
  const readQuery = route.query && parameterReader(route.query)
  const readBody = route.body && bodyReader(route.body)
  const limiter = route.limit === 'own' ? undefined : host.limiters?.[route.limit]

  const answer = async (exchange: Exchange, { request, response, params, query }: Incoming): Promise<void> => {
    const target = request.url ?? ''
    if (!matches(target, params)) throw unrecognized()
    exchange.route = route
    if (route.auth === 'server') await identifyServer(host, route, exchange)
    else if (route.auth !== 'none') {
      const answer = identify(host, route, exchange)
      const session = answer instanceof Promise ? await answer : answer
      if (session) exchange.session = admit(route, session)
    }
    if (limiter && (exchange.origin !== undefined || !isExempt(host, exchange))) {
      const wait = limiter.take(holderOf(exchange), route.limit === 'message' ? exchange.session?.rate : undefined)
      if (wait > 0) throw limitExceeded(wait)
    }
    checkQuery(target)
    exchange.params = readParams ? readParams(params) : params
    if (readQuery) exchange.query = readQuery(query)
    const isStranger = (exchange.session as Session | undefined) === undefined
    const limit = route.bodyLimit ?? (isStranger ? strangersBody : usualBody)
    if (exchange.origin !== undefined) exchange.body = readBody?.(exchange.body ?? {})
    // What whoever is signed in sends raw goes to the disk, what strangers send is gathered in memory.
    else if (route.rawBody)
      exchange.body = streamBytes(request, {
        limit,
        hold: isStranger ? holdFor(host.outstanding, exchange, holderOf(exchange)) : undefined,
      })
    else if (readBody) {
      const options = {
        limit: Math.min(limit, host.maxRequestSize),
        hold: holdFor(host.outstanding, exchange, holderOf(exchange)),
      }
      exchange.body = readBody(await readJson(request, options))
    }
    const returned = route.handle(exchange)
    const result: unknown = returned instanceof Promise ? await returned : returned
    if (exchange.refusal) throw exchange.refusal
    if (host.stopping) exchange.setHeader('connection', 'close')
    const admitBytes = (bytes: number): void => host.outstanding.admit(holderOf(exchange), bytes)
    const streamed = sendResult(response, result, exchange.added, admitBytes)
    if (response.writableLength > 0) host.outstanding.sent(holderOf(exchange), response)
    if (streamed) {
      host.outstanding.watch(response)
      await streamed
    }
  }

  const tally = host.tally?.(route.id)
  return async (incoming) => {
    const start = tally ? host.now() : 0
    const exchange = begin(host, incoming, route)
    try {
      await answer(exchange, incoming)
    } catch (error) {
      fail(host, exchange, exchange.refusal ?? error, route)
    }
    if (exchange.held) host.outstanding.release(exchange.held.who, exchange.held.bytes)
    // Who went away was answered nothing: counted as others do, who have no status for it either.
    if (tally) tally(incoming.response.headersSent ? incoming.response.statusCode : 499, host.now() - start)
  }
}
