import { field, type Reply, type Route } from '../../http/index.ts'
import { type Account, gate } from '../../users/index.ts'
import { enterPage } from '../pages/account.ts'
import { redirect } from './journey.ts'
import { Problem } from '../../providers/index.ts'
import type { Visit } from './visits.ts'
import { accountAt, browserHash, formToken, pageRoute, type PageRequest, show, type Web } from './web.ts'

/**
 * Asks somebody whom an app has sent whether they want to be on the account page of this user. Whoever makes a link, or a form, could
 * have others enter as somebody they are not, and then link their sign-in to that account: so nobody is let in without seeing the name.
 */
const ask = (web: Web, request: PageRequest, account: Account, from: Visit['from'], since = 0): Reply => {
  const ticket = web.entering.seal({ user: account.nid, since, from, browser: browserHash(request.browser) })
  const view = enterPage(request.texts, {
    at: `${web.base}/account`,
    token: formToken(request.browser),
    ticket,
    userId: account.userId,
  })
  return show(web, request, { ...view, cookie: web.browser.write(request.browser) })
}

/** Ways to the account page from an app that is signed in already, for people who have no sign-in of their own in the browser. */
export const enterRoutes = (web: Web): Route[] => [
  /** By a link with a login token, which the app gets by `get_token`: good once, for two minutes. */
  pageRoute(web, {
    id: 'accountEnter',
    method: 'GET',
    path: '/account/enter',
    handle: async (request) => {
      const { loginTokens, failures } = web.context.sessions
      const taken = await loginTokens.take(request.query.get('loginToken') ?? '')
      if (!taken) {
        failures.badToken(request.ip)
        throw new Problem('lost', 'A login token is not valid, was used, or has run out')
      }
      return ask(
        web,
        request,
        await accountAt(web, taken.user, gate),
        taken.from && { ...taken.from, people: taken.from.provider, until: taken.until },
        taken.since,
      )
    },
  }),

  /** By a form of the app, whose field `token` is a JWT as for a sign-in. */
  pageRoute(web, {
    id: 'accountEnterByToken',
    method: 'POST',
    path: '/account/enter',
    foreign: true,
    handle: async (request) => {
      const { identity, arrival } = await web.context.providers.verifyToken(field(request.form, 'token'), {
        ip: request.ip,
        trace: request.trace,
      })
      const account = await web.context.identities.enter(identity, arrival, 'login')
      const { people, capped } = web.context.identities.policyFor(identity.provider)
      const { provider, subject } = identity
      const until = capped ? arrival.expires : undefined
      // A token that says when it was made shows that its user was there then.
      const issued = identity.claims['iat']
      const since = typeof issued === 'number' ? Math.min(web.context.now(), issued * 1000) : 0
      return ask(web, request, account, { provider, people, subject, sid: arrival.sid, until }, since)
    },
  }),

  /** From the question to the page. */
  pageRoute(web, {
    id: 'accountEntered',
    method: 'POST',
    path: '/account/entered',
    handle: async (request) => {
      const ticket = web.entering.open(field(request.form, 'ticket'))
      if (ticket?.browser !== browserHash(request.browser) || !web.entering.take(field(request.form, 'ticket')))
        throw new Problem('lost', 'Nobody was asked in this browser, or too long ago')
      await accountAt(web, ticket.user, gate)
      return redirect(
        `${web.base}/account`,
        web.visitor.write(web.visits.begin({ user: ticket.user, since: ticket.since, from: ticket.from })),
      )
    },
  }),
]
