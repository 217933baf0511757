import { field, Reply, type Route } from '../../http/index.ts'
import { madeTokenPage, newTokenPage, tokenDays } from '../pages/tokens.ts'
import { freshVisitor } from './actions.ts'
import { Problem } from '../../providers/index.ts'
import { formToken, pageRoute, show, type Web } from './web.ts'

const dayMs = 86_400_000

/** Where people make access tokens for bots and scripts: having just signed in, since a token outlives the sign-in. */
export const tokenRoutes = (web: Web): Route[] => [
  pageRoute(web, {
    id: 'accountToken',
    method: 'GET',
    path: '/account/tokens',
    handle: async (request) => {
      const visitor = await freshVisitor(web, request, '/account/tokens')
      if (visitor instanceof Reply) return visitor
      const view = newTokenPage(request.texts, { at: `${web.base}/account`, token: formToken(request.browser) })
      return show(web, request, { ...view, cookie: web.browser.write(request.browser) })
    },
  }),

  pageRoute(web, {
    id: 'accountTokenMade',
    method: 'POST',
    path: '/account/tokens',
    handle: async (request) => {
      const visitor = await freshVisitor(web, request, '/account/tokens')
      if (visitor instanceof Reply) return visitor
      const days = Number(field(request.form, 'days'))
      if (!tokenDays.includes(days)) throw new Problem('bad_request', 'The form names no end that there is')
      const { now, personalTokens } = web.context
      const made = await personalTokens.create({
        user: visitor.account.nid,
        name: field(request.form, 'name') ?? '',
        expires: days === 0 ? undefined : now() + days * dayMs,
        ip: request.ip,
      })
      return show(
        web,
        request,
        madeTokenPage(request.texts, { at: `${web.base}/account`, name: made.name, secret: made.token }),
      )
    },
  }),
]
