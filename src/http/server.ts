import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import fastify, {
  type FastifyReply,
  type FastifyRequest,
  type InjectOptions,
  type LightMyRequestResponse,
} from 'fastify'
import { createGatekeeper } from './connections.ts'
import { admitAgain, handlerOf, refuseEncoding, refuseUnknown, type Incoming } from './handle.ts'
import type { HandlerHost, HttpLog } from './host.ts'
import { createLimiter, rates, type Limiter, type LimitName, type Rate } from './limits.ts'
import { createOutstanding, usualOutstanding, type OutstandingLimits } from './outstanding.ts'
import { methodTable, modernTarget } from './paths.ts'
import { inNetworks } from './public-address.ts'
import { createRecheck, type MayHaveEnded } from './recheck.ts'
import type { Route } from './route.ts'
import { sendPreflight } from './send.ts'
import type { Authenticate, AuthenticateServer } from './session.ts'
import { Doors } from './doors.ts'
import { createTlsServer } from './tls.ts'
import type { Certificates, TlsFiles } from './certificates.ts'
import { loadCompiler } from './validate.ts'

/** What an HTTP server is made of. */
export interface HttpOptions {
  readonly routes: readonly Route[]
  readonly authenticate: Authenticate
  /** Absent where no other server is talked to: no route asks for one then. */
  readonly authenticateServer?: AuthenticateServer | undefined
  readonly log: HttpLog
  /** Whether each request has a line at the level `info`; otherwise at `debug`. */
  readonly logRequests?: boolean
  readonly now: () => number
  readonly randomId: () => string
  /** Whether rate limits do not hold for whoever brings this token, on routes that ask for none. */
  readonly isUnlimited?: ((token: string) => boolean) | undefined
  /** `off`, or rates that differ from the usual ones. */
  readonly rateLimits?: 'off' | Partial<Record<LimitName, Rate>>
  /** Addresses and networks (`10.0.0.0/8`) whose X-Forwarded-For is believed. Default: nobody's. */
  readonly trustedProxies?: readonly string[]
  /** Whether `?access_token=` counts. Default false. */
  readonly queryAccessToken?: boolean
  /** For listeners marked ` tls`. */
  readonly tls?: TlsFiles | undefined
  /** Largest JSON body in bytes. Default 1 MiB. */
  readonly maxRequestSize?: number
  /** Bytes that may wait for clients, where that is not the usual. */
  readonly outstanding?: Partial<OutstandingLimits>
  /** Connections at once; a quarter of these for one address, unless it is this machine or a trusted proxy. Default 20,000. */
  readonly maxConnections?: number
  /** Servers that outlive this one: they stay open when it closes. */
  readonly doors?: Doors | undefined
  /** Port to metrics/: what is called with each answer of an operation, its status and the time it took in ms. */
  readonly tally?: ((route: string) => (status: number, ms: number) => void) | undefined
}

export interface HttpServer extends AsyncDisposable {
  /** Listens on each `host:port` (`[::1]:8008`, port 0 for any free one), by TLS where ` tls` follows. Returns the URLs, in the same order. */
  listen: (addresses: readonly string[]) => Promise<string[]>
  /** Connections of clients that are open. */
  readonly connections: number
  /** What listeners by TLS show. */
  readonly certificates: Certificates
  /** Answers a request without a socket. */
  inject: (request: InjectOptions | string) => Promise<LightMyRequestResponse>
  /** Sessions may have ended: requests of theirs that wait have their token looked at again, and are refused if it is good no more. */
  recheck: (ended: MayHaveEnded) => void
  /** Takes no more, ends long polls at once, lets the rest finish for half a second, then cuts. */
  close: () => Promise<void>
}

const graceMs = 500
const usualRequestSize = 1024 * 1024
const usualConnections = 20_000

function limitersOf(options: HttpOptions): Record<LimitName, Limiter> | undefined {
  const { rateLimits = {}, now } = options
  if (rateLimits === 'off') return undefined
  const entries = Object.entries(rates).map(([name, rate]) => [
    name,
    createLimiter({ ...rate, ...rateLimits[name as LimitName], now }),
  ])
  return Object.fromEntries(entries) as Record<LimitName, Limiter>
}

function addressOf(listen: string): { host: string; port: number; tls: boolean } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})( +tls)?$/.exec(listen)
  const [, six, four, port, tls] = match ?? []
  const host = six ?? four
  if (host === undefined)
    throw new Error(`Cannot listen on "${listen}": write host:port, such as 127.0.0.1:8008 or [::1]:8008`)
  return { host, port: Number(port), tls: tls !== undefined }
}

