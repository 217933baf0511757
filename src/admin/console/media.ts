import type { Route } from '../../http/index.ts'
import { html } from '../../login/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { AdminApiDeps } from '../deps.ts'
import { countMediaUsers, readMediaUse } from '../store/statistics.ts'
import {
  button,
  consoleAct,
  consolePage,
  further,
  link,
  pageFrom,
  pageSize,
  rows,
  searchForm,
  shownBytes,
  time,
} from './frame.ts'

const at = (userId: string): string => `/media/${encodeURIComponent(userId)}`

/** Files: who has how many, keeping them from everybody, and deleting them. */
export const mediaPages = (deps: AdminApiDeps): Route[] => {
  const { database, media, users, serverName } = deps
  const nidOf = async (userId: string): Promise<number> => {
    const nid = await users.find(userId)
    if (nid === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such user')
    return nid
  }
  /** A file of the user's: forms speak of no others. */
  const fileOf = async (userId: string, mediaId: string): Promise<string> => {
    const found = await media.info(mediaId)
    if (found?.user_id !== userId) throw new MatrixError('M_NOT_FOUND', 'There is no such file')
    return mediaId
  }
  return [
    consolePage(deps, { id: 'consoleMedia', path: '/media' }, async (request) => {
      const q = request.query.get('q') ?? ''
      const from = pageFrom(request)
      const wish = {
        ...(q !== '' && { search: q }),
        orderBy: 'media_length',
        dir: 'b',
        from,
        limit: pageSize,
      } as const
      const list = await readMediaUse(database.aside, wish)
      const total = await countMediaUsers(database.aside, wish)
      return {
        title: 'Files',
        body: html`${searchForm(deps, '/media', 'Name or Matrix ID', q)}
          <p class="quiet">${total} people have uploaded files</p>
          ${rows(
            list.map(
              (row) =>
                html`<div>
                  ${link(deps, at(row.user_id), row.user_id)}
                  <span class="quiet">${row.media_count} files, ${shownBytes(row.media_length)}</span>
                </div>`,
            ),
            'Nobody.',
          )}
          ${further(deps, '/media', q, from, total)}`,
      }
    }),
    consolePage(deps, { id: 'consoleMediaOf', path: '/media/:userId' }, async (request) => {
      const userId = request.params['userId'] ?? ''
      const from = pageFrom(request)
      const wish = { orderBy: 'created_ts', dir: 'b', from, limit: pageSize } as const
      const { media: list, total } = await media.of(await nidOf(userId), wish)
      const act = (name: string, label: string, mediaId: string) =>
        button(deps, request, `${at(userId)}/${name}`, label, { values: { media: mediaId } })
      return {
        title: `Files of ${userId}`,
        body: html`<p class="quiet">
            ${total} files, ${link(deps, `/people/${encodeURIComponent(userId)}`, 'the account')}
          </p>
          ${rows(
            list.map(
              (row) =>
                html`<div>
                    ${row.filename ?? row.media_id}
                    <span class="quiet"
                      >${row.type}, ${shownBytes(row.size)}, ${time(row.created_ts)},
                      mxc://${serverName}/${row.media_id}
                      ${row.quarantined_by !== null && `, in quarantine by ${row.quarantined_by}`}</span
                    >
                  </div>
                  ${
                    row.quarantined_by === null
                      ? act('quarantine', 'Quarantine', row.media_id)
                      : act('release', 'Release', row.media_id)
                  }
                  ${link(deps, `${at(userId)}/delete?media=${encodeURIComponent(row.media_id)}`, 'Delete …')}`,
            ),
            'None.',
          )}
          ${further(deps, at(userId), '', from, total)}`,
      }
    }),
    consoleAct(
      deps,
      { id: 'console quarantine file', path: '/media/:userId/quarantine' },
      async ({ params, form, admin }) => {
        const userId = params['userId'] ?? ''
        const id = await fileOf(userId, form.get('media') ?? '')
        await media.quarantine([id], admin.userId)
        return { target: `mxc://${serverName}/${id}`, next: at(userId) }
      },
    ),
    consoleAct(deps, { id: 'console release file', path: '/media/:userId/release' }, async ({ params, form }) => {
      const userId = params['userId'] ?? ''
      const id = await fileOf(userId, form.get('media') ?? '')
      await media.unquarantine(id)
      return { target: `mxc://${serverName}/${id}`, next: at(userId) }
    }),
    consolePage(deps, { id: 'consoleDeleteFile', path: '/media/:userId/delete', fresh: true }, async (request) => {
      const userId = request.params['userId'] ?? ''
      const id = await fileOf(userId, request.query.get('media') ?? '')
      return {
        title: 'Delete this file?',
        body: html`<p>mxc://${serverName}/${id} of ${userId} goes for good, for everybody who was sent it.</p>
          <div class="actions">
            ${button(deps, request, `${at(userId)}/delete`, 'Delete', { danger: true, values: { media: id } })}
            ${link(deps, at(userId), 'Back')}
          </div>`,
      }
    }),
    consoleAct(
      deps,
      { id: 'console delete file', path: '/media/:userId/delete', fresh: true },
      async ({ params, form }) => {
        const userId = params['userId'] ?? ''
        const id = await fileOf(userId, form.get('media') ?? '')
        await media.delete([id])
        return { target: `mxc://${serverName}/${id}`, next: at(userId) }
      },
    ),
  ]
}
