import { Type } from 'typebox'
import { RawJson, route, type Route } from '../../http/index.ts'
import { redact } from '../../matrix/redaction.ts'
import { enter, type View } from '../access.ts'
import type { StoredEvent } from '../../events/index.ts'
import { RoomParams } from '../../rooms/index.ts'
import type { HistoryRouteDeps } from '../deps.ts'
import { bounds, readToken } from '../page.ts'
import { readNids } from '../store/events.ts'
import { readThreadEvents, readThreadsSince } from '../store/related.ts'
import { EventList } from './query.ts'

const Query = Type.Object({
  include: Type.Optional(Type.Union([Type.Literal('all'), Type.Literal('participated')])),
  limit: Type.Optional(Type.Integer({ minimum: 1 })),
  from: Type.Optional(Type.String()),
})

/** Events in threads that are looked at at once, and how often. */
const [atOnce, rounds] = [500, 4]
const [usualLimit, largestLimit] = [20, 100]

interface Found {
  readonly roots: StoredEvent[]
  readonly next: number | undefined
}

/** Roots in the order of the newest event in their threads, newest first. */
async function threadRoots(
  deps: HistoryRouteDeps,
  view: View,
  wish: { from: number | undefined; limit: number; participated: boolean },
): Promise<Found> {
  const { upTo: top } = await bounds(deps, view, { dir: 'b', from: undefined, to: undefined })
  const roots: StoredEvent[] = []
  let upTo = Math.min(wish.from ?? top, top)
  for (let round = 0; round < rounds; round++) {
    const rows = await readThreadEvents(deps.database.read, view.room.nid, upTo, atOnce)
    const newest = new Map<string, number>()
    for (const row of rows) if (!newest.has(row.target_id)) newest.set(row.target_id, row.position)
    // A thread that goes on after this place has had its turn on a page before.
    const before =
      upTo < top ? await readThreadsSince(deps.database.read, [...newest.keys()], upTo, top) : new Set<string>()
    const candidates = await rootsAmong(
      deps,
      view,
      [...newest.keys()].filter((id) => !before.has(id)),
      wish.participated,
    )
    for (const [id, position] of newest) {
      const root = candidates.get(id)
      if (!root) continue
      if (roots.length === wish.limit) return { roots, next: position }
      roots.push(root)
    }
    const last = rows.at(-1)
    if (!last || rows.length < atOnce) return { roots, next: undefined }
    upTo = last.position - 1
  }
  return { roots, next: upTo }
}

/** Those of the events that the user may see, and that have a thread for them. */
async function rootsAmong(
  deps: HistoryRouteDeps,
  { session, room }: View,
  ids: readonly string[],
  participated: boolean,
): Promise<Map<string, StoredEvent>> {
  const stored = await deps.rooms.events.many([...(await readNids(deps.database.read, ids)).values()])
  const visible = await deps.history.visible(
    session,
    stored.filter((one) => one.room === room.nid),
  )
  const bundles = await deps.history.bundles(session, visible)
  return new Map(
    visible.flatMap((one) => {
      const thread = bundles.get(one.nid)?.thread
      return thread && (!participated || thread.participated) ? [[one.event.id, one]] : []
    }),
  )
}

export const threadRoutes = (deps: HistoryRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidthreads */
  route({
    id: 'getThreadRoots',
    method: 'GET',
    path: '/_matrix/client/v1/rooms/:roomId/threads',
    auth: 'user',
    params: RoomParams,
    query: Query,
    reply: Type.Object({ chunk: EventList, next_batch: Type.Optional(Type.String()) }),
    handle: async ({ session, params, query }) => {
      const from = readToken(deps.log, 'from', query.from || undefined)
      const view = await enter(deps, session, params.roomId)
      const wish = {
        from,
        limit: Math.min(query.limit ?? usualLimit, largestLimit),
        participated: query.include === 'participated',
      }
      const { roots, next } = await threadRoots(deps, view, wish)
      const ignored = await deps.users.accountData.ignored(session.user)
      const shown = roots.map((root) => (ignored.has(root.event.sender) ? asRedacted(root, view) : root))
      const chunk = await deps.history.serialise(shown, {
        session,
        device: session.device,
        now: deps.now(),
        withRoomId: true,
      })
      return new RawJson(`{"chunk":[${chunk.join(',')}]${next === undefined ? '' : `,"next_batch":"${next}"`}}`)
    },
  }),
]

/** What somebody ignored began is shown as if it had been redacted: the thread goes on without it. */
function asRedacted(root: StoredEvent, { room }: View): StoredEvent {
  const { clientJson: _, ...rest } = root
  const pdu = redact(root.event.pdu, room.version)
  return { ...rest, event: { ...root.event, content: pdu.content, pdu } }
}
