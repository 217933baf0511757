import type { IncomingMessage } from 'node:http'
import { MatrixError } from '../matrix/errors.ts'
import { checkDepth, parseRemote, parseStrict, type Json } from '../matrix/json.ts'

const tooLarge = (limit: number): MatrixError =>
  new MatrixError('M_TOO_LARGE', `The body is larger than ${limit} bytes`)

/** The client went away in the middle of its request: there is nobody to answer. */
export class ClientGone extends Error {}

const gone = (cause?: unknown): ClientGone => new ClientGone('The client went away', { cause })

function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length']
  return (length !== undefined && length !== '0') || request.headers['transfer-encoding'] !== undefined
}

/** How long a body may take to arrive: a minute, and what the slowest line that is served needs for so many bytes. */
const patienceMs = 60_000
const slowestBytesPerMs = 16
/** Nothing at all may come of it for so long, where it is not held in memory. */
const silenceMs = 60_000

const tooSlow = (): MatrixError =>
  new MatrixError('M_UNKNOWN', 'The body took too long to arrive', { status: 408, retryAfterMs: 1000 })

/** What keeps account of the bytes that are held while a body arrives. @throws MatrixError when there are too many */
export type Hold = (bytes: number) => void

export interface BodyOptions {
  /** In bytes. */
  readonly limit: number
  readonly hold?: Hold | undefined
  /** Default: a minute, and more for more bytes. */
  readonly patienceMs?: number | undefined
}

/**
 * Reads a body whole. What comes after a refusal is left to the answer (`rest.ts`).
 * @throws MatrixError M_TOO_LARGE, 408 M_UNKNOWN; ClientGone
 */
function readBytes(request: IncomingMessage, { limit, hold, ...options }: BodyOptions): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    // Whoever went away before this began is never heard of again.
    if (request.destroyed) {
      reject(gone())
      return
    }
    if (Number(request.headers['content-length']) > limit) {
      reject(tooLarge(limit))
      return
    }
    const chunks: Buffer[] = []
    let size = 0
    const timer = setTimeout(() => refuse(tooSlow()), options.patienceMs ?? patienceMs + limit / slowestBytesPerMs)
    const take = (chunk: Buffer): void => {
      size += chunk.length
      if (size > limit) {
        refuse(tooLarge(limit))
        return
      }
      chunks.push(chunk)
      try {
        hold?.(chunk.length)
      } catch (error) {
        refuse(error as Error)
      }
    }
    const refuse = (error: Error): void => {
      clearTimeout(timer)
      request.off('data', take)
      chunks.length = 0
      reject(error)
    }
    request.on('data', take)
    request.on('end', () => {
      clearTimeout(timer)
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks))
    })
    request.on('error', (error) => refuse(gone(error)))
    request.on('close', () => {
      if (!request.complete) refuse(gone())
    })
  })
}

/**
 * The JSON of a body, whatever its Content-Type says; nothing at all counts as `{}`.
 * @throws MatrixError M_NOT_JSON, M_BAD_JSON, M_TOO_LARGE, 408 M_UNKNOWN; ClientGone
 */
export function readJson(request: IncomingMessage, options: BodyOptions): unknown {
  if (!hasBody(request)) return {}
  return readBytes(request, options).then((bytes) => (bytes.byteLength === 0 ? {} : parseStrict(bytes)))
}

/** Nesting of what another server sends: that of an event, within a list, within a body. */
const remoteDepth = 1010

/**
 * The JSON of another server's body; undefined where there is none. What is in it is judged event by event.
 * @throws MatrixError M_NOT_JSON, M_BAD_JSON, M_TOO_LARGE, 408 M_UNKNOWN; ClientGone
 */
export async function readRemoteJson(request: IncomingMessage, options: BodyOptions): Promise<Json | undefined> {
  if (!hasBody(request)) return undefined
  const bytes = await readBytes(request, options)
  if (bytes.byteLength === 0) return undefined
  const json = parseRemote(bytes)
  checkDepth(json, remoteDepth)
  return json
}

/** The bytes of a body as they come. @throws MatrixError M_TOO_LARGE; ClientGone, which whoever sends nothing for too long is too */
export async function* streamBytes(
  request: IncomingMessage,
  { limit, hold, ...options }: BodyOptions,
): AsyncGenerator<Uint8Array, void> {
  if (Number(request.headers['content-length']) > limit) throw tooLarge(limit)
  let size = 0
  const cut = (): void => void request.destroy()
  const late = setTimeout(cut, options.patienceMs ?? patienceMs + limit / slowestBytesPerMs)
  const silent = setTimeout(cut, silenceMs)
  try {
    // What comes after a refusal is left to the answer (`rest.ts`).
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      silent.refresh()
      size += chunk.byteLength
      if (size > limit) throw tooLarge(limit)
      hold?.(chunk.byteLength)
      yield chunk
    }
  } catch (error) {
    throw error instanceof MatrixError ? error : gone(error)
  } finally {
    clearTimeout(late)
    clearTimeout(silent)
  }
}
