import { field, formLimit, readForm, Reply, route, type Route } from '../../http/index.ts'
import { Type } from 'typebox'
import { gate } from '../../users/index.ts'
import { choosePage } from '../pages/sso.ts'
import { arrive, arriveAgain, arriveByForm, depart, handOver, providerOf, redirect, signedTarget } from './journey.ts'
import { endSessionsFrom } from './logout.ts'
import { mustBeLegacy } from '../legacy.ts'
import { goByDoor, hasOwnDoor, handOverRoutes } from './hand-over.ts'
import { Problem } from '../../providers/index.ts'
import { passwordOf } from './password.ts'
import { parseRedirect } from './redirect-url.ts'
import { accountAt, browserHash, pageRoute, type PageRequest, show, type Web } from './web.ts'

const targetOf = ({ query }: PageRequest): string => {
  const target = query.getAll('redirectUrl').length === 1 ? parseRedirect(query.get('redirectUrl')) : undefined
  if (!target) throw new Problem('bad_target', 'A client named no target, or one that nobody should be sent to')
  return target.href
}

/** What the specification has clients send people to. */
const clientRoutes = (web: Web): Route[] => [
  /**
   * Sends somebody to the identity provider, or has them choose one.
   * @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3loginssoredirect
   */
  pageRoute(web, {
    id: 'redirectToSSO',
    method: 'GET',
    path: '/_matrix/client/v3/login/sso/redirect',
    handle: async (request) => {
      mustBeLegacy(web.context)
      const target = targetOf(request)
      const [only, ...more] = web.context.providers.browser
      const action = request.query.get('action')
      // Who knows of OAuth 2.0 says what people want to do, and offers them no other way than this.
      if (hasOwnDoor(web) && (!only || action !== null)) return goByDoor(web, request, target, action === 'register')
      if (!only) throw new Problem('not_found', 'There is no identity provider to send anybody to')
      if (more.length === 0) return depart(web, request, only, { to: 'client', target }, false)
      const choices = web.context.providers.browser.map(({ id, name }) => ({
        name,
        href: `${web.base}/_matrix/client/v3/login/sso/redirect/${id}?redirectUrl=${encodeURIComponent(target)}`,
      }))
      return show(web, request, choosePage(request.texts, web.context.serverName, choices))
    },
  }),

  /** Sends somebody to that identity provider. @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3loginssoredirectidpid */
  pageRoute(web, {
    id: 'redirectToIdP',
    method: 'GET',
    path: '/_matrix/client/v3/login/sso/redirect/:idpId',
    handle: (request) => {
      mustBeLegacy(web.context)
      return depart(
        web,
        request,
        providerOf(web, request.params['idpId']),
        { to: 'client', target: targetOf(request) },
        false,
      )
    },
  }),
]

