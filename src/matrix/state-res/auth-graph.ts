import { createNamedBy } from '../auth-rules/index.ts'
import type { RoomEvent } from '../event.ts'
import type { RoomVersion } from '../room-version.ts'

/** The events of a room as far as a resolution has looked at them. Every event is fetched at most once. */
export interface AuthGraph {
  readonly version: RoomVersion
  get(id: string): RoomEvent | undefined
  isRejected(id: string): boolean
  /** The events that this one cites; those the server does not have are left out. */
  authEventsOf(event: RoomEvent): RoomEvent[]
  /** The event of this type, with an empty state key, that this one cites. */
  citedBy(event: RoomEvent, type: string): RoomEvent | undefined
}

/** Remembers what `get` answers, so that its cost does not grow with the number of ways that lead to an event. */
export const authGraph = (
  version: RoomVersion,
  get: (id: string) => RoomEvent | undefined,
  isRejected: (id: string) => boolean,
): AuthGraph => {
  const known = new Map<string, RoomEvent | undefined>()
  const graph: AuthGraph = {
    version,
    isRejected,
    get: (id) => {
      const event = known.get(id)
      if (event || known.has(id)) return event
      const fetched = get(id)
      known.set(id, fetched)
      return fetched
    },
    authEventsOf: (event) => event.authEvents.map(graph.get).filter((cited) => cited !== undefined),
    citedBy: (event, type) => {
      if (type === 'm.room.create' && version.createIsRoomId) return createNamedBy(event, graph.get)
      for (const id of event.authEvents) {
        const cited = graph.get(id)
        if (cited?.type === type && cited.stateKey === '') return cited
      }
      return undefined
    },
  }
  return graph
}

/**
 * The auth chains of these events, with the events themselves. Iterative and with a memory of where it has been: chains can
 * be tens of thousands long, and in v1 and v2, where ids are not hashes, even circular.
 *
 * @param enter whether to go on from (and include) an event that has not been visited; asked once for each.
 */
export const walk = (
  graph: AuthGraph,
  from: Iterable<string>,
  enter: (id: string) => boolean = () => true,
): Set<string> => {
  const visited = new Set<string>()
  const open = [...from]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (visited.has(id) || !enter(id)) continue
    const event = graph.get(id)
    if (!event) continue
    visited.add(id)
    for (const cited of event.authEvents) if (!visited.has(cited)) open.push(cited)
  }
  return visited
}
