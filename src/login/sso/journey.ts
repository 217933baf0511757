import { Reply } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { type Account, gate } from '../../users/index.ts'
import type { Arrival, Identity } from '../../identity/index.ts'
import { confirmedPage, continuePage, linkPage, provePage } from '../pages/sso.ts'
import { type BrowserProvider, Problem, type Proof } from '../../providers/index.ts'
import { isTrusted, parseRedirect, withLoginToken } from './redirect-url.ts'
import type { Goal, Journey } from './goal.ts'
import { type Arrived, browserHash, formToken, type PageRequest, problemOf, show, type Web } from './web.ts'

/** By how much the clocks of provider and server may differ, in ms. */
const leewayMs = 60_000

/** Sends the browser away. */
export const redirect = (location: string, cookie?: string, status = 302): Reply =>
  new Reply({ status, headers: { location, ...(cookie !== undefined && { 'set-cookie': cookie }) } })

export const providerOf = ({ context }: Web, id: string | undefined): BrowserProvider => {
  const provider = context.providers.browser.find((one) => one.id === id)
  if (!provider) throw new Problem('not_found', 'There is no such identity provider')
  return provider
}

/** Sends somebody to a provider. With `fresh` they have to show there who they are, however lately they did. */
export const depart = async (
  web: Web,
  request: PageRequest,
  provider: BrowserProvider,
  goal: Goal,
  fresh: boolean,
): Promise<Reply> => {
  const { now, randomId } = web.context
  const journey: Journey = {
    provider: provider.id,
    browser: browserHash(request.browser),
    nonce: randomId(),
    verifier: randomId(),
    fresh,
    started: now(),
    goal,
  }
  const state = web.journeys.seal(journey)
  const location = await provider.leave({ state, nonce: journey.nonce, verifier: journey.verifier, fresh })
  return redirect(location.href, web.browser.write(request.browser))
}

const strayed = (): Problem =>
  new Problem('lost', 'Somebody came back from a provider who did not leave from here, from this browser, lately')

/** What the provider says of somebody whose journey it is, as new as the journey needs it. */
const proofOf = async (
  provider: BrowserProvider,
  journey: Journey,
  state: string,
  answer: URLSearchParams,
): Promise<Proof> => {
  const proof = await provider.arrive(
    { state, nonce: journey.nonce, verifier: journey.verifier, fresh: journey.fresh },
    answer,
  )
  if (journey.fresh && (proof.authenticated ?? 0) < journey.started - leewayMs) {
    throw new Problem(
      'not_fresh',
      `The provider ${provider.id} did not ask anew who somebody is, or does not say when it did`,
    )
  }
  return proof
}

/** Takes in somebody who comes back from a provider, and brings them to what they came for. */
export const arrive = async (web: Web, request: PageRequest, state: string | undefined): Promise<Reply> => {
  const journey = web.journeys.open(state)
  const provider = providerOf(web, request.params['provider'])
  if (
    !journey ||
    state === undefined ||
    provider.stateOf ||
    journey.provider !== provider.id ||
    journey.browser !== browserHash(request.browser)
  )
    throw strayed()
  const proof = await proofOf(provider, journey, state, request.query).catch((error: unknown) => {
    throw returnable(journey, error)
  })
  return goOn(web, request, journey, proof)
}

/**
 * Takes in what a provider has a browser send as a form. No cookie comes along from another site, so that whose browser it is shows one step
 * later, in `arriveAgain`.
 */
export const arriveByForm = async (web: Web, request: PageRequest): Promise<Reply> => {
  const provider = providerOf(web, request.params['provider'])
  const state = provider.stateOf?.(request.form)
  const journey = web.journeys.open(state)
  if (!journey || state === undefined || journey.provider !== provider.id) throw strayed()
  const ticket = web.arrivals.keep({ journey, proof: await proofOf(provider, journey, state, request.form) })
  return new Reply({
    status: 303,
    headers: { location: `${web.base}/_latchkey/sso/${provider.id}/arrived?ticket=${ticket}` },
  })
}

/** The second step of whoever came back by a form: the browser has to be the one that left. */
export const arriveAgain = (web: Web, request: PageRequest): Promise<Reply> => {
  const arrival = web.arrivals.take(request.query.get('ticket'))
  if (
    !arrival ||
    arrival.journey.provider !== request.params['provider'] ||
    arrival.journey.browser !== browserHash(request.browser)
  )
    throw strayed()
  return goOn(web, request, arrival.journey, arrival.proof)
}

