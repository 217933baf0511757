import { createLimiter, type Route } from '../http/index.ts'
import { authorizationRoutes } from './authorize/routes.ts'
import type { SignedInApp } from '../login/index.ts'
import { appsOf } from './clients.ts'
import type { OAuthContext, OAuthDeps } from './deps.ts'
import { deviceRoutes } from './device/routes.ts'
import { introspectionRoute } from './introspection.ts'
import { createKeys } from './keys.ts'
import { metadataRoutes } from './metadata.ts'
import { registrationRoute } from './registration/routes.ts'
import { rendezvousRoutes } from './rendezvous.ts'
import { revocationRoute } from './revocation.ts'
import { deleteSessions, readSession } from './store/sessions.ts'
import { tokenRoute } from './token.ts'
import { userinfoRoutes } from './userinfo.ts'

/** The OAuth 2.0 server, as the rest sees it. */
export interface OAuth {
  readonly routes: readonly Route[]
  /** Fill ports of login/. */
  isSession(device: number): Promise<boolean>
  appsOf(user: number): Promise<ReadonlyMap<number, SignedInApp>>
  /** Takes new signing keys into use. Returns their ids. */
  rotateKeys(): Promise<string[]>
}

const hourMs = 3_600_000

/** Builds oauth/. It is there for a server whose public address can be an issuer. */
export const openOAuth = (deps: OAuthDeps & { readonly publicUrl: string }): OAuth => {
  const { config, now, sessions, devices } = deps
  const perHour = config.oauth.registrations_per_hour
  const context: OAuthContext = {
    ...deps,
    issuer: deps.publicUrl,
    keys: createKeys(deps),
    registrations: createLimiter({ perSecond: (perHour * 1000) / hourMs, burst: perHour, now }),
    deviceCodes: createLimiter({ perSecond: (perHour * 1000) / hourMs, burst: perHour, now }),
    polls: createLimiter({ perSecond: 1 / 5, burst: 1, now }),
  }
  devices.onDelete({ within: (tx, gone) => deleteSessions(tx, gone) })
  // Whoever signs in on a device by another way has a session of that way.
  sessions.onReopen((tx, device) => deleteSessions(tx, [device]))
  return {
    routes: [
      ...metadataRoutes(context),
      registrationRoute(context),
      ...authorizationRoutes(context),
      tokenRoute(context),
      ...deviceRoutes(context),
      revocationRoute(context),
      introspectionRoute(context),
      ...rendezvousRoutes(context),
      ...userinfoRoutes(context),
    ],
    isSession: async (device) => (await readSession(deps.database.read, device)) !== undefined,
    appsOf: (user) => appsOf(context, user),
    rotateKeys: () => context.keys.rotate(),
  }
}
