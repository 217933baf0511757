import type { RoomEvent } from '../event.ts'
import { powerLevelOf, powerLevelsFrom } from '../power-levels.ts'
import { membershipIn } from '../auth-rules/index.ts'
import type { AuthGraph } from './auth-graph.ts'

/** Whether the event might take away what somebody could do: power levels, join rules, and kicks and bans. */
export const isPowerEvent = (event: RoomEvent): boolean => {
  if (event.stateKey === undefined) return false
  if (event.type === 'm.room.power_levels' || event.type === 'm.room.join_rules') return true
  if (event.type !== 'm.room.member' || event.sender === event.stateKey) return false
  const membership = membershipIn(event)
  return membership === 'leave' || membership === 'ban'
}

interface Vertex {
  readonly event: RoomEvent
  readonly power: number
  readonly citedBy: Vertex[]
  /** How many of the events it cites have not been placed yet. */
  waitsFor: number
}

const compare = (a: Vertex, b: Vertex): number => {
  if (a.power !== b.power) return a.power > b.power ? -1 : 1
  if (a.event.ts !== b.event.ts) return a.event.ts - b.event.ts
  return a.event.id < b.event.id ? -1 : 1
}

/** Puts a vertex into a binary heap whose smallest is at 0. */
const push = (heap: Vertex[], vertex: Vertex): void => {
  let at = heap.length
  while (at > 0) {
    const above = (at - 1) >> 1
    const parent = heap[above] as Vertex // above < at ≤ length
    if (compare(parent, vertex) <= 0) break
    heap[at] = parent
    at = above
  }
  heap[at] = vertex
}

/** Takes the smallest vertex out of the heap. */
const pop = (heap: Vertex[]): Vertex | undefined => {
  const [smallest, last] = [heap[0], heap.pop()]
  if (last === undefined || heap.length === 0) return smallest
  let at = 0
  for (;;) {
    let below = 2 * at + 1
    let child = heap[below]
    if (!child) break
    const right = heap[below + 1]
    if (right && compare(right, child) < 0) [below, child] = [below + 1, right]
    if (compare(last, child) <= 0) break
    heap[at] = child
    at = below
  }
  heap[at] = last
  return smallest
}

const vertices = (graph: AuthGraph, ids: ReadonlySet<string>): Vertex[] => {
  const byId = new Map<string, Vertex>()
  for (const id of ids) {
    const event = graph.get(id)
    if (!event) continue
    const levels = powerLevelsFrom(
      graph.citedBy(event, 'm.room.power_levels'),
      graph.citedBy(event, 'm.room.create'),
      graph.version,
    )
    byId.set(id, { event, power: powerLevelOf(levels, event.sender), citedBy: [], waitsFor: 0 })
  }
  for (const vertex of byId.values()) {
    for (const id of new Set(vertex.event.authEvents)) {
      const cited = byId.get(id)
      if (!cited) continue
      cited.citedBy.push(vertex)
      vertex.waitsFor++
    }
  }
  return [...byId.values()]
}

/**
 * The reverse topological power ordering: what is cited comes before what cites it, and else the more powerful sender,
 * the earlier time, the smaller id first. Events in a circle (possible in v1 and v2 only) come last.
 * @see https://spec.matrix.org/v1.19/rooms/v12/#definitions
 */
export const powerOrder = (graph: AuthGraph, ids: ReadonlySet<string>): RoomEvent[] => {
  const all = vertices(graph, ids)
  const ready: Vertex[] = []
  for (const vertex of all) if (vertex.waitsFor === 0) push(ready, vertex)
  const ordered: RoomEvent[] = []
  for (let vertex = pop(ready); vertex; vertex = pop(ready)) {
    ordered.push(vertex.event)
    for (const citing of vertex.citedBy) if (--citing.waitsFor === 0) push(ready, citing)
  }
  if (ordered.length === all.length) return ordered
  return ordered.concat(
    all
      .filter(({ waitsFor }) => waitsFor > 0)
      .sort(compare)
      .map(({ event }) => event),
  )
}

/**
 * The power events of the full conflicted set, and what they rest on as far as it is in that set too. It is followed from
 * event to cited event inside the set and not through events outside it, as other servers do.
 */
export const powerEventsIn = (graph: AuthGraph, full: ReadonlySet<string>): Set<string> => {
  const chosen = new Set<string>()
  const open = [...full].filter((id) => {
    const event = graph.get(id)
    return event !== undefined && isPowerEvent(event)
  })
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (chosen.has(id)) continue
    chosen.add(id)
    for (const cited of graph.get(id)?.authEvents ?? []) if (full.has(cited)) open.push(cited)
  }
  return chosen
}
