export { openMedia, type Media } from './media.ts'
export { mediaRoutes } from './routes.ts'
