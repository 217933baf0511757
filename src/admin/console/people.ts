import type { Route } from '../../http/index.ts'
import { html } from '../../login/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { anyAccount } from '../api/user.ts'
import type { AdminApiDeps } from '../deps.ts'
import { countAccounts, readAccountPage, readMembershipsOf } from '../store/users.ts'
import { button, consoleAct, consolePage, further, link, pageFrom, pageSize, rows, searchForm, time } from './frame.ts'

const forbidden = (): MatrixError => new MatrixError('M_FORBIDDEN', 'This is your own account')

const at = (userId: string): string => `/people/${encodeURIComponent(userId)}`

/** People: who there is, where they are signed in, and what can be done about them. */
export const peoplePages = (deps: AdminApiDeps): Route[] => {
  const { database, users, devices, login, identities } = deps
  const found = (params: Readonly<Record<string, string>>) => anyAccount(deps, params['userId'] ?? '')
  const notOneself = (admin: { nid: number }, account: { nid: number }): void => {
    if (admin.nid === account.nid) throw forbidden()
  }
  return [
    consolePage(deps, { id: 'consolePeople', path: '/people' }, async (request) => {
      const q = request.query.get('q') ?? ''
      const from = pageFrom(request)
      const wish = { ...(q !== '' && { name: q }), orderBy: 'name', dir: 'f', from, limit: pageSize } as const
      const list = await readAccountPage(database.aside, wish)
      const total = await countAccounts(database.aside, wish)
      return {
        title: 'People',
        body: html`${searchForm(deps, '/people', 'Name', q)}
          <p class="quiet">${total} accounts</p>
          ${rows(
            list.map(
              (row) =>
                html`<div>
                  ${link(deps, at(row.user_id), row.user_id)}
                  <span class="quiet"
                    >${row.display_name ?? ''} ${row.admin === 1 && 'administrator'}
                    ${row.deactivated === 1 && 'deactivated'} ${row.locked === 1 && 'locked'}
                    ${row.suspended === 1 && 'suspended'}, seen ${time(row.last_seen_ts)}</span
                  >
                </div>`,
            ),
            'Nobody of that name.',
          )}
          ${further(deps, '/people', q, from, total)}`,
      }
    }),
    consolePage(deps, { id: 'consolePerson', path: '/people/:userId' }, async (request) => {
      const account = await found(request.params)
      const { nid, userId } = account
      const [list, emails, links, rooms] = await Promise.all([
        devices.list(nid),
        login.administration.emails(nid),
        identities.links.of(nid),
        readMembershipsOf(database.read, nid),
      ])
      const joined = rooms.filter(({ membership }) => membership === 'join')
      const act = (name: string, label: string) => button(deps, request, `${at(userId)}/${name}`, label)
      return {
        title: userId,
        body: html`<p>
            ${account.displayName ?? ''}
            <span class="quiet">since ${time(account.createdTs)}, by ${account.createdBy}</span>
          </p>
          ${account.deactivated && html`<p class="notice warn">This account has been deactivated.</p>`}
          ${
            !account.deactivated &&
            account.nid !== request.admin.nid &&
            html`<div class="actions">
              ${act(account.locked ? 'unlock' : 'lock', account.locked ? 'Unlock' : 'Lock')}
              ${act(account.suspended ? 'unsuspend' : 'suspend', account.suspended ? 'Lift suspension' : 'Suspend')}
              <a class="button plain danger" href="${login.web.base}/_latchkey/admin${at(userId)}/deactivate"
                >Deactivate …</a
              >
            </div>`
          }
          <h2>Sessions</h2>
          ${rows(
            list.map(
              (device) =>
                html`<div>
                    ${device.displayName ?? device.deviceId}
                    <span class="quiet"
                      >${device.deviceId}, ${device.lastSeenIp ?? ''}, seen ${time(device.lastSeenTs)}</span
                    >
                  </div>
                  ${button(deps, request, `${at(userId)}/sign-out`, 'Sign out', { values: { device: device.deviceId } })}`,
            ),
            'No sessions.',
          )}
          <h2>Addresses</h2>
          ${rows(
            emails.map(({ address }) => html`<div>${address}</div>`),
            'No addresses.',
          )}
          <h2>Identity providers</h2>
          ${rows(
            links.map(({ provider, subject }) => html`<div>${provider}: ${subject}</div>`),
            'Not linked to anybody.',
          )}
          <h2>Rooms</h2>
          ${rows(
            joined
              .slice(0, 200)
              .map((row) => html`<div>${link(deps, `/rooms/${encodeURIComponent(row.room_id)}`, row.room_id)}</div>`),
            'In no room.',
          )}`,
      }
    }),
    ...(['lock', 'unlock'] as const).map((name) =>
      consoleAct(deps, { id: `console ${name}`, path: `/people/:userId/${name}` }, async ({ params, admin }) => {
        const account = await found(params)
        notOneself(admin, account)
        await identities.locks.take(account.nid)
        await users.setLocked(account.nid, name === 'lock')
        return { target: account.userId, next: at(account.userId) }
      }),
    ),
    ...(['suspend', 'unsuspend'] as const).map((name) =>
      consoleAct(deps, { id: `console ${name}`, path: `/people/:userId/${name}` }, async ({ params, admin }) => {
        const account = await found(params)
        notOneself(admin, account)
        await users.setSuspended(account.nid, name === 'suspend')
        return { target: account.userId, next: at(account.userId) }
      }),
    ),
    consoleAct(deps, { id: 'console sign out', path: '/people/:userId/sign-out' }, async ({ params, form }) => {
      const account = await found(params)
      await deps.log.write((tx) => devices.delete(tx, account.nid, [form.get('device') ?? '']))
      return { target: account.userId, next: at(account.userId) }
    }),
    consolePage(deps, { id: 'consoleDeactivate', path: '/people/:userId/deactivate', fresh: true }, async (request) => {
      const { userId } = await found(request.params)
      return {
        title: `Deactivate ${userId}?`,
        body: html`<p>The account ends for good: sessions, keys, addresses and memberships go.</p>
          <div class="actions">
            ${button(deps, request, `${at(userId)}/deactivate`, 'Deactivate', { danger: true })}
            ${button(deps, request, `${at(userId)}/deactivate`, 'Deactivate and erase', { danger: true, values: { erase: 'yes' } })}
            ${link(deps, at(userId), 'Back')}
          </div>`,
      }
    }),
    consoleAct(
      deps,
      { id: 'console deactivate', path: '/people/:userId/deactivate', fresh: true },
      async ({ params, form, admin }) => {
        const account = await found(params)
        notOneself(admin, account)
        await identities.deactivate(account.nid, form.get('erase') === 'yes')
        return { target: account.userId, next: at(account.userId) }
      },
    ),
  ]
}
