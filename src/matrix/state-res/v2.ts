import { authorize, stateFromAuthEvents } from '../auth-rules/index.ts'
import type { RoomEvent } from '../event.ts'
import type { AuthGraph } from './auth-graph.ts'
import { fullConflictedSet } from './conflicted-set.ts'
import { mainlineOrder } from './mainline-order.ts'
import { powerEventsIn, powerOrder } from './power-order.ts'
import { type StateMap, stateMapKey, separate } from './state-map.ts'

/**
 * The iterative auth checks: adds to `state`, in this order, the events that the rules allow by then. What an event needs
 * and the state does not have is taken from the event's own auth events. Rejected events are neither added nor relied on.
 */
const applyInOrder = (graph: AuthGraph, state: Map<string, string>, events: readonly RoomEvent[]): void => {
  for (const event of events) {
    if (event.stateKey === undefined || graph.isRejected(event.id)) continue
    const cited = stateFromAuthEvents(event, graph.version, graph.get, graph.isRejected)
    const result = authorize(event, graph.version, (type, stateKey) => {
      const id = state.get(stateMapKey(type, stateKey))
      return id !== undefined && !graph.isRejected(id) ? graph.get(id) : cited(type, stateKey)
    })
    if (result.allowed) state.set(stateMapKey(event.type, event.stateKey), event.id)
  }
}

/**
 * State resolution of room versions 2–11, and as revised (v2.1) for 12: there it starts from nothing instead of from what
 * is unconflicted, and replays the conflicted subgraph too.
 * @see https://spec.matrix.org/v1.19/rooms/v12/#state-resolution
 */
export const resolveV2 = (graph: AuthGraph, states: readonly StateMap[]): Map<string, string> => {
  const separated = separate(states)
  const { unconflicted, conflicted } = separated
  if (conflicted.every((ids) => ids.length === 0)) return unconflicted
  const full = fullConflictedSet(graph, separated)

  const resolved = new Map(graph.version.stateResolution === 'v2.1' ? [] : unconflicted)
  const power = powerEventsIn(graph, full)
  applyInOrder(graph, resolved, powerOrder(graph, power))

  const rest = [...full]
    .filter((id) => !power.has(id))
    .map(graph.get)
    .filter((event) => event !== undefined)
  const powerLevels = resolved.get(stateMapKey('m.room.power_levels', ''))
  applyInOrder(
    graph,
    resolved,
    mainlineOrder(graph, rest, powerLevels === undefined ? undefined : graph.get(powerLevels)),
  )

  for (const [key, id] of unconflicted) resolved.set(key, id)
  return resolved
}
