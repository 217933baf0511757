import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { isIP, type LookupFunction, type Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { callbackify } from 'node:util'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import type { Agent, Dispatcher } from 'undici'
import { believeAuthorities } from './authorities.ts'
import { goesThrough, tunnel, type OutgoingProxy } from './outgoing-proxy.ts'
import { inNetworks, isPublic } from './public-address.ts'

/** Why an outgoing request came to nothing. */
export type OutgoingFailure =
  | 'bad-url'
  | 'forbidden-address'
  | 'unreachable'
  | 'timeout'
  | 'too-large'
  | 'too-many-redirects'
  | 'bad-encoding'

export class OutgoingError extends Error {
  override readonly name = 'OutgoingError'
  readonly code: OutgoingFailure

  constructor(code: OutgoingFailure, message: string, options?: { cause: unknown }) {
    super(message, options)
    this.code = code
  }
}

export interface OutgoingRequest {
  /** Default GET. Redirects are followed for GET only. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Largest body in bytes, after decompression; default 1 MiB. */
  readonly maxBytes?: number
  /** A larger body is cut there instead of refused. */
  readonly truncate?: boolean
  /** For everything together, redirects and body included; default 10 s. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /**
   * The URL is the operator's own (an identity provider in the configuration), which may well be in a private network: its
   * origin is not checked. Where it redirects to is.
   */
  readonly configured?: boolean
  /** How many redirects are followed; default 3. */
  readonly redirects?: number
  /**
   * Where to connect, when that is elsewhere than the URL says: name, certificate and `Host` remain those of the URL. The address is checked
   * like any other.
   */
  readonly via?: { readonly host: string; readonly port: number } | undefined
  /** Asked of every address on the way, redirects included; false makes the request fail as `forbidden-address`. */
  readonly permits?: (url: URL) => boolean
}

/** A request whose bodies are not held in memory. Its time is not bounded over all: it ends when either side is silent for a minute. */
export interface OutgoingStreamRequest extends Omit<OutgoingRequest, 'body' | 'maxBytes' | 'truncate' | 'timeoutMs'> {
  /** Give a stream its Content-Length. */
  readonly body?: string | Uint8Array | Readable
}

export interface OutgoingStream extends Omit<OutgoingReply, 'body'> {
  /** As it comes, undecompressed. Read it to its end or destroy it: until then its connection is taken. */
  readonly body: Readable
}

export interface OutgoingReply {
  readonly status: number
  /** Names in lower case; several of one name are joined by a comma. */
  readonly headers: Readonly<Record<string, string>>
  /** Where the reply came from in the end. */
  readonly url: string
  readonly body: Buffer
}

export interface OutgoingOptions {
  /** Addresses and networks that may be asked although they are not public. */
  readonly allow?: readonly string[]
  readonly userAgent?: string
  /** Certificates in PEM that are trusted besides the usual ones. */
  readonly ca?: readonly string[]
  /** Asked to open a way to whoever is asked; with it, it is for the proxy to know which addresses are private. */
  readonly proxy?: OutgoingProxy | undefined
  /** How names become addresses; default the system's way. */
  readonly resolve?: (host: string) => Promise<LookupAddress[]>
}

export interface Outgoing extends AsyncDisposable {
  /** @throws OutgoingError; any status is a reply */
  (url: string | URL, request?: OutgoingRequest): Promise<OutgoingReply>
  /** @throws OutgoingError; any status is a reply */
  stream(url: string | URL, request?: OutgoingStreamRequest): Promise<OutgoingStream>
}

const usualRedirects = 3
const silenceMs = 60_000
const redirects = new Set([301, 302, 303, 307, 308])

/** A lookup for sockets that gives only addresses that may be connected to: what was checked is what is connected to. */
function checkedLookup(
  resolve: (host: string) => Promise<LookupAddress[]>,
  allowed: (address: string) => boolean,
): LookupFunction {
  const check = async (host: string): Promise<[LookupAddress, ...LookupAddress[]]> => {
    const addresses = await resolve(host).catch((error: unknown) => {
      throw new OutgoingError('unreachable', `${host} is not known`, { cause: error })
    })
    const [first, ...rest] = addresses.filter(({ address }) => allowed(address))
    if (!first) throw new OutgoingError('forbidden-address', `${host} has no public address`)
    return [first, ...rest]
  }
  return (host, options, callback) => {
    const answer = callbackify(check)
    answer(host, (error, addresses) => {
      if (error) callback(error, '', 4)
      else if (options.all) callback(null, addresses)
      else callback(null, addresses[0].address, addresses[0].family)
    })
  }
}

function parseUrl(url: string | URL, base?: URL): URL {
  const parsed = URL.parse(url, base)
  if (!parsed) throw new OutgoingError('bad-url', 'This is not a URL')
  if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:')
    throw new OutgoingError('bad-url', `${parsed.protocol} is neither https: nor http:`)
  if (parsed.username || parsed.password) throw new OutgoingError('bad-url', 'The URL has a user name in it')
  return parsed
}

/** Undoes one compression; more than one at a time is nobody's habit but an attacker's. */
function decompressed(body: Readable, encoding: string): Readable {
  switch (encoding.trim().toLowerCase()) {
    case '':
    case 'identity':
      return body
    case 'gzip':
    case 'x-gzip':
      return pipe(body, createGunzip())
    case 'deflate':
      return pipe(body, createInflate())
    case 'br':
      return pipe(body, createBrotliDecompress())
    case 'zstd':
      return pipe(body, createZstdDecompress())
    default:
      throw new OutgoingError('bad-encoding', `The reply is encoded as ${encoding}`)
  }
}

/** Like `pipe`, but an end without completion ends the other side too. */
function pipe<T extends Readable & NodeJS.WritableStream>(body: Readable, transform: T): T {
  body.on('error', (error) => {
    transform.destroy(error)
  })
  transform.on('close', () => {
    body.destroy()
  })
  return body.pipe(transform)
}

async function readAll(
  body: Readable,
  encoding: string,
  { maxBytes = 1024 * 1024, truncate = false }: OutgoingRequest,
): Promise<Buffer> {
  // Left alone after a refusal, a body that is cut off would be an unhandled error.
  body.on('error', () => {})
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of decompressed(body, encoding) as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > maxBytes && !truncate)
        throw new OutgoingError('too-large', `The reply is larger than ${maxBytes} bytes`)
      chunks.push(chunk)
      if (size > maxBytes) break
    }
  } finally {
    body.destroy()
  }
  return Buffer.concat(chunks, Math.min(size, maxBytes))
}

