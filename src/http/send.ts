import type { ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { ClientGone } from './body.ts'
import { RawJson, Reply } from './reply.ts'
import { endWith, restOf } from './rest.ts'

/**
 * On every answer, so that web clients of any origin may read it.
 * @see https://spec.matrix.org/v1.19/client-server-api/#web-browser-clients
 */
const cors = [
  'access-control-allow-origin',
  '*',
  'access-control-allow-methods',
  'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
  'access-control-allow-headers',
  'X-Requested-With, Content-Type, Authorization, If-Match, If-None-Match',
]

/** JSON of ours is data for whoever asked: not to be kept, nor taken for a page. */
const json = [
  ...cors,
  'content-type',
  'application/json',
  'cache-control',
  'no-store',
  'x-content-type-options',
  'nosniff',
]

const closing = ['connection', 'close']

/** Pages and files say themselves what they are; the rest holds unless they say otherwise. */
const others = {
  ...Object.fromEntries(pairs(cors)),
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
}

function* pairs(flat: readonly string[]): Generator<[string, string]> {
  for (let index = 0; index + 1 < flat.length; index += 2) yield [flat[index] ?? '', flat[index + 1] ?? '']
}

/** Sends JSON text. `added` are further headers, names and values in turn; one of the usual names replaces the usual value. */
export function sendJson(response: ServerResponse, status: number, text: string, added: readonly string[] = []): void {
  const rest = restOf(response.req)
  const last = ['content-length', String(Buffer.byteLength(text)), ...(rest === 'long' ? closing : [])]
  const headers =
    added.length === 0 ? [...json, ...last] : [...new Map([...pairs(json), ...pairs(added), ...pairs(last)])].flat()
  response.writeHead(status, headers)
  endWith(response, rest, text)
}

/** The answer to a preflight, the same for every path: nothing is looked at and nothing is done. */
export function sendPreflight(response: ServerResponse): void {
  const rest = restOf(response.req)
  response.writeHead(204, [...cors, 'access-control-max-age', '86400', ...(rest === 'long' ? closing : [])])
  endWith(response, rest)
}

/** Told how large an answer is before it is sent. @throws MatrixError when it is not to be */
export type Admit = (bytes: number) => void

async function sendReply(
  response: ServerResponse,
  reply: Reply,
  added: readonly string[],
  admit: Admit,
): Promise<void> {
  const { body } = reply
  if (body !== undefined && typeof body !== 'function') admit(body.length)
  const given = Object.entries(reply.headers).map(([name, value]) => [name.toLowerCase(), value] as const)
  const headers = new Map([...Object.entries(others), ...pairs(added), ...given])
  // Pages are for people: no script of another origin reads one. A file that somebody sent is no page, whatever it says of itself.
  const isPage =
    headers.get('content-type')?.startsWith('text/html') &&
    !headers.has('content-disposition') &&
    !given.some(([name]) => name === 'access-control-allow-origin')
  if (isPage || headers.get('cross-origin-resource-policy') === 'same-origin')
    for (const [name] of pairs(cors)) headers.delete(name)
  if (typeof body === 'string') headers.set('content-length', String(Buffer.byteLength(body)))
  else if (body instanceof Uint8Array) headers.set('content-length', String(body.byteLength))
  else if (body === undefined && reply.status !== 204 && reply.status !== 304) headers.set('content-length', '0')
  const rest = restOf(response.req)
  if (rest === 'long') headers.set('connection', 'close')
  if (typeof body !== 'function' || response.req.method === 'HEAD') {
    response.writeHead(reply.status, [...headers].flat())
    endWith(response, rest, typeof body === 'function' ? undefined : body)
    return
  }
  const stream = await body()
  // Whatever happens from here on: when there is nobody to send it to, it is closed. A pipeline into what has ended already never is.
  response.once('close', () => stream.destroy())
  if (response.destroyed) {
    stream.destroy()
    throw new ClientGone('The client went away')
  }
  response.writeHead(reply.status, [...headers].flat())
  await pipeline(stream, response)
}

/** Sends what a handler returned. Resolves when a streamed body is through; rejects when it broke off. */
export function sendResult(
  response: ServerResponse,
  result: unknown,
  added: readonly string[],
  admit: Admit,
): Promise<void> | undefined {
  if (result instanceof Reply) return sendReply(response, result, added, admit)
  const text = result instanceof RawJson ? result.text : result === undefined ? '{}' : JSON.stringify(result)
  admit(text.length)
  sendJson(response, 200, text, added)
  return undefined
}
