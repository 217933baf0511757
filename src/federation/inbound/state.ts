import { Type } from 'typebox'
import { RawJson, route, type Route } from '../../http/index.ts'
import type { Rooms, StoredEvent } from '../../events/index.ts'
import { authChain } from './auth-chain.ts'
import { pduListText } from './pdu-text.ts'
import { eventInSight, type SightDeps } from './sight.ts'

export type StateDeps = SightDeps & { readonly rooms: Pick<Rooms, 'stateBefore'> }

const Params = Type.Object({ roomId: Type.String() })
const Query = Type.Object({ event_id: Type.String() })
const open = Type.Record(Type.String(), Type.Unknown())

const ids = (list: readonly StoredEvent[]): string => JSON.stringify(list.map(({ event }) => event.id))

/** The state of a room before an event, and what authorises it. */
export const stateRoutes = (deps: StateDeps): Route[] => {
  const { rooms } = deps
  const stateBefore = async (origin: string, roomId: string, eventId: string) => {
    const { stored, sight } = await eventInSight(deps, origin, eventId, { roomId, least: 'redacted' })
    const state = await rooms.events.many([...(await rooms.stateBefore(stored)).values()])
    return { state, chain: await authChain(rooms.events, state), version: sight.room.version }
  }
  const common = { method: 'GET', auth: 'server', limit: 'federation', reply: open } as const
  return [
    /** @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1stateroomid */
    route({
      ...common,
      id: 'getRoomState',
      path: '/_matrix/federation/v1/state/:roomId',
      params: Params,
      query: Query,
      handle: async ({ origin, params, query }) => {
        const { state, chain, version } = await stateBefore(origin, params.roomId, query.event_id)
        const [pdus, auth] = [await pduListText(state, version), await pduListText(chain, version)]
        return new RawJson(`{"pdus":${pdus},"auth_chain":${auth}}`)
      },
    }),
    /** @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1state_idsroomid */
    route({
      ...common,
      id: 'getRoomStateIds',
      path: '/_matrix/federation/v1/state_ids/:roomId',
      params: Params,
      query: Query,
      handle: async ({ origin, params, query }) => {
        const { state, chain } = await stateBefore(origin, params.roomId, query.event_id)
        return new RawJson(`{"pdu_ids":${ids(state)},"auth_chain_ids":${ids(chain)}}`)
      },
    }),
    /** @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1event_authroomideventid */
    route({
      ...common,
      id: 'getEventAuth',
      path: '/_matrix/federation/v1/event_auth/:roomId/:eventId',
      params: Type.Object({ roomId: Type.String(), eventId: Type.String() }),
      handle: async ({ origin, params }) => {
        const { stored, sight } = await eventInSight(deps, origin, params.eventId, {
          roomId: params.roomId,
          least: 'redacted',
        })
        const chain = await authChain(rooms.events, [stored])
        return new RawJson(`{"auth_chain":${await pduListText(chain, sight.room.version)}}`)
      },
    }),
  ]
}
