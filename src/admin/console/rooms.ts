import type { Route } from '../../http/index.ts'
import { html } from '../../login/index.ts'
import { mustBeRoom } from '../api/rooms.ts'
import type { AdminApiDeps } from '../deps.ts'
import { countRooms, readRoomPage } from '../store/rooms.ts'
import { button, consoleAct, consolePage, further, link, pageFrom, pageSize, rows, searchForm, time } from './frame.ts'

const at = (roomId: string): string => `/rooms/${encodeURIComponent(roomId)}`
const mostMembers = 200

/** Rooms: what there is, who is in them, and how they are closed. */
export const roomPages = (deps: AdminApiDeps): Route[] => {
  const { database, users, blocks, tasks, login } = deps
  const found = (params: Readonly<Record<string, string>>) => mustBeRoom(deps, params['roomId'] ?? '')
  return [
    consolePage(deps, { id: 'consoleRooms', path: '/rooms' }, async (request) => {
      const q = request.query.get('q') ?? ''
      const from = pageFrom(request)
      const wish = {
        ...(q !== '' && { search: q }),
        orderBy: 'joined_members',
        dir: 'f',
        from,
        limit: pageSize,
      } as const
      const list = await readRoomPage(database.aside, wish)
      const total = await countRooms(database.aside, wish)
      return {
        title: 'Rooms',
        body: html`${searchForm(deps, '/rooms', 'Name, alias or id', q)}
          <p class="quiet">${total} rooms</p>
          ${rows(
            list.map(
              (row) =>
                html`<div>
                  ${link(deps, at(row.room_id), row.name ?? row.canonical_alias ?? row.room_id)}
                  <span class="quiet"
                    >${row.joined_members} members, by ${row.creator} ${row.encryption !== null && ', encrypted'}</span
                  >
                </div>`,
            ),
            'No such room.',
          )}
          ${further(deps, '/rooms', q, from, total)}`,
      }
    }),
    consolePage(deps, { id: 'consoleRoom', path: '/rooms/:roomId' }, async (request) => {
      const room = await found(request.params)
      const members = [...(await users.namesOf([...room.joined].slice(0, mostMembers))).values()].sort()
      const blocked = blocks.by(room.id)
      return {
        title: room.summary.name ?? room.id,
        body: html`<p>${room.summary.topic ?? ''}</p>
          <p class="quiet">
            ${room.id}, version ${room.version.id}, made ${time(room.createdTs)}, ${room.joined.size} members
          </p>
          ${blocked !== undefined && html`<p class="notice warn">Blocked by ${blocked}: nobody can enter.</p>`}
          <div class="actions">
            ${button(deps, request, `${at(room.id)}/${blocked === undefined ? 'block' : 'unblock'}`, blocked === undefined ? 'Block' : 'Unblock')}
            <a class="button plain danger" href="${login.web.base}/_latchkey/admin${at(room.id)}/delete">Delete …</a>
          </div>
          <h2>Members</h2>
          ${rows(
            members.map((userId) => html`<div>${link(deps, `/people/${encodeURIComponent(userId)}`, userId)}</div>`),
            'Nobody is in it.',
          )}`,
      }
    }),
    ...(['block', 'unblock'] as const).map((name) =>
      consoleAct(deps, { id: `console ${name} room`, path: `/rooms/:roomId/${name}` }, async ({ params, admin }) => {
        const room = await found(params)
        await (name === 'block' ? blocks.block(room.id, admin.userId) : blocks.unblock(room.id))
        return { target: room.id, next: at(room.id) }
      }),
    ),
    consolePage(deps, { id: 'consoleDeleteRoom', path: '/rooms/:roomId/delete', fresh: true }, async (request) => {
      const room = await found(request.params)
      return {
        title: 'Delete this room?',
        body: html`<p>
            <strong>${room.summary.name ?? room.id}</strong>: its ${room.joined.size} members are put out, and
            everything in it is deleted for good.
          </p>
          <div class="actions">
            ${button(deps, request, `${at(room.id)}/delete`, 'Delete', { danger: true })}
            ${button(deps, request, `${at(room.id)}/delete`, 'Delete and block', { danger: true, values: { block: 'yes' } })}
            ${link(deps, at(room.id), 'Back')}
          </div>`,
      }
    }),
    consoleAct(
      deps,
      { id: 'console delete room', path: '/rooms/:roomId/delete', fresh: true },
      async ({ params, form, admin }) => {
        const room = await found(params)
        await tasks.start('delete_room', room.id, { block: form.get('block') === 'yes', requester: admin.userId })
        return { target: room.id, next: '/tasks' }
      },
    ),
  ]
}
