import type { Route } from '../../http/index.ts'
import { html } from '../../login/index.ts'
import { own } from '../../matrix/json.ts'
import { isRoomId } from '../../matrix/ids.ts'
import type { AdminApiDeps } from '../deps.ts'
import { readAuditEntries } from '../store/audit.ts'
import { readOverview } from '../store/overview.ts'
import { countEventReports, deleteReport, readEventReports, readPlainReports } from '../store/reports.ts'
import { button, consoleAct, consolePage, link, rows, time } from './frame.ts'

const context = 3

/** What happened, what is under way, and who may register. */
export const overviewPages = (deps: AdminApiDeps): Route[] => {
  const { database, log, rooms, tasks, login, services } = deps
  const { registrationTokens } = login.administration

  /** What was said just before and after an event. */
  const around = async (eventNid: number | null): Promise<{ text: string; reported: boolean }[]> => {
    const stored = eventNid === null ? undefined : await rooms.events.get(eventNid)
    if (!stored) return []
    const span = { room: stored.room, limit: context }
    const before = await rooms.timeline({
      ...span,
      above: Number.MIN_SAFE_INTEGER,
      upTo: stored.position - 1,
      dir: 'b',
    })
    const after = await rooms.timeline({ ...span, above: stored.position, upTo: log.now, dir: 'f' })
    return [...before.toReversed(), stored, ...after].map(({ nid, event }) => {
      const body = own(event.content, 'body')
      return {
        text: `${event.sender}: ${typeof body === 'string' ? body.slice(0, 500) : event.type}`,
        reported: nid === eventNid,
      }
    })
  }

  return [
    consolePage(deps, { id: 'console', path: '' }, async () => {
      const { accounts, rooms: count, reports, waiting } = await readOverview(database.aside)
      const running = (await tasks.list({})).filter(({ status }) => status === 'active' || status === 'scheduled')
      return {
        title: 'Overview',
        body: html`<p>Latchkey ${deps.version} on ${database.dialect === 'sqlite' ? 'SQLite' : 'PostgreSQL'}</p>
          <ul class="rows">
            <li><div>${link(deps, '/people', `${accounts} accounts`)}</div></li>
            <li><div>${link(deps, '/rooms', `${count} rooms`)}</div></li>
            <li><div>${link(deps, '/reports', `${reports} reports`)}</div></li>
            <li><div>${link(deps, '/tasks', `${running.length} tasks under way`)}</div></li>
          </ul>
          <h2>Jobs that wait</h2>
          ${rows(
            waiting.map(({ queue, count: jobs }) => html`<div>${queue} <span class="quiet">${jobs}</span></div>`),
            'Nothing waits.',
          )}
          <h2>Application services</h2>
          ${rows(
            services().map(
              ({ id, waiting: behind, failures }) =>
                html`<div>
                  ${id}
                  <span class="quiet"
                    >${behind} entries behind${failures > 0 && `, does not answer: ${failures} attempts`}</span
                  >
                </div>`,
            ),
            'None.',
          )}`,
      }
    }),
    consolePage(deps, { id: 'consoleReports', path: '/reports' }, async (request) => {
      const wish = { dir: 'b', from: 0, limit: 50 } as const
      const list = await readEventReports(database.aside, wish)
      const total = await countEventReports(database.aside, wish)
      const shown = await Promise.all(list.map(async (row) => ({ row, said: await around(row.event_nid) })))
      const [ofPeople, ofRooms] = await Promise.all([
        readPlainReports(database.aside, '@', wish),
        readPlainReports(database.aside, '!', wish),
      ])
      const plain = (rowsOf: typeof ofPeople, place: 'people' | 'rooms') =>
        rows(
          rowsOf.map(
            (row) =>
              html`<div>
                  ${link(deps, `/${place}/${encodeURIComponent(row.target)}`, row.target)}
                  <span class="quiet"
                    >${row.reason === '' ? 'no reason given' : row.reason}; ${time(row.created_ts)}, by
                    ${link(deps, `/people/${encodeURIComponent(row.reporter)}`, row.reporter)}</span
                  >
                </div>
                ${button(deps, request, `/reports/${row.nid}/dismiss`, 'Dismiss')}`,
          ),
          'None.',
        )
      return {
        title: 'Reports',
        body: html`<p class="quiet">${total} reports</p>
          ${rows(
            shown.map(
              ({ row, said }) =>
                html`<div>
                    <strong>${row.reason === '' ? 'No reason given' : row.reason}</strong>
                    <span class="quiet"
                      >${time(row.created_ts)}, by
                      ${link(deps, `/people/${encodeURIComponent(row.reporter)}`, row.reporter)}
                      ${
                        row.room_id !== null &&
                        html`in ${link(deps, `/rooms/${encodeURIComponent(row.room_id)}`, row.name ?? row.room_id)}`
                      }
                      ${row.sender !== null && html`about ${link(deps, `/people/${encodeURIComponent(row.sender)}`, row.sender)}`}</span
                    >
                    ${said.map(({ text, reported }) => (reported ? html`<p class="notice">${text}</p>` : html`<p class="quiet">${text}</p>`))}
                  </div>
                  ${button(deps, request, `/reports/${row.nid}/dismiss`, 'Dismiss')}`,
            ),
            'Nothing has been reported.',
          )}
          <h2>People</h2>
          ${plain(ofPeople, 'people')}
          <h2>Rooms</h2>
          ${plain(ofRooms, 'rooms')}`,
      }
    }),
    consoleAct(deps, { id: 'console dismiss report', path: '/reports/:report/dismiss' }, async ({ params }) => {
      const nid = Number(params['report'])
      if (Number.isSafeInteger(nid)) await database.write((tx) => deleteReport(tx, nid))
      return { target: String(nid), next: '/reports' }
    }),
    consolePage(deps, { id: 'consoleTokens', path: '/tokens' }, async (request) => ({
      title: 'Registration tokens',
      body: html`<p class="quiet">People register by them while the setting "registration" is "token".</p>
        <div class="actions">
          ${button(deps, request, '/tokens/new', 'New token for one account', { values: { uses: '1' } })}
          ${button(deps, request, '/tokens/new', 'New token without a limit')}
        </div>
        ${rows(
          (await registrationTokens.list()).map(
            (row) =>
              html`<div>
                  ${row.token}
                  <span class="quiet"
                    >${row.completed} of ${row.uses_allowed ?? 'any number'}
                    used${row.expires_ts !== null && `, until ${time(row.expires_ts)}`}</span
                  >
                </div>
                ${button(deps, request, '/tokens/delete', 'Delete', { values: { which: row.token } })}`,
          ),
          'There are none.',
        )}`,
    })),
    consoleAct(deps, { id: 'console new token', path: '/tokens/new' }, async ({ form }) => {
      const { token } = await registrationTokens.add(undefined, 16, {
        usesAllowed: form.get('uses') === '1' ? 1 : null,
      })
      return { target: token, next: '/tokens' }
    }),
    consoleAct(deps, { id: 'console delete token', path: '/tokens/delete' }, async ({ form }) => {
      const token = form.get('which') ?? ''
      await registrationTokens.delete(token)
      return { target: token, next: '/tokens' }
    }),
    consolePage(deps, { id: 'consoleTasks', path: '/tasks' }, async () => ({
      title: 'Tasks',
      body: rows(
        (await tasks.list({})).slice(0, 100).map(
          (row) =>
            html`<div>
              ${row.action}
              ${isRoomId(row.resource) ? link(deps, `/rooms/${encodeURIComponent(row.resource)}`, row.resource) : row.resource}
              <span class="quiet">${row.status}${row.error !== null && `: ${row.error}`}, ${time(row.changed_ts)}</span>
            </div>`,
        ),
        'None in the last month.',
      ),
    })),
    consolePage(deps, { id: 'consoleAudit', path: '/audit' }, async ({ query }) => {
      const before = Number(query.get('before') ?? Number.NaN)
      const list = await readAuditEntries(database.read, {
        limit: 100,
        ...(Number.isSafeInteger(before) && { before }),
      })
      const last = list.at(-1)
      return {
        title: 'Audit log',
        body: html`${rows(
          list.map(
            (row) =>
              html`<div>
                ${row.action} ${row.target}
                <span class="quiet"
                  >${row.actor}, ${time(row.ts)}, from
                  ${row.ip}${row.outcome !== 'done' && `, refused: ${row.outcome}`}</span
                >
              </div>`,
          ),
          'Nothing yet.',
        )}
        ${last && list.length === 100 && link(deps, `/audit?before=${last.nid}`, 'Further')}`,
      }
    }),
  ]
}
