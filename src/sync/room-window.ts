import type { RoomEventFilter } from '../matrix/filter.ts'
import type { Membership, Rooms, StoredEvent, UserRoom } from '../rooms/index.ts'
import type { SyncDeps } from './deps.ts'

/** A part of the log: what is newer than `since` (exclusive) and not newer than `until` (inclusive). */
export interface Span {
  readonly since: number
  readonly until: number
}

export interface Timeline {
  /** Oldest first. */
  readonly events: readonly StoredEvent[]
  /** There are more in the span than these newest ones. */
  readonly limited: boolean
}

export type Wanted = (stored: StoredEvent) => boolean

/** What a filter, and a user who ignores others, want of a timeline. */
export function wantedBy(filter: RoomEventFilter, ignored: ReadonlySet<string>): Wanted {
  if (filter.all && ignored.size === 0) return () => true
  return ({ event }) => filter.matches(event) && (event.stateKey !== undefined || !ignored.has(event.sender))
}

/** A timeline that a filter thins out is read in at most this many pages. */
const mostPages = 10

/** The newest wanted events of a room in a span, from memory where that goes back far enough. */
export async function timelineOf(deps: SyncDeps, room: number, { since, until }: Span, limit: number, wanted: Wanted): Promise<Timeline> {
  const events: StoredEvent[] = []
  if (deps.log.tail.covers(since)) {
    const entries = deps.log.tail.room(room, since, until)
    for (let index = entries.length - 1; index >= 0; index--) {
      const entry = entries[index]
      if (entry?.kind !== 'event') continue
      const stored = entry.data as StoredEvent // entries of this kind carry it
      if (!wanted(stored)) continue
      if (events.length === limit) return { events: events.toReversed(), limited: true }
      events.push(stored)
    }
    return { events: events.toReversed(), limited: false }
  }
  let upTo = until
  for (let page = 0; page < mostPages; page++) {
    const found = await deps.rooms.timeline({ room, above: since, upTo, limit: limit + 1, dir: 'b' })
    for (const stored of found) {
      if (!wanted(stored)) continue
      if (events.length === limit) return { events: events.toReversed(), limited: true }
      events.push(stored)
    }
    const last = found.at(-1)
    if (!last || found.length <= limit) return { events: events.toReversed(), limited: false }
    upTo = last.position - 1
  }
  return { events: events.toReversed(), limited: true }
}

/** How a membership came to be what it is, over a span. */
export interface MembershipChange {
  /** What it was at `since`; undefined: nothing. */
  readonly before: Membership | undefined
  /** It was something else than joined at some time since. */
  readonly wasOut: boolean
}

/** Follows a user's member events in a room back to `since`. */
export async function membershipChange(rooms: Rooms, member: UserRoom, since: number): Promise<MembershipChange> {
  let wasOut = false
  let stored = await rooms.events.get(member.event)
  while (stored && stored.position > since) {
    if (stored.nid !== member.event && membershipIn(stored) !== 'join') wasOut = true
    stored = stored.replaces === null ? undefined : await rooms.events.get(stored.replaces)
  }
  return { before: stored && membershipIn(stored), wasOut }
}

const membershipIn = ({ event }: StoredEvent): Membership => {
  const membership = event.content['membership']
  return membership === 'join' || membership === 'invite' || membership === 'knock' || membership === 'ban' ? membership : 'leave'
}
