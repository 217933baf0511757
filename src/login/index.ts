export type { LoginAdministration } from './administration.ts'
export type { AppService, AppServices, LoginDeps, SignedInApp } from './deps.ts'
export type { PasswordCost } from './password/hashing.ts'
export { type OpenIdDeps, openIdRoutes } from './openid/routes.ts'
export { type Login, openLogin } from './login.ts'
export { type Mail, type Message, openMail } from './mail/index.ts'
export { type Content, html, textOf } from './pages/html.ts'
export type { PersonalToken, PersonalTokens } from './personal-tokens/index.ts'
export { hidden } from './pages/sso.ts'
export {
  browserHash,
  type Door,
  door,
  doorHref,
  formToken,
  pageRoute,
  type PageRequest,
  Problem,
  redirect,
  show,
  type Visitor,
  visitorOf,
  type Web,
} from './sso/index.ts'
export type { RegistrationToken, RegistrationTokens } from './tokens-to-register/index.ts'
