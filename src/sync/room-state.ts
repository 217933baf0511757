import type { RoomEventFilter } from '../matrix/filter.ts'
import type { Room, Rooms, StoredEvent } from '../rooms/index.ts'
import type { SyncDeps } from './deps.ts'
import type { Span, Timeline } from './room-window.ts'

type StateMap = ReadonlyMap<number, number>

const nothing: StateMap = new Map()

/** The state after an event. */
async function stateAfter(rooms: Rooms, stored: StoredEvent): Promise<StateMap> {
  const before = await rooms.stateBefore(stored)
  if (stored.event.stateKey === undefined) return before
  const key = await rooms.stateKeys.find(stored.event.type, stored.event.stateKey)
  return key === undefined ? before : new Map(before).set(key, stored.nid)
}

/** The room's state at a position of the log. */
export async function stateAt(rooms: Rooms, room: Room, position: number): Promise<StateMap> {
  if (room.latestPosition <= position && room.pending === 0) return room.state
  const [last] = await rooms.timeline({ room: room.nid, above: Number.MIN_SAFE_INTEGER, upTo: position, limit: 1, dir: 'b' })
  return last ? stateAfter(rooms, last) : nothing
}

const beforeTimeline = (rooms: Rooms, room: Room, { events: [first] }: Timeline, until: number): Promise<StateMap> =>
  (first ? rooms.stateBefore(first) : stateAt(rooms, room, until))

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
export async function stateFor(rooms: Rooms, room: Room, { span, timeline, full, after }: StateWish): Promise<StateMap> {
  if (full) return after ? stateAt(rooms, room, span.until) : beforeTimeline(rooms, room, timeline, span.until)
  if (timeline.limited) {
    const end = after ? await stateAt(rooms, room, span.until) : await beforeTimeline(rooms, room, timeline, span.until)
    return difference(await stateAt(rooms, room, span.since), end)
  }
  if (!after) return nothing
  const changed = new Map<number, number>()
  for (const { event, nid } of timeline.events) {
    const key = event.stateKey === undefined ? undefined : await rooms.stateKeys.find(event.type, event.stateKey)
    if (key !== undefined) changed.set(key, nid)
  }
  return changed
}

/** Members that a lazy-loading client gets besides those in `state`: those whose events it sees. */
export interface LazyMembers {
  /** User ids. */
  readonly wanted: ReadonlySet<string>
  /** All member events in `state` count, wanted or not: changes that the client would miss. */
  readonly keepChanges: boolean
}

/** The events of a state that the filter lets through. */
export async function stateEvents(
  deps: SyncDeps, room: Room, state: StateMap, filter: RoomEventFilter, lazy: LazyMembers | undefined, span: Span,
): Promise<readonly StoredEvent[]> {
  if (filter.none) return []
  let nids = [...state.values()]
  if (lazy) {
    const chosen = new Set<number>()
    const names = await deps.rooms.stateKeys.names([...state.keys()])
    for (const [key, nid] of state) {
      const name = names.get(key)
      if (lazy.keepChanges || name?.type !== 'm.room.member' || lazy.wanted.has(name.stateKey)) chosen.add(nid)
    }
    const now = await stateAt(deps.rooms, room, span.until)
    for (const userId of lazy.wanted) {
      const key = await deps.rooms.stateKeys.find('m.room.member', userId)
      const nid = key === undefined || state.has(key) ? undefined : now.get(key)
      if (nid !== undefined) chosen.add(nid)
    }
    nids = [...chosen]
  }
  if (nids.length === 0) return []
  const events = await deps.rooms.events.many(nids)
  return filter.all ? events : events.filter((stored) => filter.matches(stored.event))
}
