import { Readable } from 'node:stream'
import { Type } from 'typebox'
import { Reply, route, type Route } from '../../http/index.ts'
import type { MediaForServers } from '../../media/index.ts'

export interface MediaRouteDeps {
  readonly media: MediaForServers
  readonly randomId: () => string
}

const MediaId = Type.Object({ mediaId: Type.String({ pattern: '^[0-9A-Za-z_-]{1,255}$' }) })
const Patience = { timeout_ms: Type.Optional(Type.Integer({ minimum: 0 })) }
const Side = Type.Integer({ minimum: 1 })
const File = Type.Unsafe<never>(Type.Unknown())
const [usualMs, longestMs] = [20_000, 60_000]

/**
 * A file as servers exchange it: what is known of it, which is nothing so far, and the file.
 * @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1mediadownloadmediaid
 */
function multipart(file: Reply, boundary: string): Reply {
  const { headers, body } = file
  const type = headers['content-type'] ?? 'application/octet-stream'
  const disposition = headers['content-disposition']
  const head =
    `--${boundary}\r\nContent-Type: application/json\r\n\r\n{}\r\n--${boundary}\r\nContent-Type: ${type}\r\n` +
    `${disposition === undefined ? '' : `Content-Disposition: ${disposition}\r\n`}\r\n`
  const parts = async function* (): AsyncGenerator<Uint8Array | string> {
    yield head
    if (typeof body === 'function') for await (const chunk of await body()) yield chunk as Uint8Array // files are bytes
    else if (body !== undefined) yield body
    yield `\r\n--${boundary}--\r\n`
  }
  return new Reply({
    headers: { 'content-type': `multipart/mixed; boundary=${boundary}` },
    body: () => Readable.from(parts(), { objectMode: false }),
  })
}

/** Files of ours, for other servers. */
export const mediaRoutes = ({ media, randomId }: MediaRouteDeps): Route[] => [
  route({
    id: 'getContentFederation',
    method: 'GET',
    path: '/_matrix/federation/v1/media/download/:mediaId',
    auth: 'server',
    params: MediaId,
    query: Type.Object(Patience),
    reply: File,
    handle: async ({ params, query, signal }) =>
      multipart(
        await media.download(params.mediaId, Math.min(query.timeout_ms ?? usualMs, longestMs), signal),
        randomId(),
      ),
  }),
  /** @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1mediathumbnailmediaid */
  route({
    id: 'getContentThumbnailFederation',
    method: 'GET',
    path: '/_matrix/federation/v1/media/thumbnail/:mediaId',
    auth: 'server',
    params: MediaId,
    query: Type.Object({
      ...Patience,
      width: Side,
      height: Side,
      method: Type.Optional(Type.Union([Type.Literal('crop'), Type.Literal('scale')])),
      animated: Type.Optional(Type.Boolean()),
    }),
    reply: File,
    handle: async ({ params, query, signal }) => {
      const { width, height, method = 'scale', animated = false } = query
      const patience = Math.min(query.timeout_ms ?? usualMs, longestMs)
      return multipart(
        await media.thumbnail(params.mediaId, { width, height, method, animated }, patience, signal),
        randomId(),
      )
    },
  }),
]
