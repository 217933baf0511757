import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { enter } from '../access.ts'
import type { HistoryRouteDeps } from '../deps.ts'
import { RoomParams } from '../../rooms/index.ts'
import { bounds } from '../page.ts'
import { readNearest } from '../store/events.ts'
import { DirParam } from './query.ts'

/** Events that are looked at to find one that the user may see: so many at once, so often. */
const [atOnce, rounds] = [50, 20]

export const timestampRoutes = (deps: HistoryRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event */
  route({
    id: 'getEventByTimestamp',
    method: 'GET',
    path: '/_matrix/client/v1/rooms/:roomId/timestamp_to_event',
    auth: 'user',
    params: RoomParams,
    query: Type.Object({ ts: Type.Integer(), dir: DirParam }),
    reply: Type.Object({ event_id: Type.String(), origin_server_ts: Type.Integer() }),
    handle: async ({ session, params, query: { ts, dir } }) => {
      const view = await enter(deps, session, params.roomId)
      const { upTo } = await bounds(deps, view, { dir, from: undefined, to: undefined })
      const edge = dir === 'f' ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER
      let moment = { room: view.room.nid, ts, position: edge, upTo, limit: atOnce }
      for (let round = 0; round < rounds; round++) {
        const rows = await readNearest(deps.database.read, dir, moment)
        const [nearest] = await deps.history.visible(session, await deps.rooms.events.many(rows.map((row) => row.nid)))
        if (nearest) return { event_id: nearest.event.id, origin_server_ts: nearest.event.ts }
        const last = rows.at(-1)
        if (!last || rows.length < atOnce) break
        moment = { ...moment, ts: last.ts, position: last.position ?? edge }
      }
      throw new MatrixError(
        'M_NOT_FOUND',
        `There is no event ${dir === 'f' ? 'from this time on' : 'up to this time'} that you may see`,
      )
    },
  }),
]
