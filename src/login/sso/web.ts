import { Type } from 'typebox'
import type { IncomingHttpHeaders } from 'node:http'
import {
  field,
  formLimit,
  type LimitName,
  type Method,
  readFileForm,
  readForm,
  Reply,
  route,
  type Route,
} from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { Account } from '../../users/index.ts'
import type { LoginParts } from '../deps.ts'
import type { Identity } from '../../identity/index.ts'
import { type Cookie, cookie } from '../pages/cookies.ts'
import { html } from '../pages/html.ts'
import { page, type Page } from '../pages/page.ts'
import { profileTexts } from '../pages/profile-texts.ts'
import { type Texts, textsFor } from '../pages/texts.ts'
import { type Belonging, createSeal, hashToken, isSameSecret, type Seal, sealKey } from '../../sessions/index.ts'
import { Problem, type ProblemCode } from '../../providers/index.ts'
import type { RegisterDeps } from '../accounts.ts'
import type { SignInDeps } from '../sign-in.ts'
import type { FlowDeps } from '../uia/stages.ts'
import { type Arrivals, createArrivals } from './arrivals.ts'
import type { Journey } from './goal.ts'
import { belongingOf, createVisits, type Visit, type Visits } from './visits.ts'

/** What the pages take. */
export type WebDeps = FlowDeps &
  RegisterDeps &
  SignInDeps &
  Pick<
    LoginParts,
    | 'appsOf'
    | 'people'
    | 'mail'
    | 'passwords'
    | 'personalTokens'
    | 'devices'
    | 'logger'
    | 'randomBytes'
    | 'randomId'
    | 'standing'
    | 'uia'
  >

/** Somebody whom a provider has vouched for, on their way to what they came for. */
export interface Arrived {
  readonly identity: Identity
  readonly sid?: string | undefined
  /** When the session at the provider ends by itself, in ms. */
  readonly ends?: number | undefined
  /** What the provider can be asked with whether its session still stands. */
  readonly evidence?: string | undefined
  readonly browser: string
}

/** What the pages share. */
export interface Web {
  readonly context: WebDeps
  /** The path that people reach this server under, without a slash at its end. */
  readonly base: string
  /** The whole address; undefined where it is not configured. */
  readonly publicUrl: string | undefined
  /** Tells browsers apart, and is what forms are bound to. */
  readonly browser: Cookie
  /** Whose account page it is. */
  readonly visitor: Cookie
  readonly visits: Visits
  readonly journeys: Seal<Journey>
  /** Those who came back by a form, and whose browser has not shown yet that it is theirs. */
  readonly arrivals: Arrivals
  /** Somebody who is signed in, and asked whether to go on to an app. */
  readonly leaving: Seal<{
    user: number
    target: string
    from: { provider: string; subject: string; sid?: string | undefined; until?: number | undefined } | undefined
    browser: string
  }>
  /** Somebody who is to sign in by any way there is, and go on to an app. */
  readonly handingOver: Seal<{ target: string; browser: string }>
  /** A confirmation that was begun on its page. */
  readonly confirming: Seal<{ session: string; browser: string }>
  /** The form of a page that passes a stage: of what, and what was brought already. */
  readonly proving: Seal<{
    session: string
    stage: string
    browser: string
    mail?: { sid: string; clientSecret: string; address: string } | undefined
    jwt?: string | undefined
  }>
  /** A client that signs in on a page, as it wants to be called, and the token that somebody was sent here with. */
  readonly clientLogins: Seal<ClientLogin & { browser: string; jwt?: string | undefined }>
  /** Somebody who gets a token at a page of the operator, and what for. */
  readonly tokenTrips: Seal<{ to: 'confirm'; session: string } | ({ to: 'login' } & ClientLogin)>
  /** Somebody whom an app has sent to the account page, and who is asked whether they want to be there. */
  readonly entering: Seal<{ user: number; since: number; from: Visit['from']; browser: string }>
  /** Somebody who has to prove that an account is theirs, or to say that it is to be linked. */
  readonly linking: Seal<Arrived & { user: number; target?: string | undefined; visit?: string | undefined }>
  /** Somebody who is asked about a request of an app of theirs. */
  readonly agreeing: Seal<{ session: string; user: number; visit: string }>
  /** A mail address that somebody has named on the account page. */
  readonly mailing: Seal<{ user: number; visit: string; sid: string; clientSecret: string; address: string }>
  /** Where somebody goes on to, once they are signed in. */
  readonly doors: Seal<Door>
  /** For what else travels through browsers. */
  readonly sealing: { key: Uint8Array; now: () => number; randomBytes: (count: number) => Uint8Array }
  /** Whether people can make an account on a page. */
  readonly canRegister: boolean
}

/** What a client says of the session that it wants. */
export interface ClientLogin {
  readonly deviceId?: string | undefined
  readonly displayName?: string | undefined
  readonly refresh?: boolean | undefined
}

