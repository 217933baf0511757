import type { Reply, Route } from '../../http/index.ts'
import { oauthIssuer } from '../../config/index.ts'
import { gate } from '../../users/index.ts'
import { takesPasswords } from '../password/credentials.ts'
import { continuePage } from '../pages/sso.ts'
import { door } from './door.ts'
import { appOf, redirect, signedTarget, trustedClients } from './journey.ts'
import { Problem } from '../../providers/index.ts'
import { isTrusted, parseRedirect } from './redirect-url.ts'
import { mustBeIn } from './visitor.ts'
import { browserHash, pageRoute, type PageRequest, show, type Web } from './web.ts'

/** Whether people have more ways to sign in on a page here than those of identity providers. */
export const hasOwnDoor = ({ context, canRegister }: Web): boolean =>
  oauthIssuer(context.config) !== undefined && (takesPasswords(context) || canRegister)

/** Has somebody sign in by any way there is, and go on to a client with a login token. */
export const goByDoor = (web: Web, request: PageRequest, target: string, create: boolean): Reply => {
  const ticket = web.handingOver.seal({ target, browser: browserHash(request.browser) })
  return door(web, request, { onwards: `/_latchkey/sso/hand-over?ticket=${ticket}` }, create)
}

/** From the door to the client. */
export const handOverRoutes = (web: Web): Route[] => [
  pageRoute(web, {
    id: 'ssoHandOver',
    method: 'GET',
    path: '/_latchkey/sso/hand-over',
    handle: async (request) => {
      const ticket = web.handingOver.open(request.query.get('ticket'))
      const target = ticket && parseRedirect(ticket.target)
      if (!target || ticket.browser !== browserHash(request.browser))
        throw new Problem('lost', 'A sign-in was not begun in this browser, or too long ago')
      const { account, visit } = await mustBeIn(web, request)
      gate(account, 'login')
      const from = visit.from && { ...visit.from, provider: visit.from.people }
      // It is a link that is followed: a form may have led here, and no form may end on another site.
      const leaving = web.leaving.seal({ user: account.nid, target: target.href, from, browser: ticket.browser })
      if (visit.from && isTrusted(target, trustedClients(web)) && web.handingOver.take(request.query.get('ticket')))
        return redirect(await signedTarget(web, account, from, target))
      return show(
        web,
        request,
        continuePage(request.texts, {
          app: appOf(target),
          userId: account.userId,
          href: `${web.base}/_latchkey/sso/continue?ticket=${leaving}`,
          back: `${web.base}/`,
        }),
      )
    },
  }),
]
