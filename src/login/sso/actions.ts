import { field, Reply, type Route } from '../../http/index.ts'
import { agreePage, closedPage, deactivatePage, sessionPage } from '../pages/actions.ts'
import type { ShownSession } from '../pages/account.ts'
import { confirmedPage } from '../pages/sso.ts'
import { door } from './door.ts'
import { Problem } from '../../providers/index.ts'
import { mustBeIn, type Visitor, visitorOf } from './visitor.ts'
import { formToken, pageRoute, type PageRequest, show, type Web } from './web.ts'

/** How lately somebody has to have shown who they are for what cannot be undone, in ms. */
const freshMs = 5 * 60_000

/** The names that clients ask for actions by; the later ones of a line are older. */
const names: Readonly<Record<string, readonly string[]>> = {
  profile: ['org.matrix.profile', 'profile'],
  list: ['org.matrix.devices_list', 'org.matrix.sessions_list', 'sessions_list'],
  view: ['org.matrix.device_view', 'org.matrix.session_view', 'session_view'],
  end: ['org.matrix.device_delete', 'org.matrix.session_end', 'session_end'],
  close: ['org.matrix.account_deactivate'],
  keys: ['org.matrix.cross_signing_reset'],
}
const operationOfKeys = 'replace cross-signing keys'

const at = (web: Web): string => `${web.base}/account`
const bound = (web: Web, request: PageRequest) => ({ at: at(web), token: formToken(request.browser) })

/** This page again, with nothing in its query but what is known here. */
const backHere = (path: string, query: URLSearchParams): string => {
  const kept = new URLSearchParams()
  for (const name of ['action', 'device_id', 'session']) {
    const value = query.get(name)
    if (value !== null && value.length <= 600) kept.set(name, value)
  }
  return kept.size === 0 ? path : `${path}?${kept.toString()}`
}

/** Who is on the page, having shown lately who they are; or the door where they do. */
export const freshVisitor = async (web: Web, request: PageRequest, path: string): Promise<Visitor | Reply> => {
  const visitor = await visitorOf(web, request)
  if (visitor && web.context.now() - visitor.visit.since <= freshMs) return visitor
  return door(web, request, { onwards: backHere(path, request.query), fresh: visitor !== undefined })
}

const shownSession = async (web: Web, user: number, deviceId: string): Promise<ShownSession> => {
  const device = (await web.context.devices.list(user)).find((one) => one.deviceId === deviceId)
  if (!device) throw new Problem('not_found', 'There is no such session')
  return {
    id: device.deviceId,
    name: device.displayName ?? undefined,
    app: (await web.context.appsOf(user)).get(device.nid),
    seen: device.lastSeenTs,
    address: device.lastSeenIp ?? undefined,
    isEnded: (await web.context.sessions.endedDevices([device.nid])).has(device.nid),
  }
}

/** Asks about a request of an app of theirs that waits to be confirmed. */
const agree = (web: Web, request: PageRequest, { account, visit }: Visitor, session: string): Reply => {
  const waiting = web.context.uia.waiting(session, 'm.oauth')
  if (!waiting) throw new Problem('nothing_waits', 'Nothing waits to be confirmed')
  if (waiting.user !== account.nid) throw new Problem('other_person', 'The confirmation is of somebody else')
  if (waiting.done) return show(web, request, confirmedPage(request.texts))
  const ticket = web.agreeing.seal({ session, user: account.nid, visit: visit.id })
  const { userId } = account
  const view = agreePage(request.texts, { ...bound(web, request), ticket, userId, operation: waiting.operation })
  return show(web, request, { ...view, cookie: web.browser.write(request.browser) })
}

