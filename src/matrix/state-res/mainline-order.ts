import type { RoomEvent } from '../event.ts'
import type { AuthGraph } from './auth-graph.ts'

/**
 * Where on the mainline (the given power levels, those they cite, and so on to the first) the power levels that an event
 * rests on meet it; Infinity when they never do. Every power levels event is passed only once, however many ask.
 */
const mainlinePositions = (graph: AuthGraph, powerLevels: RoomEvent | undefined): ((event: RoomEvent) => number) => {
  const positions = new Map<string, number>()
  for (
    let event = powerLevels;
    event && !positions.has(event.id);
    event = graph.citedBy(event, 'm.room.power_levels')
  ) {
    positions.set(event.id, positions.size)
  }
  return (event) => {
    const passed = new Set<string>()
    let cited = graph.citedBy(event, 'm.room.power_levels')
    while (cited && !positions.has(cited.id) && !passed.has(cited.id)) {
      passed.add(cited.id)
      cited = graph.citedBy(cited, 'm.room.power_levels')
    }
    const position = (cited && positions.get(cited.id)) ?? Infinity
    for (const id of passed) positions.set(id, position)
    return position
  }
}

/**
 * The mainline ordering: events that rest on older power levels first, then the earlier time, then the smaller id.
 * @see https://spec.matrix.org/v1.19/rooms/v12/#definitions
 */
export const mainlineOrder = (
  graph: AuthGraph,
  events: readonly RoomEvent[],
  powerLevels: RoomEvent | undefined,
): RoomEvent[] => {
  const positionOf = mainlinePositions(graph, powerLevels)
  return events
    .map((event) => ({ event, position: positionOf(event) }))
    .sort((a, b) => {
      if (a.position !== b.position) return a.position > b.position ? -1 : 1
      if (a.event.ts !== b.event.ts) return a.event.ts - b.event.ts
      return a.event.id < b.event.id ? -1 : 1
    })
    .map(({ event }) => event)
}
