import type { RoomEventFilter } from '../matrix/filter.ts'
import type { Room, Rooms, StoredEvent } from '../events/index.ts'
import type { RoomCounts, SyncDeps } from './deps.ts'
import { eventTexts } from './event-texts.ts'
import type { LazyLoading } from './lazy-loading.ts'
import type { SyncRequest } from './request.ts'
import { placesAt, stateFor } from './room-state.ts'
import { speaksOf, timelineOf, wantedBy, type Allowance, type Span, type Timeline, type Wanted } from './room-window.ts'
import { summaryOf, type Summary } from './summary.ts'

export interface RoomContext {
  readonly deps: SyncDeps
  readonly request: SyncRequest
  readonly lazy: LazyLoading
  readonly ignored: ReadonlySet<string>
  readonly now: number
  readonly allowance: Allowance
  /** Counts of unread messages, by room, of those rooms that were counted together. */
  readonly counts: ReadonlyMap<number, RoomCounts>
}

/** What part of a room's history an answer is to have. */
export interface HistoryWish {
  readonly room: Room
  readonly span: Span
  /** The client knows nothing of the room, or something old: it gets the whole state, and history up to the limit. */
  readonly isNew: boolean
  /** The client may have history that is not next to what it gets now. */
  readonly isReturn: boolean
  /** State in full although the client knows the room. */
  readonly fullState: boolean
  /** A room without a name is named after these, and summarised; not the case for one that the user has left. */
  readonly summarised: boolean
  /** The user's own member event, where it came after the end of the stay that the span ends with. */
  readonly afterwards?: StoredEvent | undefined
}

/** Timeline and state of a room, as members of a JSON object. */
export interface History {
  readonly text: string
  readonly summary: Summary | undefined
}

export const eventList = (texts: readonly string[]): string => `{"events":[${texts.join(',')}]}`

/** Undefined when there is nothing to tell. */
export async function historyOf(context: RoomContext, wish: HistoryWish): Promise<History | undefined> {
  const {
    deps,
    request: { filter, session, useStateAfter: after },
  } = context
  const { room, span, isNew, afterwards } = wish
  const full = isNew || wish.fullState
  const timeline = await timelineFor(context, wish)
  const summary =
    wish.summarised && (full || timeline.limited || timeline.touchesSummary)
      ? await summaryOf(deps.users, room, session.user)
      : undefined
  const state = await stateOf(context, wish, timeline, summary?.heroes ?? [], full)
  const shown = afterwards ? [...timeline.events, afterwards] : timeline.events
  if (!full && !timeline.limited && shown.length === 0 && state.length === 0 && !summary) return undefined

  if (filter.room.state.lazyLoadMembers)
    context.lazy.note(context.request, room.nid, span.until, [...state, ...shown], full)
  const [timelineTexts, stateTexts] = await Promise.all([eventTexts(context, shown), eventTexts(context, state, true)])
  const [first] = timeline.events
  const text =
    `"timeline":{"events":[${timelineTexts.join(',')}],"limited":${timeline.limited || wish.isReturn},` +
    `"prev_batch":"${first ? first.position - 1 : span.until}"},` +
    `"${after ? 'state_after' : 'state'}":${eventList(stateTexts)}`
  return { text, summary }
}

/** What the user may see of the timeline. */
async function timelineFor(
  { deps, request: { filter, session }, ignored, allowance }: RoomContext,
  { room, span, isNew }: HistoryWish,
): Promise<Timeline> {
  const { limit, none } = filter.room.timeline
  const unwanted = none || !speaksOf(filter.room.timeline, room)
  const reach = isNew ? { since: Number.MIN_SAFE_INTEGER, until: span.until } : span
  const wanted = unwanted
    ? () => false
    : await related(deps, filter.room.timeline, room, reach, wantedBy(filter.room.timeline, ignored))
  // Of the past of a room that is new to the client nothing is looked for when nothing is wanted.
  const timeline =
    unwanted && isNew
      ? { events: [], limited: false, hidesState: false, touchesSummary: true }
      : await timelineOf(deps, room.nid, reach, limit, wanted, allowance)
  return isNew ? sinceHidden(timeline, await deps.visible(session, room, timeline.events)) : timeline
}

/** So many of a room's newest events are looked at for those that others relate to. */
const mostRelated = 500