const flatten = (headers: Dispatcher.ResponseData['headers']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  )

/** The failure behind whatever was thrown: sockets and streams wrap their causes. */
function failureOf(error: unknown, url: URL, deadline?: AbortSignal): OutgoingError {
  if (error instanceof OutgoingError) return error
  if (error instanceof Error && error.cause instanceof OutgoingError) return error.cause
  if (deadline?.aborted) return new OutgoingError('timeout', `${url.host} took too long`, { cause: error })
  const code = (error as { code?: unknown }).code
  if (typeof code === 'string' && /^(Z_|ERR_.*BROTLI|ERR__ERROR|ZSTD_|ERR_ZSTD)/.test(code)) {
    return new OutgoingError('bad-encoding', `${url.host} sent what cannot be decompressed`, { cause: error })
  }
  return new OutgoingError('unreachable', `${url.host} could not be asked`, { cause: error })
}

/** Rejects when the signal is aborted: a request that still waits for its connection takes no notice of the signal itself. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener(
      'abort',
      () => {
        reject(signal.reason)
      },
      { once: true },
    )
  })
}

/** One hop's headers: what was meant for one origin is not told to another. */
function headersFor(request: OutgoingStreamRequest, userAgent: string, sameOrigin: boolean): Record<string, string> {
  const given = Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const)
  const kept = sameOrigin ? given : given.filter(([name]) => name === 'accept' || name === 'accept-language')
  return { 'user-agent': userAgent, 'accept-encoding': 'gzip, br', ...Object.fromEntries(kept) }
}

