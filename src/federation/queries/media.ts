import { Readable } from 'node:stream'
import { MatrixError } from '../../matrix/errors.ts'
import { own, parseRemote } from '../../matrix/json.ts'
import type { OutgoingStream } from '../../http/index.ts'
import type { RemoteFile, RemoteMedia } from '../../media/index.ts'
import { remotePath } from '../client.ts'
import { asClientError, RemoteError } from '../remote-error.ts'
import type { Wires } from '../wires.ts'
import { boundaryOf, readMultipart } from './multipart.ts'

const largestRefusal = 16 * 1024

/** The name in a Content-Disposition. */
function filenameIn(header: string | undefined): string | undefined {
  const [, encoded] = /;\s*filename\*\s*=\s*utf-8''([^;\s]+)/i.exec(header ?? '') ?? []
  if (encoded !== undefined) {
    try {
      return decodeURIComponent(encoded)
    } catch {
      // The plain one will do.
    }
  }
  const [, quoted, plain] = /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s"]+))/i.exec(header ?? '') ?? []
  return quoted?.replaceAll(/\\(.)/g, '$1') ?? plain
}

async function refusalOf(server: string, { status, body }: OutgoingStream): Promise<RemoteError> {
  let text = Buffer.alloc(0)
  body.on('error', () => {})
  for await (const chunk of body as AsyncIterable<Buffer>) {
    text = Buffer.concat([text, chunk])
    if (text.length > largestRefusal) break
  }
  body.destroy()
  let errcode: unknown
  try {
    errcode = own(parseRemote(text), 'errcode')
  } catch {
    // A page of a proxy, most likely.
  }
  return new RemoteError(server, `${server} answered ${status}`, {
    status,
    errcode: typeof errcode === 'string' ? errcode : undefined,
  })
}

const plainFile = ({ headers, body }: OutgoingStream): RemoteFile => ({
  body,
  type: headers['content-type'],
  filename: filenameIn(headers['content-disposition']),
})

/** Takes the second part: the file itself, or where it is. */
async function fileIn(
  { client }: Pick<Wires, 'client'>,
  server: string,
  answer: OutgoingStream,
  signal: AbortSignal,
): Promise<RemoteFile> {
  const boundary = boundaryOf(answer.headers['content-type'])
  if (boundary === undefined) {
    answer.body.on('error', () => {}).destroy()
    throw new RemoteError(server, `${server} gave no file`, { status: answer.status })
  }
  const parts = readMultipart(answer.body, boundary)
  const bad = (cause: unknown): RemoteError =>
    new RemoteError(server, `${server} gave a file that makes no sense`, { status: answer.status, cause })
  try {
    await parts.next()
    const second = await parts.next()
    if (second.done) throw new Error('There is no second part')
    const { headers, body } = second.value
    const location = headers.get('location')
    if (location === undefined) {
      const file = Readable.from(body, { objectMode: false })
      file.once('close', () => answer.body.on('error', () => {}).destroy())
      return {
        body: file,
        type: headers.get('content-type'),
        filename: filenameIn(headers.get('content-disposition')),
      }
    }
    answer.body.on('error', () => {}).destroy()
    const elsewhere = await client.streamUrl(server, location, signal)
    if (elsewhere.status !== 200) throw await refusalOf(server, elsewhere)
    return plainFile(elsewhere)
  } catch (error) {
    answer.body.on('error', () => {}).destroy()
    throw error instanceof RemoteError ? error : bad(error)
  }
}

/**
 * Files of other servers: as they are given to servers that say who they are, or else as they were once given to anybody.
 * @see https://spec.matrix.org/v1.19/server-server-api/#content-repository
 */
export const remoteMedia = (wires: Pick<Wires, 'client'>): RemoteMedia => {
  const { client } = wires
  const legacy = async (server: string, mediaId: string, signal: AbortSignal): Promise<RemoteFile> => {
    const answer = await client.stream(server, {
      path: remotePath('media/v3/download', server, mediaId),
      query: { allow_remote: 'false' },
      unsigned: true,
      signal,
    })
    if (answer.status !== 200) throw await refusalOf(server, answer)
    return plainFile(answer)
  }
  return {
    download: async (server, mediaId, signal) => {
      try {
        const answer = await client.stream(server, {
          path: remotePath('federation/v1/media/download', mediaId),
          signal,
        })
        if (answer.status === 200) return await fileIn(wires, server, answer, signal)
        const refusal = await refusalOf(server, answer)
        if (refusal.errcode !== 'M_UNRECOGNIZED' && !(refusal.status === 404 && refusal.errcode === undefined))
          throw refusal
        return await legacy(server, mediaId, signal)
      } catch (error) {
        if (error instanceof RemoteError && error.errcode === 'M_NOT_FOUND')
          throw new MatrixError('M_NOT_FOUND', 'There is no such file', { cause: error })
        throw asClientError(error)
      }
    },
  }
}