/** What is wanted, and has others related to it where the filter asks for that: the database is asked once for all that may be. */
async function related(
  deps: SyncDeps,
  filter: RoomEventFilter,
  room: Room,
  { since, until }: Span,
  wanted: Wanted,
): Promise<Wanted> {
  if (!filter.relatedBySenders && !filter.relatedByRelTypes) return wanted
  const newest = await deps.rooms.timeline({ room: room.nid, above: since, upTo: until, limit: mostRelated, dir: 'b' })
  const found = new Set((await deps.related(filter, newest.filter(wanted))).map(({ nid }) => nid))
  return ({ nid }) => found.has(nid)
}

/**
 * What follows the last event that is not for the user's eyes. The rest is to be had by paging back: in one list the state before
 * the gap would take the place of what was set in it.
 */
function sinceHidden(timeline: Timeline, visible: readonly StoredEvent[]): Timeline {
  if (visible.length === timeline.events.length) return timeline
  const seen = new Set(visible)
  const events = timeline.events.slice(timeline.events.findLastIndex((stored) => !seen.has(stored)) + 1)
  return { ...timeline, events, limited: timeline.limited || events.length < visible.length }
}

/** The events that stand in `state` or `state_after`. */
async function stateOf(
  context: RoomContext,
  wish: HistoryWish,
  timeline: Timeline,
  heroes: readonly string[],
  full: boolean,
): Promise<readonly StoredEvent[]> {
  const {
    deps: { rooms },
    request,
  } = context
  const {
    filter: {
      room: { state: filter },
    },
    useStateAfter: after,
  } = request
  const { room, span, afterwards } = wish
  if (filter.none || !speaksOf(filter, room)) return []
  const state = new Map(await stateFor(rooms, room, { span, timeline, full, after }))
  if (after && afterwards) {
    const key = await rooms.stateKeys.find(afterwards.event.type, afterwards.event.stateKey ?? '')
    if (key !== undefined) state.set(key, afterwards.nid)
  }
  const members = filter.lazyLoadMembers ? membersFor(context, timeline.events, heroes, full) : undefined
  const nids = members && full ? await thinned(context, state, members) : [...state.values()]
  const events = await rooms.events.many(nids)
  if (members && !full) events.push(...(await lookedUp(context, wish, timeline, state, members)))
  return filter.all ? events : events.filter((stored) => filter.matches(stored.event))
}

/** The user ids of the members that go with what is shown. */
function membersFor(
  { request: { session } }: RoomContext,
  shown: readonly StoredEvent[],
  heroes: readonly string[],
  full: boolean,
): ReadonlySet<string> {
  const members = new Set(heroes)
  for (const { event } of shown) members.add(event.sender)
  if (full) members.add(session.userId)
  return members
}

/** Of a whole state, all but the members that nobody asks for. */
async function thinned(
  { deps: { rooms } }: RoomContext,
  state: ReadonlyMap<number, number>,
  members: ReadonlySet<string>,
): Promise<number[]> {
  const names = await rooms.stateKeys.names([...state.keys()])
  const nids: number[] = []
  for (const [key, nid] of state) {
    const name = names.get(key)
    if (name?.type !== 'm.room.member' || members.has(name.stateKey)) nids.push(nid)
  }
  return nids
}

/** The members that go with the timeline and that the client has not had: as they were at its beginning, or at its end. */
async function lookedUp(
  { deps: { rooms }, request, lazy }: RoomContext,
  { room, span }: HistoryWish,
  { events: timeline }: Timeline,
  state: ReadonlyMap<number, number>,
  members: ReadonlySet<string>,
): Promise<readonly StoredEvent[]> {
  const [first] = timeline
  const found =
    first && !request.useStateAfter
      ? await Promise.all([...members].map((userId) => rooms.stateEventBefore(first, 'm.room.member', userId)))
      : await membersAt(rooms, room, span.until, members)
  const listed = new Set([...state.values(), ...timeline.map((stored) => stored.nid)])
  const missing = found.filter((stored) => stored !== undefined && !listed.has(stored.nid)) as StoredEvent[] // undefined is filtered out
  return lazy.unsent(request, room.nid, missing)
}

async function membersAt(
  rooms: Rooms,
  room: Room,
  position: number,
  userIds: Iterable<string>,
): Promise<StoredEvent[]> {
  const keys: number[] = []
  for (const userId of userIds)
    keys.push(
      rooms.stateKeys.peek('m.room.member', userId) ?? (await rooms.stateKeys.find('m.room.member', userId)) ?? 0,
    )
  return rooms.events.many(await placesAt(rooms, room, position, keys))
}