const goOn = async (web: Web, request: PageRequest, journey: Journey, proof: Proof): Promise<Reply> => {
  const identity: Identity = { provider: journey.provider, subject: proof.subject, claims: proof.claims }
  const { goal, browser, fresh } = journey
  const { sid, ends, evidence } = proof
  try {
    switch (goal.to) {
      case 'client':
        return await toClient(web, request, { identity, sid, ends, evidence, browser }, goal.target)
      case 'confirm':
        return await toConfirm(web, request, identity, goal.session)
      case 'account':
        return await toAccount(web, request, { onwards: goal.onwards, fresh }, identity, proof)
      default:
        return await toLink(web, request, { identity, browser }, goal)
    }
  } catch (error) {
    throw returnable(journey, await withWayOut(web, providerOf(web, journey.provider), proof, error))
  }
}

/** Where a trip to a provider was begun. */
const startOf = ({ provider, goal }: Journey): string => {
  switch (goal.to) {
    case 'client':
      return `/_matrix/client/v3/login/sso/redirect/${provider}?redirectUrl=${encodeURIComponent(goal.target)}`
    case 'confirm':
      return `/_matrix/client/v3/auth/m.login.sso/fallback/web?session=${encodeURIComponent(goal.session)}`
    case 'link':
      return `/account/link/${provider}`
    default:
      return goal.onwards ?? '/account'
  }
}

/** The same problem, with the way back to where it can be begun again. */
const returnable = (journey: Journey, error: unknown): Problem => {
  const problem = problemOf(error)
  return new Problem(problem.code, problem.message, {
    cause: problem.cause,
    leave: problem.leave,
    again: problem.again ?? startOf(journey),
  })
}

const ofOtherPeople: ReadonlySet<string> = new Set(['rule_broken', 'name_taken', 'no_account', 'other_person'])

/** Whoever is signed in at the provider as somebody who is of no use here has to sign out there before they can be somebody else. */
const withWayOut = async (
  { publicUrl }: Web,
  provider: BrowserProvider,
  { idToken }: Proof,
  error: unknown,
): Promise<unknown> => {
  const problem = problemOf(error)
  if (!ofOtherPeople.has(problem.code) || idToken === undefined || publicUrl === undefined) return error
  const url = await provider.signOut?.(idToken, `${publicUrl}/account`).catch(() => undefined)
  return url
    ? new Problem(problem.code, problem.message, { cause: error, leave: { provider: provider.name, href: url.href } })
    : error
}

const arrivalOf = ({ ip, trace }: PageRequest, sid: string | undefined): Arrival => ({ ip, trace, sid })

/** Whose account the refusal says that this would be, if they can prove it. */
const ownerToProve = async (web: Web, error: unknown): Promise<Account | undefined> => {
  const { code, user_id: userId } =
    error instanceof MatrixError ? (error.body() as { code?: unknown; user_id?: unknown }) : {}
  if (code !== 'link_needed' || typeof userId !== 'string' || !web.context.config.password_login) return undefined
  const nid = await web.context.users.find(userId)
  const account = nid === undefined ? undefined : await web.context.users.account(nid)
  return account?.hasPassword ? account : undefined
}

const toClient = async (web: Web, request: PageRequest, arrived: Arrived, target: string): Promise<Reply> => {
  try {
    const account = await web.context.identities.enter(arrived.identity, arrivalOf(request, arrived.sid), 'login')
    return await handOver(web, request, account, arrived, target)
  } catch (error) {
    const owner = await ownerToProve(web, error)
    if (!owner) throw error
    const { name } = providerOf(web, arrived.identity.provider)
    return show(
      web,
      request,
      provePage(request.texts, {
        action: `${web.base}/_latchkey/sso/prove`,
        token: formToken(request.browser),
        sealed: web.linking.seal({ ...arrived, user: owner.nid, target }),
        userId: owner.userId,
        provider: name,
      }),
    )
  }
}

/**
 * Gives the account to the client: at once if it is trusted, else after a question. After a form there is always the question, because
 * a browser lets no form end on another site.
 */
