import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import type { MediaContext } from '../deps.ts'

/** What clients should know before they upload. */
export const configRoutes = ({ config }: MediaContext): Route[] => {
  const common = {
    method: 'GET',
    auth: 'user',
    reply: Type.Object({ 'm.upload.size': Type.Integer() }),
    handle: () => ({ 'm.upload.size': config.max_upload_size }),
  } as const
  return [
    /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediaconfig */
    route({ ...common, id: 'getConfigAuthed', path: '/_matrix/client/v1/media/config' }),
    /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixmediav3config */
    route({ ...common, id: 'getConfig', path: '/_matrix/media/v3/config', paths: ['/_matrix/media/v1/config'] }),
  ]
}
