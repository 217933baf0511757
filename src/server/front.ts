// The front of the house: the listener, with every route mounted.
import type { Wires } from '../federation/index.ts'
import { capabilitiesRoute, createHttp, versionsRoute, wellKnownRoutes, type Route } from '../http/index.ts'
import type { Foundations } from './foundations.ts'
import type { People } from './people.ts'
import { keepCertificates, tlsFiles } from './acme.ts'
import { healthRoutes } from './health.ts'
import { capabilities, httpRates, unstableFeatures, wellKnownExtra } from './settings.ts'
import type { SignIn } from './sign-in.ts'

/** Mounts the routes, and listens. */
export async function openFront(
  stack: AsyncDisposableStack,
  ground: Foundations,
  { appservices }: People,
  { sessions }: SignIn,
  routesOfStoreys: readonly Route[],
  wires: Wires | undefined,
) {
  const { config, registrations } = ground
  let isStopping = false
  const routes: Route[] = [
    versionsRoute(unstableFeatures(config)),
    capabilitiesRoute((session) => capabilities(config, session)),
    ...wellKnownRoutes({
      baseUrl: config.public_base_url,
      federation: config.well_known.server,
      extra: wellKnownExtra(config),
      contact: config.admin_contact,
    }),
    ...healthRoutes({ ...ground, isStopping: () => isStopping }),
    ...routesOfStoreys,
  ]
  const http = createHttp({
    ...ground,
    routes,
    log: ground.logger,
    logRequests: config.log.requests,
    authenticate: sessions.authenticate,
    authenticateServer: wires?.authenticate,
    isUnlimited: registrations.length > 0 ? appservices.isUnlimited : undefined,
    tally: ground.metrics?.tally,
    trustedProxies: config.trusted_proxies,
    queryAccessToken: config.query_access_token,
    maxRequestSize: config.max_request_size,
    maxConnections: config.max_connections,
    tls: tlsFiles(config),
    rateLimits: config.rate_limits === 'off' ? 'off' : httpRates(config.rate_limits),
  })
  ground.metrics?.follow({ http })
  sessions.onEnded((ended) => http.recheck(ended))
  // These are the first to go: sleeping requests end, and nothing new comes in while the rest closes.
  stack.defer(() => http.close())
  stack.defer(() => ground.log.close())
  stack.defer(() => void (isStopping = true))
  const urls = await http.listen(config.listen)
  await keepCertificates(stack, ground, http.certificates)
  return { routes, inject: http.inject, urls }
}
