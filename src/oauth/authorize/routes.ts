import { field, type Reply, type Route } from '../../http/index.ts'
import {
  browserHash,
  door,
  doorHref,
  formToken,
  pageRoute,
  type PageRequest,
  Problem,
  redirect,
  show,
  visitorOf,
} from '../../login/index.ts'
import { createSeal, hashToken, makeToken } from '../../sessions/index.ts'
import { type Client, findClient } from '../clients.ts'
import type { OAuthContext } from '../deps.ts'
import { OAuthError } from '../error.ts'
import { consentPage } from '../pages/consent.ts'
import { textsFor } from '../pages/texts.ts'
import { parseScope } from '../scope.ts'
import { addCode } from '../store/codes.ts'
import {
  type AuthorizationRequest,
  answerTo,
  formTarget,
  readRequest,
  readReturn,
  type ReturnTo,
  type Wishes,
} from './request.ts'

/** How long somebody has to sign in and to agree, in ms. */
const requestMs = 30 * 60_000
/** How long a client has to exchange its code, in ms. */
const codeMs = 60_000

/** Somebody who is asked whether an app is to get their account. */
interface Asked {
  readonly request: AuthorizationRequest
  readonly user: number
  /** The visit that they signed in with. */
  readonly visit: string
}

/** Where browsers go, from a client's request to the client's code. */
export const authorizationRoutes = (context: OAuthContext): Route[] => {
  const { web } = context.login
  const requests = createSeal<AuthorizationRequest>(web.sealing, 'oauth request', requestMs)
  const asking = createSeal<Asked>(web.sealing, 'oauth consent', requestMs)

  /** @throws Problem where nobody can be sent back: to whom is not known, or not to be trusted */
  const clientOf = async ({ clientId, redirectUri }: ReturnTo & { clientId: string | undefined }): Promise<Client> => {
    const client = clientId === undefined ? undefined : await findClient(context, clientId)
    if (!client) throw new Problem('unknown_app', 'An authorization request comes of a client that is not known')
    if (redirectUri === '' || !client.returnsTo(redirectUri))
      throw new Problem('bad_target', `The client ${client.id} named a redirect URI that is not one of its own`)
    return client
  }

  const refuse = (to: ReturnTo, error: OAuthError, page: PageRequest): Reply => {
    context.logger.info(
      { trace: page.trace, code: error.code, reason: error.message },
      'an authorization request was refused',
    )
    return redirect(
      answerTo(to, context.issuer, { error: error.code, error_description: error.message }),
      undefined,
      303,
    )
  }

  /** Gives the code to the client: it stands for this user, this request, and whatever they came of. */
  const grant = async (page: PageRequest, { request, user }: Pick<Asked, 'request' | 'user'>): Promise<Reply> => {
    const visitor = await visitorOf(web, page)
    if (visitor?.visit.user !== user) throw new Problem('lost', 'Whoever was asked has left')
    const [code, now] = [makeToken('code', context.randomId), context.now()]
    const { from, since } = visitor.visit
    await context.database.write(async (tx) => {
      if (!web.visits.find(web.visitor.read(page.headers))) throw new Problem('lost', 'The visit has ended')
      await addCode(
        tx,
        {
          code_hash: hashToken(code),
          client_id: request.clientId,
          redirect_uri: request.redirectUri,
          challenge: request.challenge,
          scope: request.scope,
          nonce: request.nonce ?? null,
          user_nid: user,
          auth_ts: since,
          provider: from?.people ?? null,
          subject: from?.subject ?? null,
          sid: from?.sid ?? null,
          session_until: from?.until ?? null,
          expires_ts: now + codeMs,
        },
        now,
      )
    })
    context.logger.info(
      { trace: page.trace, client: request.clientId, user: visitor.account.userId },
      'somebody let an app in',
    )
    return redirect(answerTo(request, context.issuer, { code }), undefined, 303)
  }

  /** Signs somebody in, asks them, or goes on at once. */
  const proceed = async (page: PageRequest, request: AuthorizationRequest, client: Client, wishes: Wishes) => {
    const visitor = await visitorOf(web, page)
    const isIn = visitor !== undefined && visitor.visit.since >= request.since
    if (wishes.silent && !isIn)
      return refuse(request, new OAuthError('login_required', 'The user has to sign in'), page)
    const onwards = `/oauth2/continue?request=${requests.seal(request)}`
    if (!isIn)
      return door(
        web,
        page,
        {
          onwards,
          title: textsFor(page.texts).signIn(client.name),
          fresh: request.since > 0,
          hint: wishes.hint,
          formTo: formTarget(request.redirectUri),
        },
        wishes.create,
      )
    const { account, visit } = visitor
    if (client.own?.consent === 'skip') return grant(page, { request, user: account.nid })
    if (wishes.silent) return refuse(request, new OAuthError('consent_required', 'The user has to be asked'), page)
    const { deviceId } = parseScope(request.scope)
    const [taken] = (await context.devices.list(account.nid)).filter((device) => device.deviceId === deviceId)
    return show(web, page, {
      ...consentPage(textsFor(page.texts), {
        action: `${web.base}/oauth2/consent`,
        token: formToken(page.browser),
        ticket: asking.seal({ request, user: account.nid, visit: visit.id }),
        client,
        userId: account.userId,
        displayName: account.displayName ?? undefined,
        deviceId,
        replaces: taken && (taken.displayName ?? taken.deviceId),
        target: request.redirectUri,
        another: doorHref(web, { onwards, fresh: true, formTo: formTarget(request.redirectUri) }),
      }),
      formTo: formTarget(request.redirectUri),
      cookie: web.browser.write(page.browser),
    })
  }

  /** A request that was begun in this browser. @throws Problem */
  const mustBeOf = (page: PageRequest, request: AuthorizationRequest | undefined): AuthorizationRequest => {
    if (!request || request.browser !== browserHash(page.browser))
      throw new Problem('lost', 'An authorization request was not begun in this browser, or too long ago')
    return request
  }

  return [
    /** Where clients send people. @see https://datatracker.ietf.org/doc/html/rfc6749#section-3.1 */
    pageRoute(web, {
      id: 'oauthAuthorize',
      method: 'GET',
      path: '/oauth2/authorize',
      handle: async (page) => {
        const to = readReturn(page.query)
        const client = await clientOf(to)
        try {
          const { request, wishes } = readRequest(page.query, client, {
            now: context.now(),
            browser: browserHash(page.browser),
          })
          return await proceed(page, request, client, wishes)
        } catch (error) {
          if (error instanceof OAuthError) return refuse(to, error, page)
          throw error
        }
      },
    }),

    /** From signing in to being asked. */
    pageRoute(web, {
      id: 'oauthContinue',
      method: 'GET',
      path: '/oauth2/continue',
      handle: async (page) => {
        const request = mustBeOf(page, requests.open(page.query.get('request')))
        return proceed(page, request, await clientOf(request), { silent: false, create: false, hint: undefined })
      },
    }),

    /** What somebody has answered. */
    pageRoute(web, {
      id: 'oauthConsent',
      method: 'POST',
      path: '/oauth2/consent',
      handle: async (page) => {
        const asked = asking.open(field(page.form, 'ticket'))
        const request = mustBeOf(page, asked?.request)
        await clientOf(request)
        if (!asked) throw new Problem('lost', 'Nobody was asked')
        if (field(page.form, 'answer') !== 'allow')
          return refuse(request, new OAuthError('access_denied', 'The user has said no'), page)
        const visitor = await visitorOf(web, page)
        if (visitor?.visit.id !== asked.visit) throw new Problem('lost', 'Somebody else has signed in meanwhile')
        return grant(page, asked)
      },
    }),
  ]
}
