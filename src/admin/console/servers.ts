import type { Route } from '../../http/index.ts'
import { html } from '../../login/index.ts'
import type { AdminApiDeps } from '../deps.ts'
import { countDestinations, readDestinations } from '../store/destinations.ts'
import { button, consoleAct, consolePage, further, pageFrom, pageSize, rows, searchForm, time } from './frame.ts'

/** Other servers that are told things, and application services. */
export const serverPages = (deps: AdminApiDeps): Route[] => {
  const { database, destinations, now } = deps
  return [
    consolePage(deps, { id: 'consoleServers', path: '/servers' }, async (request) => {
      const q = request.query.get('q') ?? ''
      const from = pageFrom(request)
      const search = q === '' ? undefined : q
      const wish = { search, orderBy: 'failure_ts', dir: 'b', from, limit: pageSize } as const
      const list = await readDestinations(database.aside, wish)
      const total = await countDestinations(database.aside, search)
      const shown = list.map((row) => {
        const { events, edus } = destinations?.waiting(row.server) ?? { events: 0, edus: 0 }
        const waiting = events + edus > 0 ? `, ${events} events and ${edus} other things wait` : ''
        const state =
          row.failures === 0
            ? 'answers'
            : `does not answer since ${time(row.failing_since)}, after ${row.failures} tries; again ${row.retry_ts > now() ? time(row.retry_ts) : 'now'}`
        return html`<div>${row.server} <span class="quiet">${state}${waiting}</span></div>
          ${row.failures > 0 && button(deps, request, '/servers/try', 'Try now', { values: { server: row.server } })}`
      })
      return {
        title: 'Servers',
        body: html`${searchForm(deps, '/servers', 'Name of a server', q)}
          <p class="quiet">${total} servers ${destinations === undefined && '; federation is off'}</p>
          ${rows(shown, 'No other server has been told anything.')} ${further(deps, '/servers', q, from, total)}`,
      }
    }),
    consoleAct(deps, { id: 'console try server', path: '/servers/try' }, async ({ form }) => {
      const server = form.get('server') ?? ''
      destinations?.reset(server)
      return { target: server, next: '/servers' }
    }),
  ]
}
