// Fourth storey: who is signed in, and the ways in and out.
import { Readable } from 'node:stream'
import { openSignIns } from '../admin/index.ts'
import { type Config, ConfigError, oauthIssuer } from '../config/index.ts'
import { identityChecks, type IdentityDeps, openIdentities, openStanding } from '../identity/index.ts'
import {
  type Login,
  type LoginDeps,
  openIdRoutes,
  openLogin,
  type PasswordCost,
  type SignedInApp,
} from '../login/index.ts'
import { upload } from '../media/index.ts'
import type { OAuth } from '../oauth/index.ts'
import { openProviders, providerFindings, type ProvidersDeps } from '../providers/index.ts'
import { openSessions, type SessionsDeps } from '../sessions/index.ts'
import type { Foundations } from './foundations.ts'
import type { People } from './people.ts'
import type { RoomStorey } from './rooms.ts'

export type SignIn = Awaited<ReturnType<typeof openSignIn>>

/** What the folders of signing in are given from elsewhere: what they need of each other they get here. */
export type WaysInDeps = Omit<SessionsDeps, 'bearer' | 'standing'> &
  Omit<IdentityDeps, 'sessions' | 'standing'> &
  Omit<ProvidersDeps, 'sessions' | 'identities'> &
  Omit<LoginDeps, 'sessions' | 'identities' | 'providers' | 'standing' | 'isOAuthSession' | 'appsOf'> & {
    readonly config: Pick<Config, 'oauth'>
  }

/** @throws {ConfigError} for settings that keep the server from starting; what the operator should know besides is said once */
function checkSettings({
  config,
  logger,
  now,
}: {
  config: Pick<Config, 'jwt_config' | 'identity_providers'>
  logger: WaysInDeps['logger']
  now: () => number
}): void {
  const findings = [...providerFindings(config, now()), ...identityChecks(config)]
  if (findings.some(({ level }) => level === 'error')) throw new ConfigError(findings)
  for (const { key, message, fix } of findings) logger.warn({ key }, `${message} ${fix ?? ''}`)
}

/**
 * Opens the folders of signing in, and fills the ports between them.
 * @param cost what hashing a password costs; lowered by tests only
 * @throws {ConfigError} for keys, rules or settings of providers that cannot be used
 */
export async function openWaysIn(stack: AsyncDisposableStack, deps: WaysInDeps, cost?: PasswordCost) {
  checkSettings(deps)
  const sessions = await openSessions({ ...deps, bearer: () => providers.bearer, standing: () => standing })
  const identities = stack.use(openIdentities({ ...deps, sessions, standing: () => standing }))
  const providers = stack.use(await openProviders({ ...deps, sessions, identities }))
  const { policies } = identities
  const { askers, bearer } = providers
  const standing = openStanding({ ...deps, policies, sessions, bearer }, askers)
  const login: Login = openLogin(
    {
      ...deps,
      sessions,
      identities,
      providers,
      standing,
      isOAuthSession: async (device) => (await oauth?.isSession(device)) ?? false,
      appsOf: async (user) => (await oauth?.appsOf(user)) ?? new Map<number, SignedInApp>(),
    },
    cost,
  )
  const { oauth: settings } = deps.config
  const publicUrl = oauthIssuer(deps.config)
  // Who does without it is up without its code.
  const oauth: OAuth | undefined =
    settings !== 'off' && publicUrl !== undefined
      ? (await import('../oauth/index.ts')).openOAuth({
          ...deps,
          sessions,
          login,
          publicUrl,
          config: { ...deps.config, oauth: settings },
        })
      : undefined
  const routes = [...sessions.routes, ...login.routes, ...identities.routes, ...(oauth?.routes ?? [])]
  return { sessions, identities, providers, login, oauth, routes }
}

/** Opens sign-in. */
export async function openSignIn(
  stack: AsyncDisposableStack,
  ground: Foundations,
  { users, devices, appservices, mail }: People,
  { media, placements }: RoomStorey,
) {
  const signIns = openSignIns(ground.now)
  const services = ground.registrations.length > 0 ? appservices : undefined
  const { routes, ...waysIn } = await openWaysIn(stack, {
    ...ground,
    users,
    devices,
    mail,
    isExclusive: (userId) => appservices.keepsUser(userId),
    appservices: services,
    services,
    count: (attempt) => {
      signIns.note(attempt)
      ground.metrics?.signIn(attempt)
    },
    people: {
      savePicture: ({ nid }, { bytes, type }) =>
        upload(
          media.context,
          { user: nid },
          { body: Readable.from([bytes]), type, filename: undefined, length: bytes.length },
        ),
      showPicture: (mediaId, signal) =>
        media.forServers.thumbnail(mediaId, { width: 96, height: 96, method: 'crop', animated: false }, 0, signal),
      enterRoom: (user, room, power) => placements.enter(user, room, power),
      leaveRoom: (user, roomId, change) => placements.leave(user, roomId, change),
    },
  })
  return { ...waysIn, signIns, routes: [...routes, ...openIdRoutes({ ...ground, users })] }
}