const openSession = async (web: Web, request: PageRequest, isEnding: boolean): Promise<Reply> => {
  const visitor = isEnding ? await freshVisitor(web, request, '/account') : await visitorOf(web, request)
  if (visitor instanceof Reply) return visitor
  if (!visitor) return door(web, request, { onwards: backHere('/account', request.query) })
  const session = await shownSession(web, visitor.account.nid, request.query.get('device_id') ?? '')
  const view = sessionPage(request.texts, { ...bound(web, request), session, isEnding })
  return show(web, request, { ...view, cookie: web.browser.write(request.browser) })
}

const openClosing = async (web: Web, request: PageRequest, isUnsure = false): Promise<Reply> => {
  const visitor = await freshVisitor(web, request, '/account')
  if (visitor instanceof Reply) return visitor
  const view = deactivatePage(request.texts, { ...bound(web, request), userId: visitor.account.userId, isUnsure })
  return show(web, request, { ...view, cookie: web.browser.write(request.browser) })
}

const openKeys = async (web: Web, request: PageRequest): Promise<Reply> => {
  const visitor = await freshVisitor(web, request, '/account')
  if (visitor instanceof Reply) return visitor
  const session =
    request.query.get('session') ?? web.context.uia.waitingFor(visitor.account.nid, 'm.oauth', operationOfKeys)
  return agree(web, request, visitor, session ?? '')
}

/**
 * What an app asks the account page for by a link; undefined for the page itself. Whoever makes a link chooses what it asks for: nothing is
 * done before somebody has read what, and said so.
 * @see https://spec.matrix.org/v1.19/client-server-api/#account-management-url-actions
 */
export const actionOf = async (web: Web, request: PageRequest): Promise<Reply | undefined> => {
  const asked = request.query.get('action')
  const action = asked === null ? undefined : Object.keys(names).find((name) => names[name]?.includes(asked))
  switch (action) {
    case 'profile':
    case 'list': {
      const visitor = await visitorOf(web, request)
      if (!visitor) return door(web, request, { onwards: backHere('/account', request.query) })
      return new Reply({
        status: 303,
        headers: { location: `${at(web)}#${action === 'list' ? 'sessions' : 'profile'}` },
      })
    }
    case 'view':
    case 'end':
      return openSession(web, request, action === 'end')
    case 'close':
      return openClosing(web, request)
    case 'keys':
      return openKeys(web, request)
    default:
      return undefined
  }
}

export const actionRoutes = (web: Web): Route[] => [
  /** Where somebody says yes to what an app of theirs asks for. */
  pageRoute(web, {
    id: 'accountConfirm',
    method: 'GET',
    path: '/account/confirm',
    handle: async (request) => {
      const visitor = await freshVisitor(web, request, '/account/confirm')
      if (visitor instanceof Reply) return visitor
      return agree(web, request, visitor, request.query.get('session') ?? '')
    },
  }),

  pageRoute(web, {
    id: 'accountConfirmed',
    method: 'POST',
    path: '/account/confirm',
    handle: async (request) => {
      const ticket = web.agreeing.take(field(request.form, 'ticket'))
      const { visit } = await mustBeIn(web, request)
      if (!ticket || visit.id !== ticket.visit || !web.context.uia.pass(ticket.session, 'm.oauth', ticket.user))
        throw new Problem('lost', 'The confirmation is not waited for any more')
      return show(web, request, confirmedPage(request.texts))
    },
  }),

  pageRoute(web, {
    id: 'accountDeactivate',
    method: 'POST',
    path: '/account/deactivate',
    handle: async (request) => {
      const { account, visit } = await mustBeIn(web, request)
      if (web.context.now() - visit.since > freshMs)
        throw new Problem('lost', 'Whoever closes an account has to sign in anew')
      if (field(request.form, 'name')?.trim() !== account.userId) return openClosing(web, request, true)
      await web.context.identities.deactivate(account.nid, field(request.form, 'erase') === 'yes')
      const secret = web.visitor.read(request.headers)
      if (secret !== undefined) web.visits.end(secret)
      return show(web, request, { ...closedPage(request.texts), cookie: web.visitor.clear() })
    },
  }),
]
