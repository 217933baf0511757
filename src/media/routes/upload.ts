import { Type } from 'typebox'
import { route, type Route, type RouteHandlerContext } from '../../http/index.ts'
import type { MediaContext } from '../deps.ts'
import { createAddress, upload, uploadTo, type Upload } from '../upload.ts'
import { Address, FileName } from './shapes.ts'

const UploadQuery = Type.Object({ filename: Type.Optional(FileName) })

type Incoming = Pick<
  RouteHandlerContext<'user', unknown, { filename?: string }, AsyncIterable<Uint8Array>>,
  'headers' | 'query' | 'body'
>

const uploadOf = ({ headers, query, body }: Incoming): Upload => ({
  body,
  type: headers['content-type'],
  filename: query.filename,
  length: Number(headers['content-length'] ?? Number.NaN),
})

export const uploadRoutes = (ctx: MediaContext): Route[] => {
  const bodyLimit = ctx.config.max_upload_size
  return [
    /** Takes a file. @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixmediav3upload */
    route({
      id: 'uploadContent',
      method: 'POST',
      path: '/_matrix/media/v3/upload',
      paths: ['/_matrix/media/v1/upload'],
      auth: 'user',
      rawBody: true,
      bodyLimit,
      query: UploadQuery,
      reply: Type.Object({ content_uri: Type.String() }),
      handle: async (request) => ({ content_uri: await upload(ctx, request.session, uploadOf(request)) }),
    }),
    /** Makes an address whose file comes later. @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixmediav1create */
    route({
      id: 'createContent',
      method: 'POST',
      path: '/_matrix/media/v1/create',
      auth: 'user',
      limit: 'heavy',
      reply: Type.Object({ content_uri: Type.String(), unused_expires_at: Type.Integer() }),
      handle: ({ session }) => createAddress(ctx, session),
    }),
    /** Takes the file of such an address. @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixmediav3uploadservernamemediaid */
    route({
      id: 'uploadContentToMXC',
      method: 'PUT',
      path: '/_matrix/media/v3/upload/:serverName/:mediaId',
      auth: 'user',
      rawBody: true,
      bodyLimit,
      params: Address,
      query: UploadQuery,
      reply: Type.Object({}),
      handle: async (request) => {
        await uploadTo(ctx, request.session, request.params, uploadOf(request))
        return {}
      },
    }),
  ]
}
