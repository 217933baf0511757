import { field, type Reply, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { Problem } from '../../providers/index.ts'
import { requestValidation } from '../mail/index.ts'
import { passwordField, plainField, stagePage } from '../pages/fallback.ts'
import { html, type Content } from '../pages/html.ts'
import { type Choice, confirmedPage } from '../pages/sso.ts'
import type { Texts } from '../pages/texts.ts'
import { emailStageType, jwtStageType, ssoStageType } from '../uia/stages.ts'
import type { Waiting } from '../uia/engine.ts'
import { redirect } from './journey.ts'
import { browserHash, formToken, pageRoute, type PageRequest, show, type Web } from './web.ts'

/** A form that was sent: the stage that it passes, and what somebody has brought to it. */
type Proving = NonNullable<ReturnType<Web['proving']['open']>>
/** What is known besides when a page is shown. */
interface Shown {
  readonly problem?: string | undefined
  readonly mail?: Proving['mail']
  readonly jwt?: string | undefined
}

/** Every stage that a flow can name. */
const pages: ReadonlySet<string> = new Set([
  'm.login.password',
  'm.login.registration_token',
  'm.login.dummy',
  'm.oauth',
  emailStageType,
  jwtStageType,
  ssoStageType,
])

/** What the form of each stage asks for, and what its button says. A stage that has none is passed elsewhere. */
const fieldsOf = (
  stage: string,
  texts: Texts,
  { userId, mail, jwt }: { userId: string | undefined } & Shown,
): { fields: Content; go: string } | undefined => {
  const { confirm, fallback, signUp } = texts
  switch (stage) {
    case 'm.login.password':
      return userId === undefined ? undefined : { fields: passwordField(texts, userId), go: confirm.here }
    case 'm.login.registration_token':
      return { fields: plainField('registration_token', signUp.token), go: confirm.here }
    case 'm.login.dummy':
      return { fields: undefined, go: confirm.here }
    case emailStageType:
      return mail
        ? { fields: html`<p>${fallback.emailSent(mail.address)}</p>`, go: fallback.emailDone }
        : { fields: plainField('email', fallback.email, 'email'), go: fallback.emailGo }
    case jwtStageType:
      return { fields: jwt === undefined && plainField('jwt', fallback.token), go: confirm.here }
    default:
      return undefined
  }
}

/** Where else somebody can go to confirm it. */
const choicesFor = async (
  web: Web,
  request: PageRequest,
  stage: string,
  session: string,
  { user, next }: Waiting,
): Promise<Choice[]> => {
  if ((stage !== ssoStageType && stage !== jwtStageType) || user === undefined) return []
  const { identities, providers } = web.context
  const linked = await identities.links.providersOf(user)
  const ticket = web.confirming.seal({ session, browser: browserHash(request.browser) })
  const bySso = next.includes(ssoStageType) ? providers.browser.filter(({ id }) => linked.has(id)) : []
  const byToken = stage === jwtStageType ? providers.tokenPages.filter(({ provider }) => linked.has(provider)) : []
  return [
    ...byToken.map(({ name, href }) => ({
      name,
      href: `${href}?matrix_session=${web.tokenTrips.seal({ to: 'confirm', session })}`,
    })),
    ...bySso.map(({ id, name }) => ({ name, href: `${web.base}/_latchkey/sso/${id}/confirm?ticket=${ticket}` })),
  ]
}

/** The page of a stage. @throws Problem */
export const showStage = async (
  web: Web,
  request: PageRequest,
  { stage, session }: { stage: string; session: string },
  shown: Shown = {},
): Promise<Reply> => {
  const { users, uia, serverName } = web.context
  if (!pages.has(stage)) throw new Problem('not_found', 'There is no page for this stage')
  const waiting = uia.waiting(session, stage)
  if (!waiting) throw new Problem('lost', 'No confirmation of that id waits for this page')
  if (waiting.done) return show(web, request, confirmedPage(request.texts))
  if (stage === 'm.oauth') return redirect(`${web.base}/account/confirm?session=${encodeURIComponent(session)}`)
  const userId = waiting.user === undefined ? undefined : await users.nameOf(waiting.user)
  const form = fieldsOf(stage, request.texts, { userId, ...shown })
  const ticket = web.proving.seal({
    session,
    stage,
    browser: browserHash(request.browser),
    mail: shown.mail,
    jwt: shown.jwt,
  })
  const view = stagePage(request.texts, {
    userId,
    server: serverName,
    operation: waiting.operation,
    problem: shown.problem,
    choices: shown.jwt === undefined ? await choicesFor(web, request, stage, session, waiting) : [],
    form: form && { action: `${web.base}/_latchkey/confirm`, token: formToken(request.browser), ticket },
    fields: form?.fields,
    go: form?.go ?? '',
  })
  return show(web, request, {
    ...view,
    status: shown.problem === undefined ? 200 : 400,
    cookie: web.browser.write(request.browser),
  })
}

/** What the form of a stage has brought, as a client would bring it in `auth`. */
const authOf = ({ stage, mail, jwt }: Proving, form: URLSearchParams): JsonObject => ({
  type: stage,
  password: field(form, 'password') ?? '',
  token:
    stage === jwtStageType
      ? (jwt ?? field(form, 'jwt') ?? '').trim()
      : (field(form, 'registration_token') ?? '').trim(),
  ...(mail && { threepid_creds: { sid: mail.sid, client_secret: mail.clientSecret } }),
})

/** Sends the mail that a stage wants somebody to have read. @throws MatrixError */
const sendMail = async (web: Web, request: PageRequest, { session, stage }: Proving): Promise<Proving['mail']> => {
  const waiting = web.context.uia.waiting(session, stage)
  if (!waiting) throw new Problem('lost', 'The confirmation is not waited for any more')
  const [address, clientSecret] = [field(request.form, 'email')?.trim() ?? '', web.context.randomId()]
  const sid = await requestValidation(web.context, {
    purpose: waiting.operation === 'register' ? 'register' : 'password',
    email: address,
    clientSecret,
    sendAttempt: 1,
    user: undefined,
    language: request.texts.language,
  })
  return { sid, clientSecret, address }
}

/** Whether a refusal is of what somebody has brought, so that they can try again. */
export const isWrong = (error: unknown): error is MatrixError =>
  error instanceof MatrixError && error.status < 500 && error.status !== 429

/** Passes the stage, or shows its page again. */
const proven = async (web: Web, request: PageRequest, proving: Proving): Promise<Reply> => {
  const { session, stage, mail } = proving
  const { uia } = web.context
  const { fallback } = request.texts
  const again = (problem: string | undefined, sent = mail): Promise<Reply> =>
    showStage(web, request, proving, { problem, mail: sent })
  try {
    if (stage === emailStageType && !mail) return await again(undefined, await sendMail(web, request, proving))
    const user = uia.waiting(session, stage)?.user
    const note = await uia.prove(session, stage, authOf(proving, request.form), request.ip)
    if (!uia.pass(session, stage, user, note)) throw new Problem('lost', 'The confirmation is not waited for any more')
    return show(web, request, confirmedPage(request.texts))
  } catch (error) {
    if (!isWrong(error)) throw error
    return again(mail ? fallback.emailNot : fallback.wrong)
  }
}

/** Pages for clients that do not know a stage of a confirmation. */
export const stageRoutes = (web: Web): Route[] => [
  /** Where somebody confirms what an app of theirs wants to do. @see https://spec.matrix.org/v1.19/client-server-api/#fallback */
  pageRoute(web, {
    id: 'fallback',
    method: 'GET',
    path: '/_matrix/client/v3/auth/:stage/fallback/web',
    handle: (request) =>
      showStage(web, request, {
        stage: request.params['stage'] ?? '',
        session: request.query.get('session') ?? '',
      }),
  }),

  pageRoute(web, {
    id: 'fallbackForm',
    method: 'POST',
    path: '/_latchkey/confirm',
    handle: (request) => {
      const proving = web.proving.open(field(request.form, 'ticket'))
      if (proving?.browser !== browserHash(request.browser))
        throw new Problem('lost', 'A confirmation was not begun on its page in this browser')
      return proven(web, request, proving)
    },
  }),
]
