import { OutgoingError, type Outgoing, type OutgoingStream } from '../http/index.ts'
import { checkDepth, own, parseRemote, type Json, type JsonObject } from '../matrix/json.ts'
import type { SigningKey } from '../matrix/signing.ts'
import { signRequest } from './auth/sign.ts'
import type { Discovery } from './discovery/index.ts'
import type { Partners } from './partners.ts'
import { RemoteError } from './remote-error.ts'

/** One question to another server. */
export interface RemoteRequest {
  /** Default GET. */
  readonly method?: 'GET' | 'PUT' | 'POST'
  /** From `/_matrix/` on, percent-encoded; see {@link remotePath}. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | readonly string[] | undefined>>
  readonly content?: JsonObject
  /** Default 30 s. */
  readonly timeoutMs?: number
  /** Largest answer, in bytes; default 1 MiB. */
  readonly maxBytes?: number
  readonly signal?: AbortSignal
  /** Without signature: keys are asked for so. */
  readonly unsigned?: boolean
  /** Although it did not answer a while ago: for what makes up its mind about that by itself. */
  readonly evenIfDown?: boolean
}

/** What asks other servers, in the name of this one. */
export interface FederationClient {
  /** The JSON of a 2xx answer. @throws {RemoteError} for every other answer, and for none */
  ask(server: string, request: RemoteRequest): Promise<Json>
  /** An answer of any status, as it comes. Read its body to the end, or destroy it. @throws {RemoteError} when there is none */
  stream(server: string, request: RemoteRequest): Promise<OutgoingStream>
  /** A plain request to an address that another server named, without signature. @throws {RemoteError} */
  streamUrl(server: string, url: string, signal?: AbortSignal): Promise<OutgoingStream>
}

export interface ClientDeps {
  readonly serverName: string
  readonly signingKey: SigningKey
  readonly outgoing: Outgoing
  readonly discovery: Discovery
  readonly partners: Partners
  /** Port to what remembers which servers answer. */
  readonly reach: {
    isDown(server: string): boolean
    failed(server: string): void
    answered(server: string): void
  }
}

const usualTimeoutMs = 30_000
const usualBytes = 1024 * 1024
/** Nesting that an answer may have: that of an event, within a list, within an answer. */
const deepest = 1010

/** A path whose parts come from outside. */
export const remotePath = (base: string, ...parts: readonly string[]): string =>
  [`/_matrix/${base}`, ...parts.map((part) => encodeURIComponent(part))].join('/')

function target({ path, query = {} }: RemoteRequest): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) search.append(name, String(one))
  const text = search.toString()
  return text === '' ? path : `${path}?${text}`
}

/** Whether an answer says that the server is there, but does not work. */
const isBroken = (status: number): boolean => status === 502 || status === 503 || status === 504 || status === 521

function refusal(server: string, status: number, body: Uint8Array): RemoteError {
  let json: Json | undefined
  try {
    json = parseRemote(body)
  } catch {
    // A page of a proxy, most likely.
  }
  const text = (key: string): string | undefined => {
    const value = own(json, key)
    return typeof value === 'string' ? value : undefined
  }
  const [errcode, error] = [text('errcode'), text('error')]
  return new RemoteError(server, `${server} answered ${status} ${errcode ?? ''}`.trim(), { status, errcode, error })
}

export function createClient(deps: ClientDeps): FederationClient {
  const { serverName, signingKey, outgoing, discovery, partners, reach } = deps

  /** Everything before the question itself. */
  const prepare = async (server: string, request: RemoteRequest) => {
    if (server === serverName) throw new RemoteError(server, 'This server asks itself nothing')
    if (!partners.mayTalkTo(server)) throw new RemoteError(server, `${server} is not talked to by the settings`)
    if (!request.evenIfDown && reach.isDown(server)) throw new RemoteError(server, `${server} did not answer lately`)
    const place = await discovery.find(server)
    if (!place) throw new RemoteError(server, `${server} is not the name of a server`)
    const { method = 'GET', content } = request
    const uri = target(request)
    return {
      url: `${place.base}${uri}`,
      options: {
        method,
        via: place.via,
        redirects: 0,
        ...(request.signal && { signal: request.signal }),
        ...(content && { body: JSON.stringify(content) }),
        headers: {
          host: place.host,
          ...(content && { 'content-type': 'application/json' }),
          ...(!request.unsigned && {
            authorization: signRequest({ method, uri, origin: serverName, destination: server, content }, signingKey),
          }),
        },
      },
    }
  }

  const failed = (server: string, error: unknown): unknown => {
    if (!(error instanceof OutgoingError)) return error
    // What is too large or badly packed came from a server that answers.
    if (error.code === 'unreachable' || error.code === 'timeout' || error.code === 'forbidden-address') {
      discovery.forget(server)
      reach.failed(server)
    }
    return new RemoteError(server, `${server} could not be asked: ${error.message}`, { cause: error })
  }

  const noteStatus = (server: string, status: number): void => {
    if (isBroken(status)) reach.failed(server)
    else reach.answered(server)
  }

  return {
    ask: async (server, request) => {
      const { url, options } = await prepare(server, request)
      let reply
      try {
        reply = await outgoing(url, {
          ...options,
          timeoutMs: request.timeoutMs ?? usualTimeoutMs,
          maxBytes: request.maxBytes ?? usualBytes,
        })
      } catch (error) {
        throw failed(server, error)
      }
      noteStatus(server, reply.status)
      if (reply.status < 200 || reply.status > 299) throw refusal(server, reply.status, reply.body)
      try {
        const json = parseRemote(reply.body)
        checkDepth(json, deepest)
        return json
      } catch (error) {
        throw new RemoteError(server, `${server} did not answer in JSON`, { status: reply.status, cause: error })
      }
    },
    stream: async (server, request) => {
      const { url, options } = await prepare(server, request)
      try {
        const reply = await outgoing.stream(url, options)
        noteStatus(server, reply.status)
        return reply
      } catch (error) {
        throw failed(server, error)
      }
    },
    streamUrl: async (server, url, signal) => {
      try {
        return await outgoing.stream(url, signal ? { signal } : {})
      } catch (error) {
        if (!(error instanceof OutgoingError)) throw error
        throw new RemoteError(server, `What ${server} named could not be fetched: ${error.message}`, { cause: error })
      }
    },
  }
}
