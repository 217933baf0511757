import { ConfigError } from '../config/index.ts'
import type { Route, Session } from '../http/index.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Opened, WantedSession } from '../sessions/index.ts'
import { deactivate, register } from './accounts.ts'
import { type LoginAdministration, openAdministration } from './administration.ts'
import { type Origin, verifyJwtCredential } from './credentials.ts'
import type { LoginContext, LoginDeps } from './deps.ts'
import { type Bearer, createBearer, type EndedTokens, openRevocations } from './bearer/index.ts'
import {
  createFollowUps,
  type Imported,
  importLinks,
  type Link,
  link,
  linksOf,
  lockOf,
  type Named,
  policiesOf,
  signIn,
  takeLock,
  unlink,
} from '../identity/index.ts'
import { jwtProviders, keepKeys, openKeyring, readKeptKeys } from './jwt/index.ts'
import { ldapChecks, openDirectories, startPolls } from './ldap/index.ts'
import { createPasswords, type PasswordCost } from './password.ts'
import { routesOf } from './routes.ts'
import { samlChecks } from './saml/index.ts'
import { scimChecks } from '../identity/scim/index.ts'
import { openWeb, ssoProviders, type Web } from './sso/index.ts'
import { createStanding, introspector, type Standing } from '../identity/standing/index.ts'
import { createInteractiveAuth } from './uia/engine.ts'
import { flowsFor } from './uia/stages.ts'

/** Who people are at the identity providers, for the operator: no proof is asked for. */
export interface Links {
  /** In the order in which they were linked. */
  of(user: number): Promise<Link[]>
  /** @throws MatrixError M_USER_IN_USE when it is linked to another account; M_INVALID_PARAM for a provider that is not configured */
  add(user: number, named: Named): Promise<void>
  /** Sessions that came of it end. @throws MatrixError M_NOT_FOUND */
  remove(user: number, named: Named): Promise<void>
  /** Each for itself. `user` is a localpart, `line` says which one it is in what is answered. */
  import(wanted: readonly (Named & { line: number; user: string })[]): Promise<Imported>
}

/** Every way in and out, as the rest of the server sees it. */
export interface Login extends AsyncDisposable {
  readonly routes: readonly Route[]
  /** Fill ports of sessions/. */
  readonly bearer: Bearer
  readonly standing: Standing
  /**
   * Fills the port of whoever has requests that must be confirmed (devices, keys). Resolves when this one is; throws the 401 that
   * says what is still to do. `operation` says what is asked for and on what, such as `deleteDevice ABC`.
   */
  confirm(request: { session: Session; ip: string; operation: string; body: JsonObject }): Promise<void>
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
  /** Ends an account for good, and every session of it. */
  deactivate(user: number, erase: boolean): Promise<void>
  /** What administrators may do beyond. */
  readonly administration: LoginAdministration
  /** Who people are at the identity providers, for the operator. */
  readonly links: Links
  /** Fills the port of users/: the name of the provider that alone says what a field of the profile is; undefined where the user does. */
  lockedBy(user: number, field: 'displayname' | 'avatar_url'): Promise<string | undefined>
  /** Fills the port of admin/: a lock that providers have put on an account is no longer theirs to take away. */
  takeLock(user: number): Promise<void>
  /** Ends tokens of a provider that are access tokens themselves: those of a subject so far, of a session of the provider's, or one. */
  revokeTokens(provider: string, ended: EndedTokens): Promise<void>
  /** Resolves when nothing is under way that sign-ins have set going. */
  settled(): Promise<void>
}

/**
 * Builds login/. Throws a ConfigError when the keys that tokens are verified with are weak or confused.
 * @param cost what hashing a password costs; lowered by tests only
 */
export const openLogin = async (deps: LoginDeps, cost?: PasswordCost): Promise<Login> => {
  const { providers, findings: ofKeys } = jwtProviders(deps.config)
  const { policies, findings: ofPeople } = policiesOf(deps.config)
  const findings = [...ofKeys, ...ofPeople, ...samlChecks(deps.config)]
  findings.push(...ldapChecks(deps.config), ...scimChecks(deps.config))
  if (findings.some(({ level }) => level === 'error')) throw new ConfigError(findings)
  for (const { key, message, fix } of findings) deps.logger.warn({ key }, `${message} ${fix ?? ''}`)
  const keyring = openKeyring(
    { ...deps, kept: await readKeptKeys(deps.database), keep: keepKeys(deps.database) },
    providers,
  )
  const stopping = new AbortController()
  const context: LoginContext = {
    signal: stopping.signal,
    ...deps,
    serverName: deps.config.server_name,
    keyring,
    policies,
    directories: openDirectories(deps.config, policies, deps),
    sso: await ssoProviders(deps.config, deps),
    passwords: createPasswords(deps, cost),
    uia: createInteractiveAuth(deps),
    followUp: createFollowUps((error) => deps.logger.warn({ err: error }, 'what follows a sign-in failed')),
    // It needs all the others, and is asked only when all are there.
    get bearer() {
      return bearer
    },
    get standing() {
      return standing
    },
  }
  const bearer = createBearer(context, await openRevocations(deps.database, deps.now))
  const standing = createStanding(context, [
    ...context.sso.flatMap(({ asker }) => asker ?? []),
    ...deps.config.identity_providers.flatMap((entry) =>
      entry.type === 'jwt' ? (introspector(entry, deps) ?? []) : [],
    ),
  ])
  const administration = openAdministration(context)
  if (deps.jobs && context.directories.length > 0) await startPolls(context, deps.jobs)
  const { web, routes } = openWeb(context)
  return {
    routes: [...routesOf(context), ...routes],
    web,
    openByToken: async (token, origin, wanted, permit) => {
      const { identity, arrival } = await verifyJwtCredential(context, token, origin)
      permit(identity.provider)
      return signIn(context, identity, arrival, wanted)
    },
    bearer,
    standing,
    // What an application service does with its own users nobody else could confirm.
    confirm: async (request) => {
      const isReset =
        request.operation === 'replace cross-signing keys' && administration.mayResetKeys(request.session.user)
      if (request.session.appservice === undefined && !isReset)
        await context.uia.confirm({ ...request, flows: await flowsFor(context, request.session) })
    },
    createAccount: async ({ password, ...account }) => {
      if (password !== null) context.passwords.check(password)
      const passwordHash = password === null ? null : await context.passwords.hash(password)
      return (await register(context, { ...account, passwordHash }, undefined)).userId
    },
    setPassword: async (user, password) => {
      context.passwords.check(password)
      await context.users.setPassword(user, await context.passwords.hash(password))
      await context.sessions.endAll(user)
    },
    deactivate: (user, erase) => deactivate(context, user, erase),
    administration,
    links: {
      of: (user) => linksOf(context, user),
      add: (user, named) => link(context, named, user, 'operator'),
      remove: (user, named) => unlink(context, named, user, 'operator'),
      import: (wanted) => importLinks(context, wanted),
    },
    lockedBy: async (user, field) =>
      (await lockOf(context, user, field === 'displayname' ? 'display_name' : 'avatar'))?.name,
    takeLock: (user) => takeLock(context, user),
    revokeTokens: (provider, ended) => context.bearer.revoke(provider, ended),
    settled: () => context.followUp.settled(),
    [Symbol.asyncDispose]: async () => {
      keyring[Symbol.dispose]()
      stopping.abort()
      await context.followUp.settled()
    },
  }
}
