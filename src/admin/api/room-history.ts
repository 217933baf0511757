import { type TObject, Type } from 'typebox'
import type { Route, RouteHandlerContext } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { historyRoutes } from '../../history/index.ts'
import { hierarchyPage } from '../../directory/index.ts'
import type { AdminApiDeps } from '../deps.ts'
import { adminRoute, Dir } from './route.ts'
import { mustBeRoom, RoomParams } from './rooms.ts'

/** What members read of a room, for administrators, who see all of it. Each look stands in the audit log. */
export const roomHistoryRoutes = (deps: AdminApiDeps): Route[] => {
  const resolve = { resolve: deps.resolveAlias }
  const known = new Map(historyRoutes({ ...deps, aliases: resolve }).map((route) => [route.id, route]))

  /** An endpoint of members under another path, asked by who sees everything. */
  const everything = (id: string, clientId: string, path: string, more?: TObject): Route => {
    const original = known.get(clientId)
    if (!original) throw new Error(`There is no operation ${clientId}`)
    const own = { ...original.query?.properties, ...more?.properties }
    return adminRoute(deps, {
      id,
      method: 'GET',
      path,
      audited: true,
      limit: 'heavy',
      ...(original.params && { params: original.params }),
      query: Type.Object(own),
      reply: original.reply,
      handle: async (context) => {
        const { session, params, ip, userAgent, headers, signal, trace, origin, setHeader } = context
        await mustBeRoom(deps, String((params as Record<string, unknown>)['roomId']))
        const query = { ...(more && { dir: 'f' }), ...context.query }
        const asked = { params, query, ip, userAgent, headers, signal, trace, origin, setHeader, body: undefined }
        const everywhere = { ...session, all: true }
        const all: RouteHandlerContext = { ...asked, session: everywhere }
        return original.handle(all)
      },
    })
  }

  const base = '/_synapse/admin/v1/rooms/:roomId'
  const WithDir = Type.Object({ dir: Dir })
  return [
    everything('adminRoomMessages', 'getRoomEvents', `${base}/messages`, WithDir),
    everything('adminEventContext', 'getEventContext', `${base}/context/:eventId`),
    everything('adminEventByTimestamp', 'getEventByTimestamp', `${base}/timestamp_to_event`, WithDir),
    adminRoute(deps, {
      id: 'adminSpaceHierarchy',
      method: 'GET',
      path: `${base}/hierarchy`,
      limit: 'heavy',
      params: RoomParams,
      query: Type.Object({
        from: Type.Optional(Type.String()),
        limit: Type.Optional(Type.Integer()),
        max_depth: Type.Optional(Type.Integer()),
      }),
      reply: Type.Object({ rooms: Type.Array(Type.Object({})), next_batch: Type.Optional(Type.String()) }),
      handle: async ({ session, params, query }) => {
        const room = await mustBeRoom(deps, params.roomId)
        return hierarchyPage(deps, session.user, room.id, {
          suggestedOnly: false,
          maxDepth: query.max_depth,
          limit: query.limit,
          from: query.from,
          all: true,
        })
      },
    }),
    /** An event as it is signed, whatever room it is of. */
    adminRoute(deps, {
      id: 'adminFetchEvent',
      method: 'GET',
      path: '/_synapse/admin/v1/fetch_event/:eventId',
      audited: true,
      params: Type.Object({ eventId: Type.String() }),
      reply: Type.Object({ event: Type.Object({}) }),
      handle: async ({ params }) => {
        const stored = await deps.rooms.events.byId(params.eventId)
        if (!stored) throw new MatrixError('M_NOT_FOUND', 'Event not found')
        return { event: { ...stored.event.pdu, event_id: stored.event.id } }
      },
    }),
  ]
}
