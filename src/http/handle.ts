import type { IncomingMessage, ServerResponse } from 'node:http'
import { MatrixError } from '../matrix/errors.ts'
import { clientNetwork } from './address.ts'
import { ClientGone, readJson, streamBytes } from './body.ts'
import { Exchange, type ExchangeHost } from './exchange.ts'
import { limitExceeded, type Limiter, type LimitName } from './limits.ts'
import { exactMatcher } from './paths.ts'
import type { Route } from './route.ts'
import { sendJson, sendResult } from './send.ts'
import type { Authenticate, Session } from './session.ts'
import { accessToken } from './token.ts'
import { bodyReader, parameterReader } from './validate.ts'

/** What the log must be able to do; a pino logger is one. */
export interface HttpLog {
  error(details: object, message: string): void
  debug(details: object, message: string): void
  isLevelEnabled(level: string): boolean
}

/** What answering needs besides the route. */
export interface HandlerHost extends ExchangeHost {
  readonly authenticate: Authenticate
  readonly queryAccessToken: boolean
  readonly limiters: Readonly<Record<LimitName, Limiter>> | undefined
  readonly log: HttpLog
  /** Whether the server is stopping: connections are not kept. */
  stopping: boolean
}

/** A request as the router hands it over. */
export interface Incoming {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, unknown>>
  readonly address: () => string
}

/** Who is asking, or undefined where the route lets anybody in. @throws MatrixError 401, 403 */
async function identify(host: HandlerHost, route: Route, exchange: Exchange): Promise<Session | undefined> {
  const token = accessToken(exchange.headers.authorization, exchange.query, host.queryAccessToken)
  if (token === undefined) {
    if (route.auth === 'optional') return undefined
    throw new MatrixError('M_MISSING_TOKEN', 'This needs an access token')
  }
  const answer = host.authenticate(token, exchange)
  const session = answer instanceof Promise ? await answer : answer
  if (session.locked && route.auth !== 'locked') {
    throw new MatrixError('M_USER_LOCKED', 'This account has been locked', { extra: { soft_logout: true } })
  }
  if (session.guest && route.auth === 'user') throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests may not do this')
  return session
}

const badEncoding = (): MatrixError => new MatrixError('M_INVALID_PARAM', 'The URL is not percent-encoded UTF-8')

/** `%zz` and bytes that are no UTF-8 are refused rather than guessed at. */
function checkQuery(target: string): void {
  const start = target.indexOf('?')
  if (start === -1 || !target.includes('%', start)) return
  try {
    decodeURIComponent(target.slice(start))
  } catch {
    throw badEncoding()
  }
}

const unrecognized = (): MatrixError => new MatrixError('M_UNRECOGNIZED', 'This path is not known here')

/** Answers what no route answers: 405 with `Allow` on a path that other methods have, else 404. */
export function refuseUnknown(host: HandlerHost, incoming: Incoming, methods: readonly string[]): void {
  const exchange = begin(host, incoming, undefined)
  if (methods.length > 0) exchange.setHeader('allow', [...methods, 'OPTIONS'].join(', '))
  fail(host, exchange, methods.length > 0
    ? new MatrixError('M_UNRECOGNIZED', 'This path has no such method', { status: 405 })
    : unrecognized(), undefined)
}

/** Answers a path that cannot be decoded, and so matched. */
export function refuseEncoding(host: HandlerHost, incoming: Incoming): void {
  fail(host, begin(host, incoming, undefined), badEncoding(), undefined)
}

function begin(host: HandlerHost, incoming: Incoming, route: Route | undefined): Exchange {
  const { request, response } = incoming
  const exchange = new Exchange(host, request, response, incoming.query, incoming.address)
  if (host.stopping) exchange.setHeader('connection', 'close')
  if (host.log.isLevelEnabled('debug')) {
    response.once('close', () => {
      const { trace, session } = exchange
      const details = { trace, method: request.method, route: route?.id, user: session?.userId, status: response.statusCode }
      host.log.debug(details, 'answered')
    })
  }
  return exchange
}

/** Turns whatever was thrown into an answer. What is not a MatrixError is ours to fix: its cause goes to the log only. */
function fail(host: HandlerHost, exchange: Exchange, error: unknown, route: Route | undefined): void {
  const { response } = exchange
  if (error instanceof ClientGone || response.destroyed) {
    response.destroy()
    return
  }
  if (error instanceof MatrixError) {
    if (error.status >= 500) host.log.error({ err: error, trace: exchange.trace, route: route?.id }, 'refused')
    if (error.retryAfterMs !== undefined) {
      exchange.setHeader('retry-after', String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))))
      exchange.setHeader('access-control-expose-headers', 'Retry-After')
    }
    reply(response, error.status, error.body(), exchange.added)
    return
  }
  if (host.stopping) {
    reply(response, 503, { errcode: 'M_UNKNOWN', error: 'The server is stopping' }, ['connection', 'close', 'retry-after', '1'])
    return
  }
  const { trace } = exchange
  host.log.error({ err: error, trace, route: route?.id, user: exchange.session?.userId }, 'unexpected error')
  reply(response, 500, { errcode: 'M_UNKNOWN', error: `Something went wrong here; the log knows more under ${trace}`, trace }, exchange.added)
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
  const limiter = host.limiters?.[route.limit]

  const answer = async (exchange: Exchange, { request, response, params, query }: Incoming): Promise<void> => {
    const target = request.url ?? ''
    if (!matches(target, params)) throw unrecognized()
    if (route.auth !== 'none') {
      const session = await identify(host, route, exchange)
      if (session) exchange.session = session
    }
    const wait = limiter?.take(exchange.session?.user ?? clientNetwork(exchange.ip)) ?? 0
    if (wait > 0) throw limitExceeded(wait)
    checkQuery(target)
    exchange.params = readParams ? readParams(params) : params
    if (readQuery) exchange.query = readQuery(query)
    if (route.rawBody) exchange.body = streamBytes(request, route.bodyLimit)
    else if (readBody) exchange.body = readBody(await readJson(request, route.bodyLimit))
    await sendResult(response, await route.handle(exchange), exchange.added)
  }

  return async (incoming) => {
    const exchange = begin(host, incoming, route)
    try {
      await answer(exchange, incoming)
    } catch (error) {
      fail(host, exchange, error, route)
    }
  }
}