/** A door that somebody stands before: what they see there, and what is behind it. */
export interface Door {
  /** A path of ours, with its query. */
  readonly onwards: string
  /** Whether they have to show anew who they are. */
  readonly fresh?: boolean | undefined
  /** What the page is called; undefined: the account page's own title. */
  readonly title?: string | undefined
  /** The name that stands in the form already. */
  readonly hint?: string | undefined
  /** Where the way may end besides here, as a content security policy says it. */
  readonly formTo?: string | undefined
}

/** Of a form with a picture in it, in bytes. */
const fileFormLimit = 5 * 1024 * 1024 + 64 * 1024
const minute = 60_000
/** To sign in, a second factor included. */
const journeyMs = 20 * minute
const stepMs = 10 * minute
/** To look into one's mail. */
const mailMs = 60 * minute

export const createWeb = (context: WebDeps): Web => {
  const publicUrl = context.config.public_base_url
  const secure = publicUrl?.startsWith('https:') ?? false
  const sealing = { key: sealKey(context.randomBytes), now: context.now, randomBytes: context.randomBytes }
  const { endings } = context.sessions
  /** Good until it has run its time, or something ends that it belongs to. */
  const ticket = <T extends object>(purpose: string, lifetimeMs: number, whose: (value: T) => Belonging): Seal<T> =>
    createSeal<T>(sealing, purpose, lifetimeMs, {
      now: () => endings.mark,
      stands: (value, mark) => endings.stands(mark, whose(value)),
    })
  return {
    context,
    publicUrl,
    base: publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/$/, ''),
    browser: cookie('latchkey_browser', secure),
    visitor: cookie('latchkey_account', secure),
    visits: createVisits(context),
    arrivals: createArrivals(context),
    journeys: ticket('journey', journeyMs, ({ goal }) => ({ user: goal.to === 'link' ? goal.user : undefined })),
    leaving: ticket('leaving', stepMs, ({ user, from }) => ({
      user,
      from: from && { provider: from.provider, subject: from.subject, sid: from.sid },
    })),
    confirming: createSeal(sealing, 'confirming', stepMs),
    proving: createSeal(sealing, 'proving', stepMs),
    clientLogins: createSeal(sealing, 'client login', journeyMs),
    tokenTrips: createSeal(sealing, 'token trip', journeyMs),
    entering: ticket('entering', stepMs, (value) => belongingOf(value)),
    linking: ticket('linking', stepMs, ({ user }) => ({ user })),
    mailing: ticket('mailing', mailMs, ({ user }) => ({ user })),
    agreeing: ticket('agreeing', stepMs, ({ user }) => ({ user })),
    handingOver: createSeal(sealing, 'handing over', journeyMs),
    doors: createSeal(sealing, 'door', journeyMs),
    sealing,
    canRegister: context.config.registration !== 'closed' && !context.config.email.required_for_registration,
  }
}

/** A request for a page. */
export interface PageRequest {
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Empty where there is none. */
  readonly form: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly ip: string
  readonly userAgent: string | undefined
  readonly trace: string
  readonly texts: Texts
  readonly signal: AbortSignal
  /** Of a form with a file: what was chosen. */
  readonly file: Uint8Array | undefined
  /** What the browser is known by; made up where it brought nothing. */
  readonly browser: string
}

const codes: Readonly<Record<string, ProblemCode>> = {
  M_USER_DEACTIVATED: 'deactivated',
  M_USER_LOCKED: 'locked',
  M_LIMIT_EXCEEDED: 'too_many',
  M_NOT_FOUND: 'not_found',
  M_UNRECOGNIZED: 'not_found',
  M_INVALID_PARAM: 'bad_request',
  M_TOO_LARGE: 'bad_request',
}
const finer: Readonly<Record<string, ProblemCode>> = {
  link_needed: 'link_needed',
  name_taken: 'name_taken',
  no_account: 'no_account',
  rule_broken: 'rule_broken',
}

/** What to say of whatever went wrong. */
export const problemOf = (error: unknown): Problem => {
  if (error instanceof Problem) return error
  if (!(error instanceof MatrixError)) return new Problem('unexpected', 'A page failed', { cause: error })
  const { code: fine } = error.body() as { code?: unknown }
  const code =
    typeof fine === 'string' && Object.hasOwn(finer, fine)
      ? finer[fine]
      : Object.hasOwn(codes, error.errcode)
        ? codes[error.errcode]
        : undefined
  return new Problem(code ?? 'not_allowed', error.message, { cause: error })
}

const problemPage = (
  web: Web,
  error: unknown,
  { texts, trace, door }: { texts: Texts; trace: string; door: string | undefined },
): Reply => {
  const problem = problemOf(error)
  const { code, message, leave } = problem
  const words = profileTexts(texts.language)
  const begun = problem.again ?? (door === undefined ? undefined : `/account/sign-in?door=${encodeURIComponent(door)}`)
  if (code === 'unexpected') web.context.logger.warn({ trace, err: problem.cause }, message)
  else web.context.logger.info({ trace, code, ...(problem.cause !== undefined && { err: problem.cause }) }, message)
  return page(
    {
      texts,
      server: web.context.serverName,
      title: texts.problem.title,
      status: problem.status,
      body: html`<div class="card" role="alert">
        <h1>${texts.problem.title}</h1>
        <p>${texts.problem.codes[code]}</p>
        <p class="actions">
          ${leave && html`<a class="button plain" href="${leave.href}">${texts.problem.leave(leave.provider)}</a>`}
          <a class="button plain" href="${web.base}${begun ?? '/account'}"
            >${begun === undefined ? words.toAccount : words.again}</a
          >
        </p>
        <p class="quiet">${texts.problem.reference(trace)}</p>
      </div>`,
    },
    web.base,
  )
}

