import { field, type Reply, type Route } from '../../http/index.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { Problem } from '../../providers/index.ts'
import { mustBeLegacy } from '../legacy.ts'
import { loggedInPage, loginAsPage, loginPage } from '../pages/fallback.ts'
import { takesPasswords } from '../password/credentials.ts'
import { sessionReply } from '../routes/login.ts'
import { signInBy } from '../sign-in.ts'
import { jwtStageType } from '../uia/stages.ts'
import { isWrong, showStage } from './stage-pages.ts'
import { browserHash, type ClientLogin, formToken, pageRoute, type PageRequest, show, type Web } from './web.ts'

const path = '/_matrix/static/client/login/'
const longest = 512

const clientIn = (query: URLSearchParams): ClientLogin => {
  const [deviceId, displayName] = [query.get('device_id'), query.get('initial_device_display_name')]
  if ((deviceId ?? '').length > longest || (displayName ?? '').length > longest)
    throw new Problem('bad_request', 'A client names a device in more than 512 characters')
  return {
    deviceId: deviceId ?? undefined,
    displayName: displayName ?? undefined,
    refresh: query.get('refresh_token') === 'true',
  }
}

const formFor = (web: Web, request: PageRequest, client: ClientLogin, jwt?: string) => ({
  action: `${web.base}${path}`,
  token: formToken(request.browser),
  ticket: web.clientLogins.seal({ ...client, browser: browserHash(request.browser), jwt }),
})

const ask = (web: Web, request: PageRequest, client: ClientLogin, problem = false): Reply => {
  const { context, base, publicUrl = '' } = web
  const form = formFor(web, request, client)
  const back = encodeURIComponent(`${publicUrl}${path}?ticket=${form.ticket}`)
  const trip = web.tokenTrips.seal({ to: 'login', ...client })
  const view = loginPage(request.texts, {
    server: context.serverName,
    problem,
    choices: [
      ...context.providers.tokenPages.map(({ name, href }) => ({ name, href: `${href}?matrix_session=${trip}` })),
      ...context.providers.browser.map(({ id, name }) => ({
        name,
        href: `${base}/_matrix/client/v3/login/sso/redirect/${id}?redirectUrl=${back}`,
      })),
    ],
    form,
    takesPasswords: takesPasswords(context),
    takesTokens: context.providers.takesTokens,
  })
  return show(web, request, { ...view, status: problem ? 400 : 200, cookie: web.browser.write(request.browser) })
}

/** Opens the session, and hands it to the client whose web view this is; what is wrong is asked for again. */
const signIn = async (
  web: Web,
  request: PageRequest,
  sealed: string | null | undefined,
  credential: (jwt: string | undefined) => JsonObject & { type: string },
): Promise<Reply> => {
  const client = web.clientLogins.open(sealed)
  if (client?.browser !== browserHash(request.browser))
    throw new Problem('lost', 'A sign-in was not begun in this browser, or too long ago')
  // A token that was brought along is asked for once. What somebody types they may type again.
  if (client.jwt !== undefined && !web.clientLogins.take(sealed)) throw new Problem('lost', 'The sign-in has gone on')
  const body = credential(client.jwt)
  const { ip, trace, userAgent } = request
  try {
    const { deviceId, displayName, refresh = false } = client
    const wanted = { deviceId, displayName, refresh, ip, userAgent }
    const opened = await signInBy(web.context, body.type, body, { ip, trace }, wanted)
    return show(web, request, loggedInPage(request.texts, opened.userId, sessionReply(web.context, opened)))
  } catch (error) {
    if (!isWrong(error) || (error.errcode !== 'M_FORBIDDEN' && error.errcode !== 'M_INVALID_USERNAME')) throw error
    return ask(web, request, client, true)
  }
}

const credentialIn = (form: URLSearchParams, jwt: string | undefined): JsonObject & { type: string } => {
  const token = jwt ?? field(form, 'jwt')
  if (token !== undefined) return { type: jwtStageType, token: token.trim() }
  const user = field(form, 'user')?.trim() ?? ''
  return { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password: field(form, 'password') ?? '' }
}

/** Somebody comes back from a page of the operator with a token. Whoever makes a form could send others here: nothing is done before they have said so. */
const comeByToken = async (web: Web, request: PageRequest): Promise<Reply> => {
  const { context } = web
  const trip = web.tokenTrips.open(field(request.form, 'matrix_session'))
  if (!trip) throw new Problem('lost', 'A token came for nothing that was begun here lately')
  const jwt = field(request.form, 'token') ?? ''
  const { identity } = await context.providers.verifyToken(jwt, { ip: request.ip, trace: request.trace })
  const account = await context.identities.accountOf(identity)
  if (trip.to === 'confirm') {
    const { session } = trip
    if (!account || account.nid !== context.uia.waiting(session, jwtStageType)?.user)
      throw new Problem('other_person', 'A token of somebody else came back to confirm')
    return showStage(web, request, { stage: jwtStageType, session }, { jwt })
  }
  mustBeLegacy(context)
  const view = loginAsPage(request.texts, formFor(web, request, trip, jwt), account?.userId ?? identity.subject)
  return show(web, request, { ...view, cookie: web.browser.write(request.browser) })
}

/**
 * The sign-in of clients that know no way by themselves.
 * @see https://spec.matrix.org/v1.19/client-server-api/#login-fallback
 */
export const clientLoginRoutes = (web: Web): Route[] => [
  pageRoute(web, {
    id: 'loginFallback',
    method: 'GET',
    path,
    paths: ['/_matrix/static/client/login'],
    handle: (request) => {
      mustBeLegacy(web.context)
      const token = request.query.get('loginToken')
      return token === null
        ? ask(web, request, clientIn(request.query))
        : signIn(web, request, request.query.get('ticket'), () => ({ type: 'm.login.token', token }))
    },
  }),

  pageRoute(web, {
    id: 'loginFallbackForm',
    method: 'POST',
    path,
    handle: (request) => {
      mustBeLegacy(web.context)
      return signIn(web, request, field(request.form, 'ticket'), (jwt) => credentialIn(request.form, jwt))
    },
  }),

  /** Where a page of the operator sends people back to, by a form with a token. */
  pageRoute(web, {
    id: 'tokenArrived',
    method: 'POST',
    path: '/_latchkey/token',
    foreign: true,
    handle: (request) => comeByToken(web, request),
  }),
]
