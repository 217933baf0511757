export type { LoginDeps } from './deps.ts'
export { userIdOf } from './identity.ts'
export { type Explanation, explainToken, jwtChecks, jwtProviders, signTrial } from './jwt/index.ts'
export { type Login, openLogin } from './login.ts'
