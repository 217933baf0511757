import type { Route } from '../../http/index.ts'
import { embedRoutes } from '../embed/routes.ts'
import { homeRoutes } from '../home/routes.ts'
import { assetRoutes } from '../pages/page.ts'
import { accountPageRoutes } from './account.ts'
import { clientLoginRoutes } from './client-login.ts'
import { doorRoutes } from './door.ts'
import { enterRoutes } from './enter.ts'
import { ssoRoutes } from './routes.ts'
import { stageRoutes } from './stage-pages.ts'
import { createWeb, type Web, type WebDeps } from './web.ts'

export { door, doorHref } from './door.ts'
export { redirect } from './journey.ts'
export { Problem } from '../../providers/index.ts'
export { type Visitor, visitorOf } from './visitor.ts'
export { browserHash, type Door, formToken, pageRoute, type PageRequest, show, type Web } from './web.ts'

/** Sign-in through a browser, and the account page. */
export const openWeb = (context: WebDeps): { web: Web; routes: Route[] } => {
  const web = createWeb(context)
  const { endings } = context.sessions
  endings.onEnd((isConcerned) => web.visits.endAll(isConcerned))
  context.standing.onEnd(({ provider, subject, sid }) => endings.endFrom(provider, { subject, sid }))
  const routes = [
    ...ssoRoutes(web),
    ...accountPageRoutes(web),
    ...doorRoutes(web),
    ...enterRoutes(web),
    ...stageRoutes(web),
    ...clientLoginRoutes(web),
    ...embedRoutes(web),
    ...homeRoutes(web),
    ...assetRoutes,
  ]
  return { web, routes }
}
