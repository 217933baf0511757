import type { IncomingMessage } from 'node:http'
import { MatrixError } from '../matrix/errors.ts'
import { parseStrict } from '../matrix/json.ts'

const tooLarge = (limit: number): MatrixError =>
  new MatrixError('M_TOO_LARGE', `The body is larger than ${limit} bytes`)

/** The client went away in the middle of its request: there is nobody to answer. */
export class ClientGone extends Error {}

function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length']
  return (length !== undefined && length !== '0') || request.headers['transfer-encoding'] !== undefined
}

/**
 * Reads a body whole. What comes after a refusal is left to the answer (`rest.ts`).
 * @throws MatrixError M_TOO_LARGE; ClientGone
 */
function readBytes(request: IncomingMessage, limit: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length']) > limit) {
      reject(tooLarge(limit))
      return
    }
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= limit) {
        chunks.push(chunk)
        return
      }
      chunks.length = 0
      reject(tooLarge(limit))
    })
    request.on('end', () => {
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks))
    })
    request.on('error', () => {
      reject(new ClientGone('The client went away'))
    })
    request.on('close', () => {
      if (!request.complete) reject(new ClientGone('The client went away'))
    })
  })
}

/**
 * The JSON of a body, whatever its Content-Type says; nothing at all counts as `{}`.
 * @throws MatrixError M_NOT_JSON, M_BAD_JSON, M_TOO_LARGE; ClientGone
 */
export function readJson(request: IncomingMessage, limit: number): unknown {
  if (!hasBody(request)) return {}
  return readBytes(request, limit).then((bytes) => (bytes.byteLength === 0 ? {} : parseStrict(bytes)))
}

/** The bytes of a body as they come. @throws MatrixError M_TOO_LARGE; ClientGone */
export async function* streamBytes(request: IncomingMessage, limit: number): AsyncGenerator<Uint8Array, void> {
  if (Number(request.headers['content-length']) > limit) throw tooLarge(limit)
  let size = 0
  try {
    // What comes after a refusal is left to the answer (`rest.ts`).
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength
      if (size > limit) throw tooLarge(limit)
      yield chunk
    }
  } catch (error) {
    throw error instanceof MatrixError ? error : new ClientGone('The client went away', { cause: error })
  }
}
