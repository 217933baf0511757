import type { RoomEvent } from '../event.ts'
import type { RoomVersion } from '../room-version.ts'
import { authGraph } from './auth-graph.ts'
import type { StateMap } from './state-map.ts'
import { resolveV1 } from './v1.ts'
import { resolveV2 } from './v2.ts'

export { type StateMap, stateMapKey } from './state-map.ts'

/**
 * Makes one state of several, by the algorithm of the room version: the state before an event whose `prev_events`
 * have these states after them. The order of the states does not matter. Never recursive; fetches every event at most
 * once, and only the auth chains of events that differ and, if that does not decide it, those of the rest of the state.
 *
 * @param states at least one; with only one (or the same one several times) nothing is fetched.
 * @param get finds events by id. Undefined counts as an event that nobody has; where it only has not been loaded yet, throw.
 * @param isRejected whether the event with this id was rejected. Such events never win a conflict.
 */
export const resolve = (
  version: RoomVersion,
  states: readonly StateMap[],
  get: (id: string) => RoomEvent | undefined,
  isRejected: (id: string) => boolean,
): Map<string, string> => {
  const different = [...new Set(states)]
  if (different.length < 2) return new Map(different[0])
  const graph = authGraph(version, get, isRejected)
  return version.stateResolution === 'v1' ? resolveV1(graph, different) : resolveV2(graph, different)
}
