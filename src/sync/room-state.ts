import type { Room, Rooms } from '../events/index.ts'
import type { Span, Timeline } from './room-window.ts'

type StateMap = ReadonlyMap<number, number>

const nothing: StateMap = new Map()

/** The room's state at a position of the log. */
export async function stateAt(rooms: Rooms, room: Room, position: number): Promise<StateMap> {
  // A copy, since the head moves on while its reader waits for something else.
  if (isCurrent(room, position)) return new Map(room.state)
  const [last] = await rooms.timeline({
    room: room.nid,
    above: Number.MIN_SAFE_INTEGER,
    upTo: position,
    limit: 1,
    dir: 'b',
  })
  return last ? rooms.stateAfter(last) : nothing
}

/** The head is no newer than the position, and nothing is on its way to the database. */
const isCurrent = ({ latestPosition, pending }: Room, position: number): boolean =>
  latestPosition <= position && pending === 0

/** Finds single places of the room's state at a position, without a copy of all of it. */
export async function placesAt(rooms: Rooms, room: Room, position: number, keys: readonly number[]): Promise<number[]> {
  const state = isCurrent(room, position) ? room.state : await stateAt(rooms, room, position)
  return keys.flatMap((key) => state.get(key) ?? [])
}

const beforeTimeline = (rooms: Rooms, room: Room, { events: [first] }: Timeline, until: number): Promise<StateMap> =>
  first ? rooms.stateBefore(first) : stateAt(rooms, room, until)

/** The places of the state that are not as they were, with what holds them now. */
export function difference(from: StateMap, to: StateMap): Map<number, number> {
  const changed = new Map<number, number>()
  for (const [key, event] of to) if (from.get(key) !== event) changed.set(key, event)
  return changed
}

export interface StateWish {
  readonly span: Span
  readonly timeline: Timeline
  /** All of the state, and not what has changed since `span.since`. */
  readonly full: boolean
  /** Up to the end of the timeline, and not up to its beginning. */
  readonly after: boolean
}

/**
 * What a client must be told of the state besides the timeline, as event nids by state key nid.
 * @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync
 */
export async function stateFor(rooms: Rooms, room: Room, wish: StateWish): Promise<StateMap> {
  const { span, timeline, full, after } = wish
  const isWhole = !timeline.limited && !timeline.hidesState
  const reset = await resetIn(rooms, room, wish)
  if (!full && isWhole) return joined(after ? await changedBy(rooms, timeline) : nothing, reset)
  const end = after ? await stateAt(rooms, room, span.until) : await told(rooms, room, timeline, span.until)
  return joined(full ? end : difference(await stateAt(rooms, room, span.since), end), reset)
}

const joined = (one: StateMap, other: StateMap): StateMap => (other.size === 0 ? one : new Map([...one, ...other]))

/** What the resolution of state changed meanwhile, as it is now, beside what the timeline shows. */
async function resetIn(rooms: Rooms, room: Room, { span, timeline, full, after }: StateWish): Promise<StateMap> {
  const since = full ? (timeline.events[0]?.position ?? span.until + 1) - 1 : span.since
  const keys = await rooms.resets(room.nid, since, span.until)
  if (keys.length === 0) return nothing
  const shown = new Set(after ? [] : timeline.events.map(({ nid }) => nid))
  const reset = new Map<number, number>()
  for (const key of keys) {
    const holder = room.state.get(key)
    if (holder !== undefined && !shown.has(holder)) reset.set(key, holder)
  }
  return reset
}

/** The state before the timeline; and what has changed in the timeline's time, but was left out of it. */
async function told(rooms: Rooms, room: Room, timeline: Timeline, until: number): Promise<StateMap> {
  const before = await beforeTimeline(rooms, room, timeline, until)
  if (!timeline.hidesState || timeline.events.length === 0) return before
  const shown = new Set(timeline.events.map((stored) => stored.nid))
  const state = new Map(before)
  for (const [key, nid] of await stateAt(rooms, room, until)) if (!shown.has(nid)) state.set(key, nid)
  return state
}

async function changedBy(rooms: Rooms, { events }: Timeline): Promise<StateMap> {
  const changed = new Map<number, number>()
  for (const { event, nid } of events) {
    const key = event.stateKey === undefined ? undefined : await rooms.stateKeys.find(event.type, event.stateKey)
    if (key !== undefined) changed.set(key, nid)
  }
  return changed
}
