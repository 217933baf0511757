import { createHash } from 'node:crypto'
import { authorize } from '../auth-rules/index.ts'
import type { RoomEvent } from '../event.ts'
import type { AuthGraph } from './auth-graph.ts'
import { type StateMap, stateMapKey } from './state-map.ts'

/** Conflicting events by place. Unlike later, a place that some states lack is not in conflict. */
const separate = (states: readonly StateMap[]) => {
  const all = new Map<string, Set<string>>()
  for (const state of states) {
    for (const [key, id] of state) {
      const ids = all.get(key)
      if (ids) ids.add(id)
      else all.set(key, new Set([id]))
    }
  }
  const unconflicted = new Map<string, string>()
  const conflicted = new Map<string, Set<string>>()
  for (const [key, ids] of all) {
    const [only] = ids
    if (ids.size > 1) conflicted.set(key, ids)
    else if (only !== undefined) unconflicted.set(key, only)
  }
  return { unconflicted, conflicted }
}

/** By ascending depth, then descending SHA-1 of the id. Rejected and unknown events are left out. */
const inOrder = (graph: AuthGraph, ids: Iterable<string>): RoomEvent[] =>
  [...ids]
    .map(graph.get)
    .filter((event) => event !== undefined)
    .filter((event) => !graph.isRejected(event.id))
    .map((event) => ({ event, hash: createHash('sha1').update(event.id).digest('hex') }))
    .sort((a, b) => a.event.depth - b.event.depth || (a.hash < b.hash ? 1 : -1))
    .map(({ event }) => event)

/** For what the rules depend on: the oldest, and from there on as long as each is allowed by the one before. */
const lastAllowed = (
  graph: AuthGraph,
  state: StateMap,
  key: string,
  events: readonly RoomEvent[],
): RoomEvent | undefined => {
  let [chosen] = events
  for (const event of events.slice(1)) {
    const before = chosen
    const result = authorize(event, graph.version, (type, stateKey) => {
      const place = stateMapKey(type, stateKey)
      const id = state.get(place)
      return place === key ? before : id === undefined ? undefined : graph.get(id)
    })
    if (!result.allowed) break
    chosen = event
  }
  return chosen
}

/** For all else: the newest that is allowed. When none is, the oldest, so that the place does not become empty. */
const newestAllowed = (graph: AuthGraph, state: StateMap, events: readonly RoomEvent[]): RoomEvent | undefined =>
  events.findLast(
    (event) =>
      authorize(event, graph.version, (type, stateKey) => {
        const id = state.get(stateMapKey(type, stateKey))
        return id === undefined ? undefined : graph.get(id)
      }).allowed,
  ) ?? events[0]

/**
 * State resolution of room version 1, with its known weaknesses. Conflicts of one kind are resolved against the same state,
 * so that their order does not matter.
 * @see https://spec.matrix.org/v1.19/rooms/v1/#state-resolution
 */
export const resolveV1 = (graph: AuthGraph, states: readonly StateMap[]): Map<string, string> => {
  const { unconflicted: resolved, conflicted } = separate(states)
  const passes: ((key: string) => boolean)[] = [
    (key) => key === stateMapKey('m.room.power_levels', ''),
    (key) => key.startsWith('m.room.join_rules\u0000'),
    (key) => key.startsWith('m.room.member\u0000'),
    () => true,
  ]
  for (const [index, concerns] of passes.entries()) {
    const found: [string, string][] = []
    for (const [key, ids] of conflicted) {
      if (!concerns(key)) continue
      conflicted.delete(key)
      const events = inOrder(graph, ids)
      const isLast = index === passes.length - 1
      const chosen = isLast ? newestAllowed(graph, resolved, events) : lastAllowed(graph, resolved, key, events)
      if (chosen) found.push([key, chosen.id])
    }
    for (const [key, id] of found) resolved.set(key, id)
  }
  return resolved
}
