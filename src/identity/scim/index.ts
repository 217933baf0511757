export { scimRoutes } from './routes.ts'
export { scimChecks } from './settings.ts'
