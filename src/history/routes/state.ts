import { Type } from 'typebox'
import { RawJson, route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { enter, stateEventIn, stateIn } from '../access.ts'
import type { HistoryRouteDeps } from '../deps.ts'
import { openObject, RoomParams } from '../../rooms/index.ts'
import { EventList } from './query.ts'

const Format = Type.Object({ format: Type.Optional(Type.Union([Type.Literal('content'), Type.Literal('event')])) })

const base = '/_matrix/client/v3/rooms/:roomId'

export const stateRoutes = (deps: HistoryRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstate */
  route({
    id: 'getRoomState',
    method: 'GET',
    path: `${base}/state`,
    auth: 'guest',
    params: RoomParams,
    reply: EventList,
    handle: async ({ session, params }) => {
      const view = await enter(deps, session, params.roomId)
      const state = await deps.rooms.events.many([...(await stateIn(deps, view)).values()])
      const reader = { session, device: session.device, now: deps.now(), withRoomId: true, lean: true }
      return new RawJson(`[${(await deps.history.serialise(state, reader)).join(',')}]`)
    },
  }),
  /**
   * The empty state key may be left out, and the slash before it.
   * @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstateeventtypestatekey
   */
  route({
    id: 'getRoomStateWithKey',
    method: 'GET',
    path: `${base}/state/:eventType/:stateKey`,
    auth: 'guest',
    paths: [`${base}/state/:eventType`, `${base}/state/:eventType/`],
    params: Type.Object({ roomId: Type.String(), eventType: Type.String(), stateKey: Type.Optional(Type.String()) }),
    query: Format,
    reply: openObject,
    handle: async ({ session, params: { roomId, eventType, stateKey = '' }, query }) => {
      const view = await enter(deps, session, roomId)
      const stored = await stateEventIn(deps, view, eventType, stateKey)
      if (!stored) throw new MatrixError('M_NOT_FOUND', 'The room has no state of this type and key')
      if (query.format !== 'event') return new RawJson(JSON.stringify(stored.event.content))
      const [json] = await deps.history.serialise([stored], {
        session,
        device: session.device,
        now: deps.now(),
        withRoomId: true,
      })
      return new RawJson(json ?? '')
    },
  }),
]