/** A page of the server, with its title. */
export const show = (web: Web, { texts }: { texts: Texts }, parts: Omit<Page, 'texts' | 'server'>): Reply =>
  page({ texts, server: web.context.serverName, ...parts }, web.base)

/** What stands in a form so that no other site can send it: it is made of the browser's cookie, which no other site knows. */
export const formToken = (browser: string): string => hashToken(`form ${browser}`)

/** What a browser's cookie is remembered by. */
export const browserHash = (browser: string): string => hashToken(`browser ${browser}`)

/** Whoever has been here by https does not come again without. @see https://www.rfc-editor.org/rfc/rfc6797 */
const always = { 'strict-transport-security': 'max-age=31536000' }

/** A route that answers with a page, whatever happens. Forms of other sites are refused, unless `foreign` says that they are what is expected. */
export const pageRoute = (
  web: Web,
  definition: {
    id: string
    method: Extract<Method, 'GET' | 'POST'>
    path: string
    paths?: readonly string[]
    foreign?: true
    limit?: LimitName
    /** The form has a file in the field of this name, and is read only for who is on the account page. */
    file?: string
    handle: (request: PageRequest) => Promise<Reply> | Reply
  },
): Route => {
  const { id, method, path, paths, foreign, limit = 'login', file: fileField, handle } = definition
  const secured = (reply: Reply): Reply =>
    web.publicUrl?.startsWith('https:')
      ? new Reply({
          status: reply.status,
          headers: { ...always, ...reply.headers },
          ...(reply.body !== undefined && { body: reply.body }),
        })
      : reply
  const answer = async (context: {
    params: unknown
    query: unknown
    body?: unknown
    headers: IncomingHttpHeaders
    ip: string
    userAgent: string | undefined
    trace: string
    signal: AbortSignal
  }): Promise<Reply> => {
    const { headers, ip, userAgent, trace, signal } = context
    const texts = textsFor(headers['accept-language'])
    let door = doorOf(context.query)
    try {
      const known = web.browser.read(headers)
      if (fileField !== undefined && !web.visits.find(web.visitor.read(headers)))
        throw new Problem('lost', 'Nobody is signed in to the account page')
      // http/ hands these over as it says: a record of texts, and the bytes of the body.
      const body = context.body as AsyncIterable<Uint8Array>
      const { fields: form, file } =
        fileField === undefined
          ? { fields: method === 'POST' ? await readForm(body) : new URLSearchParams(), file: undefined }
          : await readFileForm(body, headers['content-type'], fileField)
      door ??= doorOf({ door: field(form, 'door') })
      if (
        method === 'POST' &&
        !foreign &&
        (known === undefined || !isSameSecret(form.get('token') ?? '', formToken(known)))
      ) {
        throw new Problem('lost', 'A form came without the token that belongs to its browser')
      }
      const reply = await handle({
        params: context.params as Record<string, string>,
        query: queryOf(context.query as Record<string, unknown>),
        form,
        headers,
        ip,
        userAgent,
        trace,
        texts,
        signal,
        file,
        browser: known ?? web.context.randomId(),
      })
      return secured(reply)
    } catch (error) {
      return secured(problemPage(web, error, { texts, trace, door }))
    }
  }
  const common = { id, path, ...(paths && { paths }), auth: 'none', limit, reply: Type.Object({}) } as const
  return method === 'GET'
    ? route({ ...common, method, handle: answer })
    : route({
        ...common,
        method,
        rawBody: true,
        bodyLimit: fileField === undefined ? formLimit : fileFormLimit,
        handle: answer,
      })
}

/** The door that a page was asked for, where it is one of ours: what is sealed is no secret. */
const doorOf = (query: unknown): string | undefined => {
  const door = (query as Record<string, unknown> | undefined)?.['door']
  return typeof door === 'string' && /^[\w-]{1,4000}$/.test(door) ? door : undefined
}

const queryOf = (query: Record<string, unknown>): URLSearchParams =>
  new URLSearchParams(
    Object.entries(query).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((one): [string, string] => [name, String(one)]),
    ),
  )

/** The account, if it may still come in. @throws MatrixError, Problem */
export const accountAt = async (
  { context }: Web,
  user: number,
  gate: (account: Account, purpose: 'login') => void,
): Promise<Account> => {
  const account = await context.users.account(user)
  if (!account) throw new Problem('no_account', 'The account is gone')
  gate(account, 'login')
  return account
}
