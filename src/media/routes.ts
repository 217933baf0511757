import type { Route } from '../http/index.ts'
import type { Media } from './media.ts'
import { configRoutes } from './routes/config.ts'
import { downloadRoutes } from './routes/download.ts'
import { uploadRoutes } from './routes/upload.ts'

/** Files: upload, download, thumbnails. @see https://spec.matrix.org/v1.19/client-server-api/#content-repository */
export const mediaRoutes = ({ context }: Media): Route[] => [...uploadRoutes(context), ...downloadRoutes(context), ...configRoutes(context)]