/** So many origins are remembered to be elsewhere than they say. */
const mostWays = 10_000

/** A host as sockets take it: an address of IPv6 without its brackets. */
const bare = (host: string): string => host.replace(/^\[|\]$/g, '')

/** Connections to each origin of the operator's own, where a client that reads slowly holds one for as long as it likes. */
const connectionsToOurOwn = 512

/** Requests to strangers, and to what the operator named. */
interface Agents {
  checked: Agent
  unchecked: Agent
  /** For what is elsewhere than its address says: connections are kept by address, and these lead to another place. */
  placed: Agent
}

/**
 * Makes the one way in which this server asks others. Only public addresses are connected to (or those of `allow`), name by
 * name and hop by hop; size, time and redirects are bounded.
 */
export function createOutgoing(options: OutgoingOptions = {}): Outgoing {
  const { userAgent = 'Latchkey', resolve = (host) => lookup(host, { all: true }) } = options
  const isAllowed = inNetworks(options.allow ?? [])
  const reachable = (address: string): boolean => isPublic(address) || isAllowed(address)
  /** Where an origin is, if elsewhere than it says. What was said last holds. */
  const ways = new Map<string, NonNullable<OutgoingStreamRequest['via']>>()
  // Loaded when first needed: a server that asks nobody starts faster and stays smaller without it.
  let agents: Promise<Agents> | undefined
  const connect = async (): Promise<Agents> => {
    const [{ Agent, buildConnector }, { getCACertificates }] = await Promise.all([import('undici'), import('node:tls')])
    believeAuthorities()
    const { proxy } = options
    const agentOf = (connections: number, allowed: (address: string) => boolean, isPlaced = false): Agent => {
      const connector = buildConnector({
        lookup: checkedLookup(resolve, allowed),
        timeout: 10_000,
        ...(options.ca && { ca: [...getCACertificates('default'), ...options.ca] }),
      })
      return new Agent({
        connections,
        headersTimeout: silenceMs,
        bodyTimeout: silenceMs,
        connect: (target, callback) => {
          const way = isPlaced ? ways.get(`${target.protocol}//${target.host ?? ''}`) : undefined
          const to = way
            ? {
                ...target,
                servername: target.servername ?? target.hostname,
                hostname: way.host,
                port: String(way.port),
              }
            : target
          if (!proxy || !goesThrough(proxy, bare(target.hostname))) connector(to, callback)
          else {
            const open = callbackify(() => through(proxy, to, allowed))
            open((error, socket) => {
              if (error) callback(error, null)
              else if (to.protocol === 'https:') connector({ ...to, httpSocket: socket }, callback)
              else callback(null, socket)
            })
          }
        },
      })
    }
    return {
      checked: agentOf(8, reachable),
      unchecked: agentOf(connectionsToOurOwn, () => true),
      placed: agentOf(8, reachable, true),
    }
  }

  /** A way through the proxy. It looks names up by itself: those that are known here to lead into private networks are not asked for. */
  const through = async (
    proxy: OutgoingProxy,
    { hostname, port, protocol }: { hostname: string; port: string; protocol: string },
    allowed: (address: string) => boolean,
  ): Promise<Socket> => {
    const host = bare(hostname)
    const known = isIP(host) === 0 ? await resolve(host).catch(() => []) : []
    if (known.length > 0 && !known.some(({ address }) => allowed(address)))
      throw new OutgoingError('forbidden-address', `${host} has no public address`)
    return tunnel(proxy, host, Number(port || (protocol === 'https:' ? 443 : 80)))
  }

  const hop = async (
    url: URL,
    request: OutgoingStreamRequest,
    origin: string,
    signal: AbortSignal | null,
  ): Promise<Dispatcher.ResponseData> => {
    if (request.permits && !request.permits(url))
      throw new OutgoingError('forbidden-address', `${url.host} is not to be asked`)
    const trusted = request.configured === true && url.origin === origin
    const via = url.origin === origin && isIP(bare(url.hostname)) === 0 ? request.via : undefined
    // Written anew with every request, so that the oldest is one that nobody has asked for long.
    if (via) {
      ways.delete(url.origin)
      ways.set(url.origin, via)
    }
    if (ways.size > mostWays) ways.delete(ways.keys().next().value ?? '')
    const host = bare(via?.host ?? url.hostname)
    // A socket looks no address up, so one that is spelt out is checked here. (URL made 0x7f.1 into 127.0.0.1 before.)
    if (!trusted && isIP(host) !== 0 && !reachable(host))
      throw new OutgoingError('forbidden-address', `${host} is not a public address`)
    const { checked, unchecked, placed } = await (agents ??= connect())
    return (via ? placed : trusted ? unchecked : checked).request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: request.method ?? 'GET',
      headers: headersFor(request, userAgent, url.origin === origin),
      body: request.body ?? null,
      signal,
    })
  }

  const ask = async (
    start: URL,
    request: OutgoingStreamRequest,
    signal: AbortSignal | null,
  ): Promise<OutgoingStream> => {
    let url = start
    for (let count = 0; ; count++) {
      const reply = await hop(url, request, start.origin, signal)
      const location =
        redirects.has(reply.statusCode) && (request.method ?? 'GET') === 'GET' && request.redirects !== 0
          ? reply.headers['location']
          : undefined
      if (typeof location !== 'string')
        return { status: reply.statusCode, headers: flatten(reply.headers), url: url.href, body: reply.body }
      reply.body.on('error', () => {}).destroy()
      if (count >= (request.redirects ?? usualRedirects))
        throw new OutgoingError('too-many-redirects', `${start.host} redirects too often`)
      const next = parseUrl(location, url)
      if (url.protocol === 'https:' && next.protocol === 'http:')
        throw new OutgoingError('bad-url', `${url.host} redirects from https: to http:`)
      url = next
    }
  }

  const askWhole = async (start: URL, request: OutgoingRequest, signal: AbortSignal): Promise<OutgoingReply> => {
    const reply = await ask(start, request, signal)
    return { ...reply, body: await readAll(reply.body, reply.headers['content-encoding'] ?? '', request) }
  }

  const fetchOut = async (url: string | URL, request: OutgoingRequest = {}): Promise<OutgoingReply> => {
    const start = parseUrl(url)
    const deadline = AbortSignal.timeout(request.timeoutMs ?? 10_000)
    try {
      const signal = request.signal ? AbortSignal.any([deadline, request.signal]) : deadline
      return await Promise.race([askWhole(start, request, signal), aborted(signal)])
    } catch (error) {
      request.signal?.throwIfAborted()
      throw failureOf(error, start, deadline)
    }
  }
  const stream = async (url: string | URL, request: OutgoingStreamRequest = {}): Promise<OutgoingStream> => {
    const start = parseUrl(url)
    try {
      return await ask(
        start,
        { ...request, headers: { 'accept-encoding': 'identity', ...request.headers } },
        request.signal ?? null,
      )
    } catch (error) {
      request.signal?.throwIfAborted()
      throw failureOf(error, start)
    }
  }
  const dispose = async (): Promise<void> => {
    const made = await agents
    await Promise.all([made?.checked.destroy(), made?.unchecked.destroy(), made?.placed.destroy()])
  }
  return Object.assign(fetchOut, { stream, [Symbol.asyncDispose]: dispose })
}
