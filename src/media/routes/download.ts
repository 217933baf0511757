import { Type } from 'typebox'
import { route, type Route, type Session } from '../../http/index.ts'
import type { MediaContext } from '../deps.ts'
import { findMedia, type Wanted } from '../find.ts'
import { serveFile } from '../serve.ts'
import { createThumbnails } from '../thumbnail.ts'
import { Address, FileName } from './shapes.ts'

/** Longer than this nobody is kept waiting for an upload. */
const longestMs = 60_000
const usualMs = 20_000

const Patience = { timeout_ms: Type.Optional(Type.Integer({ minimum: 0 })) }
const DownloadQuery = Type.Object({
  ...Patience,
  /** For administrators, who want to see what is kept from everybody. */
  admin_unsafely_bypass_quarantine: Type.Optional(Type.Boolean()),
})
const NamedAddress = Type.Object({ ...Address.properties, fileName: FileName })
const Side = Type.Integer({ minimum: 1 })
const ThumbnailQuery = Type.Object({
  ...Patience,
  width: Side,
  height: Side,
  method: Type.Optional(Type.Union([Type.Literal('crop'), Type.Literal('scale')])),
  animated: Type.Optional(Type.Boolean()),
})
/** Files are answered with as they are. */
const File = Type.Unsafe<never>(Type.Unknown())

interface Asked {
  readonly params: { serverName: string; mediaId: string; fileName?: string }
  readonly query: { timeout_ms?: number; admin_unsafely_bypass_quarantine?: boolean }
  readonly session?: Session | undefined
  readonly signal: AbortSignal
}

const wanted = ({ params, query, session, signal }: Asked, signedIn: boolean): Wanted => ({
  serverName: params.serverName,
  mediaId: params.mediaId,
  patience: Math.min(query.timeout_ms ?? usualMs, longestMs),
  signedIn,
  quarantined: session?.admin && query.admin_unsafely_bypass_quarantine,
  signal,
})

export const downloadRoutes = (ctx: MediaContext): Route[] => {
  const thumbnails = createThumbnails(ctx)

  const download = async (
    request: Asked & { headers: Parameters<typeof serveFile>[2]['headers'] },
    signedIn: boolean,
  ) => {
    const file = await findMedia(ctx, wanted(request, signedIn))
    return serveFile(
      ctx,
      { ...file, filename: request.params.fileName ?? file.filename },
      { headers: request.headers, shared: !signedIn },
    )
  }

  const thumbnail = async (
    request: Asked & {
      query: { width: number; height: number; method?: 'crop' | 'scale'; animated?: boolean }
      headers: Parameters<typeof serveFile>[2]['headers']
    },
    signedIn: boolean,
  ) => {
    const file = await findMedia(ctx, wanted(request, signedIn))
    const { width, height, method = 'scale', animated = false } = request.query
    return thumbnails.reply(file, { width, height, method, animated }, { headers: request.headers, shared: !signedIn })
  }

  return [
    /** Gives a file. @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediadownloadservernamemediaid */
    route({
      id: 'getContentAuthed',
      method: 'GET',
      path: '/_matrix/client/v1/media/download/:serverName/:mediaId',
      auth: 'guest',
      params: Address,
      query: DownloadQuery,
      reply: File,
      handle: (request) => download(request, true),
    }),
    /** Gives a file by another name. @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediadownloadservernamemediaidfilename */
    route({
      id: 'getContentOverrideNameAuthed',
      method: 'GET',
      path: '/_matrix/client/v1/media/download/:serverName/:mediaId/:fileName',
      auth: 'guest',
      params: NamedAddress,
      query: DownloadQuery,
      reply: File,
      handle: (request) => download(request, true),
    }),
    /** Gives an image in a smaller size. @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediathumbnailservernamemediaid */
    route({
      id: 'getContentThumbnailAuthed',
      method: 'GET',
      path: '/_matrix/client/v1/media/thumbnail/:serverName/:mediaId',
      auth: 'guest',
      params: Address,
      query: ThumbnailQuery,
      reply: File,
      handle: (request) => thumbnail(request, true),
    }),
    /**
     * As above for anybody, but only what came in while that was allowed.
     * @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3downloadservernamemediaid
     */
    route({
      id: 'getContent',
      method: 'GET',
      path: '/_matrix/media/v3/download/:serverName/:mediaId',
      paths: ['/_matrix/media/v1/download/:serverName/:mediaId'],
      auth: 'none',
      params: Address,
      query: DownloadQuery,
      reply: File,
      handle: (request) => download(request, false),
    }),
    /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3downloadservernamemediaidfilename */
    route({
      id: 'getContentOverrideName',
      method: 'GET',
      path: '/_matrix/media/v3/download/:serverName/:mediaId/:fileName',
      paths: ['/_matrix/media/v1/download/:serverName/:mediaId/:fileName'],
      auth: 'none',
      params: NamedAddress,
      query: DownloadQuery,
      reply: File,
      handle: (request) => download(request, false),
    }),
    /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3thumbnailservernamemediaid */
    route({
      id: 'getContentThumbnail',
      method: 'GET',
      path: '/_matrix/media/v3/thumbnail/:serverName/:mediaId',
      paths: ['/_matrix/media/v1/thumbnail/:serverName/:mediaId'],
      auth: 'none',
      params: Address,
      query: ThumbnailQuery,
      reply: File,
      handle: (request) => thumbnail(request, false),
    }),
  ]
}
