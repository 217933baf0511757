export type { Bearer, EndedTokens } from './bearer/index.ts'
export type { BrowserProvider, LoggedOut, Proof, Trip } from './browser.ts'
export type { ProvidersDeps } from './deps.ts'
export { type Explanation, withOutlook } from './explain.ts'
export {
  explainToken,
  type JwtCredential,
  type JwtProvider,
  jwtProviders,
  openKeyring,
  signTrial,
} from './jwt/index.ts'
export { providerChecks, providerFindings } from './kinds.ts'
export { DirectoryError, explainPerson, openDirectories } from './ldap/index.ts'
export { Problem, type ProblemCode } from './problem.ts'
export type { Kind, Provider } from './provider.ts'
export { openProviders, type Providers, type TokenPage } from './providers.ts'
export { explainResponse } from './saml/index.ts'
