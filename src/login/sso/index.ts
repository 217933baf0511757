import type { Config } from '../../config/index.ts'
import type { Route } from '../../http/index.ts'
import type { LoginContext, LoginDeps } from '../deps.ts'
import { embedRoutes } from '../embed/routes.ts'
import { samlProvider, useOnceIn } from '../../providers/saml/index.ts'
import { assetRoutes } from '../pages/page.ts'
import { accountPageRoutes } from './account.ts'
import { doorRoutes } from './door.ts'
import { enterRoutes } from './enter.ts'
import { casProvider } from '../../providers/cas/cas.ts'
import type { SsoProvider } from '../../providers/browser.ts'
import { ssoRoutes } from './routes.ts'
import { createWeb, type Web } from './web.ts'

export { door, doorHref } from './door.ts'
export { redirect } from './journey.ts'
export { Problem } from '../../providers/problem.ts'
export type { SsoProvider } from '../../providers/browser.ts'
export { type Visitor, visitorOf } from './visitor.ts'
export { browserHash, type Door, formToken, pageRoute, type PageRequest, show, type Web } from './web.ts'

type ProviderDeps = Pick<LoginDeps, 'outgoing' | 'now' | 'randomId' | 'database'>

const providerOf = async (
  config: Pick<Config, 'public_base_url'>,
  entry: Config['identity_providers'][number],
  deps: ProviderDeps,
): Promise<SsoProvider | undefined> => {
  const callback = `${config.public_base_url ?? ''}/_latchkey/sso/${entry.id}/callback`
  const { outgoing, now, randomId, database } = deps
  switch (entry.type) {
    // Who has no such provider is up without its libraries.
    case 'oidc':
      return (await import('../../providers/oidc/oidc.ts')).oidcProvider(entry, { outgoing, now, callback })
    case 'cas':
      return casProvider(entry, { outgoing, now, callback })
    case 'saml':
      return samlProvider(entry, { outgoing, now, randomId, callback, useOnce: useOnceIn(database, now, entry.id) })
    default:
      return undefined
  }
}

/** The providers of the configuration that people are sent to with their browser. */
export const ssoProviders = async (
  config: Pick<Config, 'identity_providers' | 'public_base_url'>,
  deps: ProviderDeps,
): Promise<SsoProvider[]> =>
  (await Promise.all(config.identity_providers.map((entry) => providerOf(config, entry, deps)))).filter(
    (provider) => provider !== undefined,
  )

/** Sign-in through a browser, and the account page. */
export const openWeb = (context: LoginContext): { web: Web; routes: Route[] } => {
  const web = createWeb(context)
  context.standing.onEnd(({ provider, subject, sid }) => {
    for (const { id, people } of context.identities.policies.values())
      if (people === provider) web.visits.endFrom(id, { subject, sid })
  })
  const routes = [
    ...ssoRoutes(web),
    ...accountPageRoutes(web),
    ...doorRoutes(web),
    ...enterRoutes(web),
    ...embedRoutes(web),
    ...assetRoutes,
  ]
  return { web, routes }
}
