import { Type } from 'typebox'
import { MatrixError } from '../../matrix/errors.ts'
import { RawJson, route, type Route, type RouteHandlerContext } from '../../http/index.ts'
import type { MediaContext } from '../deps.ts'
import { createPreviews } from '../preview/previews.ts'

const Query = Type.Object({ url: Type.String({ maxLength: 8192 }), ts: Type.Optional(Type.Integer()) })

/** Title, text and picture of web pages, which this server fetches in the client's place. */
export const previewRoutes = (ctx: MediaContext): Route[] => {
  const previews = createPreviews(ctx)
  const handle = async ({
    query,
  }: Pick<RouteHandlerContext<'user', unknown, { url: string }>, 'query'>): Promise<RawJson> => {
    if (!ctx.config.url_previews.enabled)
      throw new MatrixError('M_FORBIDDEN', 'There are no previews of web pages on this server')
    return new RawJson(await previews.of(query.url))
  }
  const common = {
    method: 'GET',
    auth: 'user',
    limit: 'heavy',
    query: Query,
    reply: Type.Record(Type.String(), Type.Unknown()),
    handle,
  } as const
  return [
    /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediapreview_url */
    route({ ...common, id: 'getUrlPreviewAuthed', path: '/_matrix/client/v1/media/preview_url' }),
    /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3preview_url */
    route({
      ...common,
      id: 'getUrlPreview',
      path: '/_matrix/media/v3/preview_url',
      paths: ['/_matrix/media/v1/preview_url'],
    }),
  ]
}
