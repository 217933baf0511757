export { openMedia, type Media } from './media.ts'
export { mediaRoutes } from './routes.ts'
export { upload, type Upload } from './upload.ts'
