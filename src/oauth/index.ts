export { type OAuth, openOAuth } from './oauth.ts'