export const handOver = async (
  web: Web,
  request: PageRequest,
  account: Account,
  { identity, sid, ends, evidence, browser }: Arrived,
  text: string,
): Promise<Reply> => {
  const target = parseRedirect(text)
  if (!target) throw new Problem('bad_target', 'The target is none')
  const { people, capped } = web.context.identities.policyFor(identity.provider)
  const from = { provider: people, subject: identity.subject, sid, until: capped ? ends : undefined }
  await web.context.standing.keep(identity.provider, from, evidence)
  if (request.form.size === 0 && isTrusted(target, trustedClients(web)))
    return redirect(await signedTarget(web, account, from, target))
  const ticket = web.leaving.seal({ user: account.nid, target: target.href, from, browser })
  return show(
    web,
    request,
    continuePage(request.texts, {
      app: appOf(target),
      userId: account.userId,
      href: `${web.base}/_latchkey/sso/continue?ticket=${ticket}`,
      back: `${web.base}/`,
    }),
  )
}

/** The clients that get an account without a question. */
export const trustedClients = ({ context, publicUrl }: Web): readonly string[] => [
  ...context.config.sso.trusted_clients,
  ...(publicUrl === undefined ? [] : [publicUrl]),
]

/** What people are told that the app at that address is. */
export const appOf = ({ host, protocol }: URL): string =>
  host !== '' && /^https?:$/.test(protocol) ? host : protocol.slice(0, -1)

/** The target with a login token for the account, which passes the gate. */
export const signedTarget = async (
  web: Web,
  account: Account,
  from: { provider: string; subject: string; sid?: string | undefined; until?: number | undefined } | undefined,
  target: URL,
): Promise<string> => {
  gate(account, 'login')
  const comesOf = from && { provider: from.provider, subject: from.subject, sid: from.sid }
  return withLoginToken(
    target,
    await web.context.sessions.loginTokens.make({ user: account.nid, from: comesOf, until: from?.until }),
  )
}

const toConfirm = async (web: Web, request: PageRequest, identity: Identity, session: string): Promise<Reply> => {
  const waiting = web.context.uia.waiting(session, 'm.login.sso')
  if (!waiting) throw new Problem('lost', 'The confirmation is not waited for any more')
  const account = await web.context.identities.accountOf(identity)
  if (!account || account.nid !== waiting.user) throw new Problem('other_person', 'Somebody else came back to confirm')
  gate(account, 'login')
  if (!web.context.uia.pass(session, 'm.login.sso', account.nid))
    throw new Problem('lost', 'The confirmation is not waited for any more')
  return show(web, request, confirmedPage(request.texts))
}

const toAccount = async (
  web: Web,
  request: PageRequest,
  { onwards, fresh }: { onwards: string | undefined; fresh: boolean },
  identity: Identity,
  { sid, ends, idToken, evidence, authenticated }: Proof,
): Promise<Reply> => {
  const account = await web.context.identities.enter(identity, arrivalOf(request, sid), 'login')
  gate(account, 'login')
  const { people, capped } = web.context.identities.policyFor(identity.provider)
  const { provider, subject } = identity
  await web.context.standing.keep(provider, { provider: people, subject, sid }, evidence)
  const secret = web.visits.begin({
    user: account.nid,
    since: fresh ? web.context.now() : (authenticated ?? 0),
    from: { provider, people, subject, sid, idToken, until: capped ? ends : undefined },
  })
  return redirect(`${web.base}${onwards ?? '/account'}`, web.visitor.write(secret))
}

const toLink = async (
  web: Web,
  request: PageRequest,
  arrived: Arrived,
  { user, visit }: Goal & { to: 'link' },
): Promise<Reply> => {
  if (web.visits.find(web.visitor.read(request.headers))?.id !== visit)
    throw new Problem('lost', 'Whoever wanted to link left the account page')
  const account = await web.context.users.account(user)
  if (!account) throw new Problem('no_account', 'The account is gone')
  const { claims, subject, provider } = arrived.identity
  const who =
    [claims['email'], claims['preferred_username'], claims['name']].find(
      (name): name is string => typeof name === 'string' && name !== '',
    ) ?? subject
  return show(
    web,
    request,
    linkPage(request.texts, {
      action: `${web.base}/account/link`,
      token: formToken(request.browser),
      sealed: web.linking.seal({ ...arrived, user, visit }),
      who,
      provider: providerOf(web, provider).name,
      userId: account.userId,
      back: `${web.base}/account`,
    }),
  )
}