function urlOf({ address, family, port }: AddressInfo, tls: boolean): string {
  return `${tls ? 'https' : 'http'}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

/** What is not even HTTP is answered on the bare socket. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, code, text] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'M_TOO_LARGE', 'The headers are too large']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'M_UNKNOWN', 'The request took too long to arrive']
        : ['400 Bad Request', 'M_UNKNOWN', 'This is not a well-formed HTTP request']
  const body = JSON.stringify({ errcode: code, error: text })
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\naccess-control-allow-origin: *\r\n` +
      `content-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  )
}

const incomingOf = (request: FastifyRequest, reply: FastifyReply): Incoming => ({
  request: request.raw,
  response: reply.raw,
  // Fastify knows these as unknown; its router makes strings of parameters and a record of the query.
  params: (request.params ?? {}) as Record<string, string>,
  query: (request.query ?? {}) as Record<string, unknown>,
  address: () => request.ip,
})

/** Builds the router. Fastify matches paths and finds addresses; answering is ours (`handle.ts`). */
function buildApp(
  options: HttpOptions,
  host: HandlerHost,
): { app: ReturnType<typeof fastify>; listener: () => Listener } {
  let listener: Listener | undefined
  const proxies = options.trustedProxies ?? []
  const app = fastify({
    trustProxy: proxies.length > 0 ? [...proxies] : false,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    routerOptions: {
      maxParamLength: 65_536,
      caseSensitive: true,
      ignoreTrailingSlash: false,
      ignoreDuplicateSlashes: false,
    },
    rewriteUrl: ({ url = '' }) => modernTarget(url),
    frameworkErrors: (_error, request, reply) => {
      if (request.method === 'OPTIONS') sendPreflight(reply.raw)
      else refuseEncoding(host, incomingOf(request, reply))
    },
    serverFactory: (handler) => {
      listener = handler
      return createServer()
    },
  })
  app.removeAllContentTypeParsers()
  // Bodies are read after the caller is known, whatever their Content-Type.
  app.addContentTypeParser('*', (_request, _payload, done) => {
    done(null)
  })
  const methodsOf = methodTable(options.routes)
  const refuse = (request: FastifyRequest, reply: FastifyReply): void => {
    if (request.method === 'OPTIONS') sendPreflight(reply.raw)
    else refuseUnknown(host, incomingOf(request, reply), methodsOf(request.raw.url ?? ''))
  }
  app.setNotFoundHandler(refuse)
  // Fastify refuses a Content-Type that it cannot parse. Clients send anything, so here and below the request is answered all the same.
  app.setErrorHandler((_error, request, reply) => {
    refuse(request, reply)
  })
  for (const route of options.routes) {
    for (const url of [route.path, ...route.paths]) {
      const answer = handlerOf(host, route, url)
      app.route({
        url,
        method: route.method === 'GET' ? ['GET', 'HEAD'] : route.method,
        handler: (request, reply) => {
          void answer(incomingOf(request, reply))
        },
        errorHandler: (_error, request, reply) => {
          void answer(incomingOf(request, reply))
        },
      })
    }
  }
  return {
    app,
    listener: () =>
      listener ??
      (() => {
        throw new Error('Fastify has not asked for a server')
      }),
  }
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void

/** The longest that a request may take to arrive: 100 MB over a slow line. Its head has a minute. */
const arrivalMs = 30 * 60_000

/** From listening on until what no first answer needs is loaded. */
const restMs = 100

/** Mounts routes and makes a server of them. It listens when told to. */
export function createHttp(options: HttpOptions): HttpServer {
  const host: HandlerHost = {
    authenticate: options.authenticate,
    authenticateServer: options.authenticateServer,
    queryAccessToken: options.queryAccessToken ?? false,
    maxRequestSize: options.maxRequestSize ?? usualRequestSize,
    limiters: limitersOf(options),
    isUnlimited: options.isUnlimited,
    outstanding: createOutstanding({ ...usualOutstanding, ...options.outstanding }),
    log: options.log,
    requestLevel: options.logRequests === true ? 'info' : 'debug',
    now: options.now,
    randomId: options.randomId,
    waiting: new Set(),
    tally: options.tally,
    tallyUnrecognized: options.tally?.('unrecognized'),
    stopping: false,
  }
  const { app, listener } = buildApp(options, host)
  const isProxy = inNetworks(['127.0.0.0/8', '::1', ...(options.trustedProxies ?? [])])
  const gatekeeper = createGatekeeper({ all: options.maxConnections ?? usualConnections, isShared: isProxy })
  const doors = options.doors ?? new Doors()

  const open = async (listen: string): Promise<Server> => {
    const { tls, ...address } = addressOf(listen)
    const usual = { requireHostHeader: false, keepAliveTimeout: 75_000, requestTimeout: arrivalMs }
    const server = tls
      ? await createTlsServer(doors.certificates, usual, doors.take, options.log)
      : createServer(usual, doors.take)
    server.on('connection', gatekeeper.admit)
    server.on('clientError', refuseMalformed)
    // An expectation that we don't know is no reason to refuse.
    server.on('checkExpectation', doors.take)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(address, resolve)
    })
    return server
  }

  const listen = async (addresses: readonly string[]): Promise<string[]> => {
    await app.ready()
    doors.certificates.files = options.tls ?? {}
    const urls: string[] = []
    for (const [index, listen] of addresses.entries()) {
      const server = await doors.at(`${index} ${listen}`, () => open(listen))
      urls.push(urlOf(server.address() as AddressInfo, addressOf(listen).tls))
    }
    doors.open(listener())
    setTimeout(loadCompiler, restMs).unref()
    return urls
  }

  const close = async (): Promise<void> => {
    host.stopping = true
    const closed = options.doors ? doors.rest(graceMs) : doors.close(graceMs)
    for (const exchange of host.waiting) exchange.abort()
    await closed
    await app.close()
  }

  return {
    listen,
    certificates: doors.certificates,
    inject: (request) => app.inject(request),
    get connections() {
      return gatekeeper.open
    },
    recheck: createRecheck({
      waiting: host.waiting,
      admits: (exchange) => admitAgain(host, exchange),
      onError: (error) => {
        host.log.error({ err: error }, 'the session of a request that waits could not be looked at')
      },
    }),
    close,
    [Symbol.asyncDispose]: close,
  }
}