/** What lies between a provider and what somebody came for. */
const wayRoutes = (web: Web): Route[] => [
  /** From the page that says what is to be confirmed, to the provider. */
  pageRoute(web, {
    id: 'ssoConfirm',
    method: 'GET',
    path: '/_latchkey/sso/:provider/confirm',
    handle: (request) => {
      const ticket = web.confirming.open(request.query.get('ticket'))
      if (ticket?.browser !== browserHash(request.browser))
        throw new Problem('lost', 'A confirmation was not begun on its page in this browser')
      return depart(
        web,
        request,
        providerOf(web, request.params['provider']),
        { to: 'confirm', session: ticket.session },
        true,
      )
    },
  }),

  /** Where a provider sends people back to. */
  pageRoute(web, {
    id: 'ssoCallback',
    method: 'GET',
    path: '/_latchkey/sso/:provider/callback',
    handle: (request) => {
      const states = request.query.getAll('state')
      return arrive(web, request, states.length === 1 ? states[0] : undefined)
    },
  }),

  /** Where a provider has browsers send a form to. */
  pageRoute(web, {
    id: 'ssoForm',
    method: 'POST',
    path: '/_latchkey/sso/:provider/callback',
    foreign: true,
    handle: (request) => arriveByForm(web, request),
  }),

  /** From there, to what somebody came for. */
  pageRoute(web, {
    id: 'ssoArrived',
    method: 'GET',
    path: '/_latchkey/sso/:provider/arrived',
    handle: (request) => arriveAgain(web, request),
  }),

  /** What a SAML provider has to know of this server. */
  pageRoute(web, {
    id: 'ssoMetadata',
    method: 'GET',
    path: '/_latchkey/sso/:provider/metadata',
    handle: (request) => {
      const { id, metadata } = providerOf(web, request.params['provider'])
      if (!metadata) throw new Problem('not_found', `The provider ${id} has no metadata`)
      return new Reply({ status: 200, headers: { 'content-type': 'application/samlmetadata+xml' }, body: metadata() })
    },
  }),

  /** From the question whether an app is to get the account, to the app. */
  pageRoute(web, {
    id: 'ssoContinue',
    method: 'GET',
    path: '/_latchkey/sso/continue',
    handle: async (request) => {
      const text = request.query.get('ticket')
      const ticket = web.leaving.open(text)
      const target = ticket && parseRedirect(ticket.target)
      // Another browser uses nothing up.
      if (!target || ticket.browser !== browserHash(request.browser) || !web.leaving.take(text))
        throw new Problem('lost', 'A sign-in was not begun in this browser, too long ago, or has gone on already')
      return redirect(await signedTarget(web, await accountAt(web, ticket.user, gate), ticket.from, target))
    },
  }),

  /** Takes the password of an account that is to be linked, and goes on to the app. */
  pageRoute(web, {
    id: 'ssoProve',
    method: 'POST',
    path: '/_latchkey/sso/prove',
    handle: async (request) => {
      const ticket = web.linking.open(field(request.form, 'ticket'))
      if (ticket?.target === undefined || ticket.browser !== browserHash(request.browser))
        throw new Problem('lost', 'A link was not begun in this browser, or too long ago')
      const owner = await accountAt(web, ticket.user, gate)
      const proven = await passwordOf(web, request, owner.userId)
      if (!web.linking.take(field(request.form, 'ticket'))) throw new Problem('lost', 'The link was made already')
      const account = await web.context.identities.enter(
        ticket.identity,
        {
          ip: request.ip,
          trace: request.trace,
          sid: ticket.sid,
          proven,
        },
        'login',
      )
      return handOver(web, request, account, ticket, ticket.target)
    },
  }),
]

/**
 * Where a provider says that a session of its has ended: by a logout token, or a logout request of SAML.
 * @see https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest
 */
const logoutRoute = (web: Web): Route =>
  route({
    id: 'ssoLogout',
    method: 'POST',
    path: '/_latchkey/sso/:provider/logout',
    auth: 'none',
    limit: 'login',
    rawBody: true,
    bodyLimit: formLimit,
    reply: Type.Object({}),
    handle: async ({ params, body, trace }) => {
      const { logger, providers } = web.context
      const provider = providers.browser.find(({ id }) => id === params['provider'])
      const refuse = (reason: string): Reply => {
        logger.info({ trace, provider: provider?.id, reason }, 'a logout of a provider was refused')
        return new Reply({
          status: 400,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ error: 'invalid_request', error_description: reason }),
        })
      }
      if (!provider?.readLogout || provider.backchannelLogout === 'off')
        return refuse('There is no back-channel logout for this provider')
      try {
        let count = 0
        for (const ended of await provider.readLogout(await readForm(body)))
          count += await endSessionsFrom(web, provider, ended)
        logger.info(
          { trace, provider: provider.id, sessions: count, mode: provider.backchannelLogout },
          'a provider ended sessions',
        )
        return new Reply({ status: 200, headers: { 'content-type': 'application/json' }, body: '{}' })
      } catch (error) {
        if (error instanceof Problem) return refuse(error.message)
        throw error
      }
    },
  })

/** Everything of sign-in by identity providers in a browser. */
export const ssoRoutes = (web: Web): Route[] => [
  ...clientRoutes(web),
  ...handOverRoutes(web),
  ...wayRoutes(web),
  logoutRoute(web),
]
