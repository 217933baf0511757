export type { LoginDeps } from './deps.ts'
export { accountOf, admit, type Arrival, type Claims, type Identity, policyChecks, signIn, userIdOf } from './engine/index.ts'
export { type Explanation, explainToken, jwtChecks, jwtProviders, signTrial } from './jwt/index.ts'
export { type Login, openLogin } from './login.ts'
