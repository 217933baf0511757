import type { Route, Session } from '../http/index.ts'
import type { Opened, WantedSession } from '../sessions/index.ts'
import { type LoginAdministration, openAdministration } from './administration.ts'
import type { Origin } from '../identity/index.ts'
import type { EndedTokens } from '../providers/index.ts'
import type { JsonObject } from '../matrix/json.ts'
import { loweredName, register } from './accounts.ts'
import type { LoginDeps, LoginParts } from './deps.ts'
import { createPasswords, type PasswordCost } from './password/hashing.ts'
import { changePassword } from './password/change.ts'
import { openPersonalTokens, type PersonalTokens } from './personal-tokens/index.ts'
import { routesOf } from './routes.ts'
import { openWeb, type Web } from './sso/index.ts'
import { createInteractiveAuth } from './uia/engine.ts'
import { flowsFor } from './uia/stages.ts'

/** Every way in and out, as the rest of the server sees it. */
export interface Login {
  readonly routes: readonly Route[]
  /**
   * Fills the port of whoever has requests that must be confirmed (devices, keys). Resolves when this one is; throws the 401 that
   * says what is still to do. `operation` says what is asked for and on what, such as `deleteDevice ABC`.
   */
  confirm(request: { session: Session; ip: string; operation: string; body: JsonObject }): Promise<void>
  /** Access tokens that were made by hand. */
  readonly personalTokens: PersonalTokens
  /** What pages of other folders are made with: who is signed in to them, and how somebody gets to be. */
  readonly web: Web
  /**
   * Opens a session for whom a token of an identity provider speaks for, as a sign-in by it does. `permit` throws for a provider whose
   * tokens are not to be taken. @throws MatrixError
   */
  openByToken(token: string, origin: Origin, wanted: WantedSession, permit: (provider: string) => void): Promise<Opened>
  /** Makes an account, without a session. For the operator: any password will do. Throws M_INVALID_USERNAME, M_EXCLUSIVE, M_USER_IN_USE. */
  createAccount(account: {
    localpart: string
    password: string | null
    admin: boolean
    displayName: string | null
    createdBy: string
  }): Promise<string>
  /** Sets a new password, which ends every session of the user. @throws {MatrixError} M_WEAK_PASSWORD */
  setPassword(user: number, password: string): Promise<void>
  /** What administrators may do beyond. */
  readonly administration: LoginAdministration
  /** Ends tokens of a provider that are access tokens themselves: those of a subject so far, of a session of the provider's, or one. */
  revokeTokens(provider: string, ended: EndedTokens): Promise<void>
}

/**
 * Builds login/.
 * @param cost what hashing a password costs; lowered by tests only
 */
export const openLogin = (deps: LoginDeps, cost?: PasswordCost): Login => {
  const context: LoginParts = {
    ...deps,
    serverName: deps.config.server_name,
    passwords: createPasswords(deps, cost, () => deps.config.imported_password_pepper ?? ''),
    uia: createInteractiveAuth(deps),
    personalTokens: openPersonalTokens(deps),
  }
  const administration = openAdministration(context)
  const { web, routes } = openWeb(context)
  return {
    routes: [...routesOf(context), ...routes],
    web,
    personalTokens: context.personalTokens,
    openByToken: async (token, origin, wanted, permit) => {
      const { identity, arrival } = await context.providers.verifyToken(token, origin)
      permit(identity.provider)
      return context.identities.signIn(identity, arrival, wanted)
    },
    // What an application service does with its own users nobody else could confirm.
    confirm: async (request) => {
      const isReset =
        request.operation === 'replace cross-signing keys' && administration.mayResetKeys(request.session.user)
      if (request.session.appservice === undefined && !isReset)
        await context.uia.confirm({ ...request, flows: await flowsFor(context, request.session) })
    },
    createAccount: async ({ password, localpart, ...more }) => {
      const account = { ...more, localpart: loweredName(localpart) }
      if (password !== null) context.passwords.check(password)
      const passwordHash = password === null ? null : await context.passwords.hash(password)
      return (await register(context, { ...account, passwordHash }, undefined)).userId
    },
    setPassword: async (user, password) => {
      await changePassword(context, user, password, { logout: true })
    },
    administration,
    revokeTokens: (provider, ended) => context.providers.bearer.revoke(provider, ended),
  }
}
