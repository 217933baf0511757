import { Reply, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import {
  type Content,
  door,
  formToken,
  hidden,
  html,
  pageRoute,
  type PageRequest,
  Problem,
  show,
  visitorOf,
} from '../../login/index.ts'
import type { Account } from '../../users/index.ts'
import type { AdminApiDeps } from '../deps.ts'

export const root = '/_latchkey/admin'
/** Whoever takes something away has signed in within this time. */
const freshMs = 5 * 60_000

export interface ConsoleRequest extends PageRequest {
  readonly admin: Account
}

interface ConsolePage {
  readonly id: string
  /** Below the console's own. */
  readonly path: string
  /** What cannot be taken back is asked for by somebody who has just signed in. */
  readonly fresh?: boolean
}

/** A form that only asks is sent, lest what is in it stand in an address. */
interface LookedAt extends ConsolePage {
  readonly method?: 'GET' | 'POST'
}

const pathOf = (path: string, { params, query }: PageRequest): string => {
  const filled = path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
  const search = query.toString()
  return `${root}${filled}${search === '' ? '' : `?${search}`}`
}

/** Who is in, or the door that stands before the page. @throws Problem for who is no administrator */
async function enter(
  { login: { web }, now }: AdminApiDeps,
  request: PageRequest,
  onwards: string,
  fresh: boolean,
): Promise<Account | Reply> {
  const visitor = await visitorOf(web, request)
  const title = 'Administration'
  if (!visitor) return door(web, request, { onwards, title })
  if (!visitor.account.admin || visitor.account.suspended)
    throw new Problem('not_allowed', 'Somebody who is no administrator came to the console')
  if (fresh && now() - visitor.visit.since > freshMs)
    return door(web, request, { onwards, title, fresh: true, hint: visitor.account.userId })
  return visitor.account
}

/** A page to look at. */
export const consolePage = (
  deps: AdminApiDeps,
  { id, path, fresh = false, method = 'GET' }: LookedAt,
  view: (request: ConsoleRequest) => Promise<{ title: string; body: Content }>,
): Route =>
  pageRoute(deps.login.web, {
    id,
    method,
    path: `${root}${path}`,
    handle: async (request) => {
      const admin = await enter(deps, request, pathOf(path, request), fresh)
      if (admin instanceof Reply) return admin
      const { title, body } = await view({ ...request, admin })
      const { web } = deps.login
      const at = `${web.base}${root}`
      const places = [
        ['Overview', ''],
        ['People', '/people'],
        ['Rooms', '/rooms'],
        ['Files', '/media'],
        ['Reports', '/reports'],
        ['Sign-in', '/providers'],
        ['Servers', '/servers'],
        ['Tokens', '/tokens'],
        ['Tasks', '/tasks'],
        ['Audit log', '/audit'],
      ] as const
      return show(web, request, {
        title,
        wide: true,
        cookie: web.browser.write(request.browser),
        body: html`<nav class="places">${places.map(([name, to]) => html`<a href="${at}${to}">${name}</a> `)}</nav>
          <h1>${title}</h1>
          ${body}`,
      })
    },
  })

/** Something that a form of the console has done. What was done, and by whom, stands in the audit log. */
export const consoleAct = (
  deps: AdminApiDeps,
  { id, path, fresh = false }: ConsolePage,
  act: (request: ConsoleRequest) => Promise<{ target: string; next: string }>,
): Route =>
  pageRoute(deps.login.web, {
    id,
    method: 'POST',
    path: `${root}${path}`,
    handle: async (request) => {
      const admin = await enter(deps, request, root, fresh)
      if (admin instanceof Reply) return admin
      const note = (target: string, outcome: string): Promise<void> =>
        deps.audit.note({ actor: admin.userId, action: id, target, outcome, ip: request.ip })
      try {
        const { target, next } = await act({ ...request, admin })
        await note(target, 'done')
        return new Reply({ status: 303, headers: { location: `${deps.login.web.base}${root}${next}` } })
      } catch (error) {
        await note(Object.values(request.params)[0] ?? '', error instanceof MatrixError ? error.errcode : 'M_UNKNOWN')
        throw error
      }
    },
  })

/** A form of one button. */
export const button = (
  deps: AdminApiDeps,
  request: PageRequest,
  path: string,
  label: string,
  options: { danger?: boolean; values?: Record<string, string> } = {},
): Content =>
  html`<form method="post" action="${deps.login.web.base}${root}${path}">
    ${hidden({ ...options.values, token: formToken(request.browser) })}<button
      class="${options.danger ? 'plain danger' : 'plain'}"
    >
      ${label}
    </button>
  </form>`

export const link = (deps: AdminApiDeps, path: string, label: string): Content =>
  html`<a href="${deps.login.web.base}${root}${path}">${label}</a>`

export const searchForm = (deps: AdminApiDeps, path: string, label: string, value: string): Content =>
  html`<form method="get" action="${deps.login.web.base}${root}${path}" class="inline">
    <div><label for="q">${label}</label><input id="q" name="q" value="${value}" autocapitalize="none" /></div>
    <button class="plain">Search</button>
  </form>`

export const rows = (list: readonly Content[], none: string): Content =>
  list.length === 0
    ? html`<p class="quiet">${none}</p>`
    : html`<ul class="rows">
        ${list.map((one) => html`<li>${one}</li>`)}
      </ul>`

export const time = (ms: number | null): string =>
  ms === null ? 'never' : new Date(ms).toISOString().slice(0, 16).replace('T', ' ')

const units = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const

export function shownBytes(bytes: number): string {
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}

/** Where the next page of a list begins. */
export const pageFrom = ({ query }: PageRequest): number => {
  const from = Number(query.get('from') ?? 0)
  return Number.isSafeInteger(from) && from > 0 ? from : 0
}

export const pageSize = 50

export const further = (deps: AdminApiDeps, path: string, q: string, from: number, total: number): Content =>
  from + pageSize < total &&
  html`<p>${link(deps, `${path}?q=${encodeURIComponent(q)}&from=${from + pageSize}`, 'Further')}</p>`
