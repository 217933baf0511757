import type { Route } from '../http/index.ts'
import type { Media } from './media.ts'
import { configRoutes } from './routes/config.ts'
import { downloadRoutes } from './routes/download.ts'
import { previewRoutes } from './routes/preview.ts'
import { uploadRoutes } from './routes/upload.ts'

/** Files: upload, download, thumbnails; previews of web pages. @see https://spec.matrix.org/v1.19/client-server-api/#content-repository */
export const mediaRoutes = ({ context }: Media): Route[] => [
  ...uploadRoutes(context),
  ...downloadRoutes(context),
  ...previewRoutes(context),
  ...configRoutes(context),
]
