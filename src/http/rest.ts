import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * What is still to come of a request's body when it is answered. Whoever comes next on the connection, which behind a proxy is somebody
 * else, must not wait for it: a short rest is read and thrown away, with a longer one the connection ends.
 */
type Rest = 'none' | 'short' | 'long'

/** A rest that is read so that the connection can be kept, in bytes. */
const shortRest = 64 * 1024
/** How much of a longer one is read, and how long one waits for either, so that the client comes to read its answer instead of a reset. */
const lingerBytes = 16 * 1024 * 1024
const lingerMs = 10_000

export function restOf(request: IncomingMessage): Rest {
  if (request.complete || request.readableEnded) return 'none'
  if (request.headers['transfer-encoding'] !== undefined) return 'long'
  const length = Number(request.headers['content-length'] ?? 0)
  return length === 0 ? 'none' : length <= shortRest ? 'short' : 'long'
}

/** Reads and throws away what comes, until the end, or more than is worth it; then `over` is told, once, whether it was the end. */
function discard(request: IncomingMessage, bytes: number, over: (whole: boolean) => void): void {
  let left = bytes
  let isOver = false
  const end = (whole: boolean): void => {
    if (isOver) return
    isOver = true
    clearTimeout(timer)
    over(whole)
  }
  const timer = setTimeout(() => end(false), lingerMs)
  request.on('data', (chunk: Uint8Array) => {
    left -= chunk.byteLength
    if (left < 0) end(false)
  })
  request.once('end', () => end(true))
  request.once('close', () => end(request.complete))
  request.resume()
}

/** Ends a response whose head is written and whose length the head tells, as what is left of its request asks for. */
export function endWith(response: ServerResponse, rest: Rest, body?: string | Uint8Array): void {
  const { req: request } = response
  if (rest === 'none') {
    response.end(body)
  } else if (rest === 'short') {
    response.end(body)
    discard(request, shortRest, (whole) => {
      if (!whole) request.socket.destroy()
    })
  } else {
    // The client has its whole answer; ending it is what closes the connection.
    if (body === undefined || request.method === 'HEAD') response.flushHeaders()
    else response.write(body)
    discard(request, lingerBytes, () => {
      response.end()
    })
  }
}
