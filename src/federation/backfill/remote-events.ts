import type { RemoteEvents } from '../../events/index.ts'
import { own, type Json } from '../../matrix/json.ts'
import { remotePath, type FederationClient } from '../client.ts'

/** A state of many thousand members, with what it rests on. */
const largestState = 128 * 1024 * 1024
const largestIds = 16 * 1024 * 1024
const largestEvents = 16 * 1024 * 1024
const stateTimeoutMs = 120_000

const listOf = (answer: Json, key: string): readonly Json[] => {
  const list = own(answer, key)
  return Array.isArray(list) ? list : []
}
const idsOf = (answer: Json, key: string): string[] =>
  listOf(answer, key).filter((id): id is string => typeof id === 'string')

/** Events and states, asked of other servers. */
export const remoteEvents = (client: FederationClient): RemoteEvents => ({
  /** @see https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1get_missing_eventsroomid */
  missing: async (server, roomId, { earliest, latest, limit }) =>
    listOf(
      await client.ask(server, {
        method: 'POST',
        path: remotePath('federation/v1/get_missing_events', roomId),
        content: { earliest_events: [...earliest], latest_events: [...latest], limit, min_depth: 0 },
        maxBytes: largestEvents,
      }),
      'events',
    ),
  /** @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1backfillroomid */
  backfill: async (server, roomId, from, limit) =>
    listOf(
      await client.ask(server, {
        path: remotePath('federation/v1/backfill', roomId),
        query: { v: from, limit },
        maxBytes: largestEvents,
      }),
      'pdus',
    ),
  /** @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1state_idsroomid */
  stateIds: async (server, roomId, eventId) => {
    const answer = await client.ask(server, {
      path: remotePath('federation/v1/state_ids', roomId),
      query: { event_id: eventId },
      maxBytes: largestIds,
      timeoutMs: stateTimeoutMs,
    })
    return { state: idsOf(answer, 'pdu_ids'), authChain: idsOf(answer, 'auth_chain_ids') }
  },
  /** @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1stateroomid */
  state: async (server, roomId, eventId) => {
    const answer = await client.ask(server, {
      path: remotePath('federation/v1/state', roomId),
      query: { event_id: eventId },
      maxBytes: largestState,
      timeoutMs: stateTimeoutMs,
    })
    return { state: listOf(answer, 'pdus'), authChain: listOf(answer, 'auth_chain') }
  },
  /** @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1eventeventid */
  event: async (server, _roomId, eventId) =>
    listOf(await client.ask(server, { path: remotePath('federation/v1/event', eventId) }), 'pdus')[0],
  /** @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1event_authroomideventid */
  authChain: async (server, roomId, eventId) =>
    listOf(
      await client.ask(server, {
        path: remotePath('federation/v1/event_auth', roomId, eventId),
        maxBytes: largestEvents,
      }),
      'auth_chain',
    ),
})
