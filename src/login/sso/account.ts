import { field, Reply, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { Account } from '../../users/index.ts'
import { labelOf } from '../../identity/index.ts'
import { accountPage, leftPage } from '../pages/account.ts'
import { profileTexts } from '../pages/profile-texts.ts'
import { actionOf, actionRoutes, freshVisitor } from './actions.ts'
import { depart, providerOf } from './journey.ts'
import { Problem } from '../../providers/index.ts'
import { door } from './door.ts'
import { profileOf, profileRoutes } from './profile.ts'
import { tokenRoutes } from './tokens.ts'
import { mustBeIn, visitorOf } from './visitor.ts'
import { browserHash, formToken, pageRoute, type PageRequest, show, type Web } from './web.ts'

type Notice = 'saved' | 'ended' | 'linked' | 'unlinked'
const notices: readonly Notice[] = ['saved', 'ended', 'linked', 'unlinked']

const isKey = <T extends object>(value: T, key: string): key is keyof T & string => Object.hasOwn(value, key)

const at = (web: Web): string => `${web.base}/account`
/** After a form, so that a reload does not send it again. */
const backWith = (web: Web, notice: Notice): Reply =>
  new Reply({ status: 303, headers: { location: `${at(web)}?done=${notice}` } })

const isInUse = (error: unknown): true => {
  if (error instanceof MatrixError && error.errcode === 'M_USER_IN_USE') return true
  throw error
}

/** Whether the account can still be come into without one of the links. */
const canSpareOne = ({ context }: Web, account: Account, links: readonly unknown[]): boolean =>
  links.length > 1 || (account.hasPassword && context.config.password_login)

const isNameLocked = ({ context }: Web, linked: ReadonlySet<string>): boolean =>
  [...context.identities.policies.values()].some(({ id, locked }) => linked.has(id) && locked.has('display_name'))

const overview = async (web: Web, request: PageRequest, account: Account): Promise<Reply> => {
  const { context } = web
  const [links, linked, devices, apps, tokens] = await Promise.all([
    context.identities.links.of(account.nid),
    context.identities.links.providersOf(account.nid),
    context.devices.list(account.nid),
    context.appsOf(account.nid),
    context.personalTokens.list(account.nid),
  ])
  const isToken = new Set(tokens.map(({ deviceId }) => deviceId))
  const removable = canSpareOne(web, account, links)
  const ended = await context.sessions.endedDevices(devices.map(({ nid }) => nid))
  const words = profileTexts(request.texts.language)
  const asked = request.query.get('done') ?? ''
  const done = notices.find((notice) => notice === asked)
  const notice = done ? request.texts.account[done] : isKey(words.done, asked) ? words.done[asked] : undefined
  const view = accountPage(request.texts, {
    at: at(web),
    token: formToken(request.browser),
    userId: account.userId,
    displayName: account.displayName ?? '',
    nameLocked: isNameLocked(web, linked),
    tokens: tokens.map(({ deviceId, name, created, expires }) => ({ id: deviceId, name, created, expires })),
    sessions: devices
      .filter(({ deviceId }) => !isToken.has(deviceId))
      .toSorted((a, b) => b.lastSeenTs - a.lastSeenTs)
      .map(({ nid, deviceId, displayName, lastSeenTs, lastSeenIp }) => ({
        id: deviceId,
        name: displayName ?? undefined,
        app: apps.get(nid),
        seen: lastSeenTs,
        address: lastSeenIp ?? undefined,
        isEnded: ended.has(nid),
      })),
    links: links.map(({ provider, subject, label }) => ({
      provider,
      subject,
      label: label ?? subject,
      name: context.identities.policies.get(provider)?.name ?? provider,
      removable,
    })),
    more: context.providers.browser
      .filter(({ id }) => !linked.has(id))
      .map(({ id, name }) => ({ name, href: `${at(web)}/link/${id}` })),
    notice,
    profile: await profileOf(web, request, account),
  })
  return show(web, request, { ...view, cookie: web.browser.write(request.browser) })
}

const inAndOut = (web: Web): Route[] => [
  /** The account page: profile, sessions, linked identities; its door for who is not signed in. */
  pageRoute(web, {
    id: 'account',
    method: 'GET',
    path: '/account',
    handle: async (request) => {
      const elsewhere = await actionOf(web, request)
      if (elsewhere) return elsewhere
      const visitor = await visitorOf(web, request)
      return visitor ? overview(web, request, visitor.account) : door(web, request, { onwards: '/account' })
    },
  }),

  pageRoute(web, {
    id: 'accountSignOut',
    method: 'POST',
    path: '/account/sign-out',
    handle: async (request) => {
      const secret = web.visitor.read(request.headers)
      const { from } = web.visits.find(secret) ?? {}
      if (secret !== undefined) web.visits.end(secret)
      const provider = web.context.providers.browser.find(({ id }) => id === from?.provider)
      const url =
        from?.idToken === undefined || web.publicUrl === undefined
          ? undefined
          : await provider?.signOut?.(from.idToken, `${web.publicUrl}/account`)
      const view = leftPage(request.texts, {
        at: at(web),
        provider: provider && url && { name: provider.name, href: url.href },
      })
      return show(web, request, { ...view, cookie: web.visitor.clear() })
    },
  }),
]

const changes = (web: Web): Route[] => [
  pageRoute(web, {
    id: 'accountName',
    method: 'POST',
    path: '/account/name',
    handle: async (request) => {
      const { account } = await mustBeIn(web, request)
      if (account.suspended) throw new Problem('not_allowed', 'Somebody who is suspended wanted another name')
      if (isNameLocked(web, await web.context.identities.links.providersOf(account.nid)))
        throw new Problem('not_allowed', 'The display name comes from a provider')
      await web.context.users.profiles.set(account.nid, 'displayname', field(request.form, 'name')?.trim() ?? '')
      return backWith(web, 'saved')
    },
  }),

  pageRoute(web, {
    id: 'accountSessions',
    method: 'POST',
    path: '/account/sessions',
    handle: async (request) => {
      const { account } = await mustBeIn(web, request)
      const device = field(request.form, 'device')
      if (device === undefined) throw new Problem('bad_request', 'The form names no device')
      await web.context.log.write((tx) => web.context.devices.delete(tx, account.nid, [device]))
      return backWith(web, 'ended')
    },
  }),

  /** To a provider, to prove that one is known there, too. */
  pageRoute(web, {
    id: 'accountLinkBy',
    method: 'GET',
    path: '/account/link/:provider',
    handle: async (request) => {
      const provider = providerOf(web, request.params['provider'])
      // What is linked is a way in for good: whoever finds a browser open, or knew a password once, gets none by it.
      const visitor = await freshVisitor(web, request, `/account/link/${provider.id}`)
      if (visitor instanceof Reply) return visitor
      const goal = { to: 'link', user: visitor.account.nid, visit: visitor.visit.id } as const
      return depart(web, request, provider, goal, true)
    },
  }),

  /** Both sides are proven, and whoever it is has been asked. */
  pageRoute(web, {
    id: 'accountLink',
    method: 'POST',
    path: '/account/link',
    handle: async (request) => {
      const { account, visit } = await mustBeIn(web, request)
      const ticket = web.linking.open(field(request.form, 'ticket'))
      if (
        !ticket ||
        ticket.user !== account.nid ||
        ticket.visit !== visit.id ||
        ticket.target !== undefined ||
        ticket.browser !== browserHash(request.browser) ||
        !web.linking.take(field(request.form, 'ticket'))
      ) {
        throw new Problem('lost', 'A link was not begun here, or too long ago')
      }
      const taken = await web.context.identities.links
        .add(account.nid, ticket.identity, 'user', labelOf(ticket.identity))
        .then(() => false, isInUse)
      if (taken) throw new Problem('identity_taken', 'The identity is linked to another account')
      return backWith(web, 'linked')
    },
  }),

  pageRoute(web, {
    id: 'accountUnlink',
    method: 'POST',
    path: '/account/unlink',
    handle: async (request) => {
      const visitor = await freshVisitor(web, request, '/account')
      if (visitor instanceof Reply) return visitor
      const { account } = visitor
      const [provider, subject] = [field(request.form, 'provider') ?? '', field(request.form, 'subject') ?? '']
      await web.context.identities.links.remove(account.nid, { provider, subject }, 'user')
      return backWith(web, 'unlinked')
    },
  }),
]

/** The account page, and what can be done there. */
export const accountPageRoutes = (web: Web): Route[] => [
  ...inAndOut(web),
  ...changes(web),
  ...actionRoutes(web),
  ...tokenRoutes(web),
  ...profileRoutes(web),
]
