import type { Membership, Rooms, StoredEvent, UserRoom } from '../events/index.ts'
import type { Span } from './room-window.ts'

/** How a user stands to a room at the end of a span, and how they came to. */
export interface Standing {
  /** The member event that counts at the end. */
  readonly own: StoredEvent
  /** What counted at the beginning; undefined: nothing. */
  readonly before: Membership | undefined
  /** The last stay that was not over at the beginning. Undefined: the user has not been in the room in all the span. */
  readonly stay: Stay | undefined
}

export interface Stay {
  /** It began in the span, so that the client knows nothing of the room, or something old. */
  readonly isNew: boolean
  /** The user had been in the room before it, or been put out: the client has events of the room's timeline. */
  readonly isReturn: boolean
  /** The member event that it ended with; undefined: it goes on. */
  readonly end: StoredEvent | undefined
}

const known = new Set<unknown>(['join', 'invite', 'knock', 'ban'])

/** The membership that a member event gives; anything unknown counts as having left. */
export const membershipIn = ({ event }: StoredEvent): Membership => {
  const membership = event.content['membership']
  return known.has(membership) ? (membership as Membership) : 'leave' // the set holds nothing else
}

const joins = (stored: StoredEvent): boolean => membershipIn(stored) === 'join'

/** Who is invited, or knocks, is told of the state alone. */
const showsTimeline = (stored: StoredEvent): boolean => !['invite', 'knock'].includes(membershipIn(stored))

const previous = async (rooms: Rooms, { replaces }: StoredEvent): Promise<StoredEvent | undefined> =>
  replaces === null ? undefined : rooms.events.get(replaces)

/** A user's member events in a room in a span, newest first, and the one that counted at its beginning. */
export async function memberEvents(
  rooms: Rooms,
  member: Pick<UserRoom, 'event'>,
  { since, until }: Span,
): Promise<StoredEvent[]> {
  const found: StoredEvent[] = []
  for (let stored = await rooms.events.get(member.event); stored; stored = await previous(rooms, stored)) {
    if (stored.position > until) continue
    found.push(stored)
    if (stored.position <= since) break
  }
  return found
}

/**
 * Follows a user's member events in a room back to the beginning of a span. `member` may be newer than its end: what is known of
 * memberships moves on while a sync reads.
 * @returns undefined when the user had nothing to do with the room
 */
export async function standingOf(
  rooms: Rooms,
  member: Pick<UserRoom, 'event'>,
  span: Span,
): Promise<Standing | undefined> {
  const events = await memberEvents(rooms, member, span)
  const [own] = events
  const oldest = events.at(-1)
  if (!own || !oldest) return undefined
  const before = oldest.position <= span.since ? membershipIn(oldest) : undefined
  const last = events.findIndex(joins)
  if (last === -1) return { own, before, stay: undefined }
  const start = events.findIndex((stored, index) => index > last && !joins(stored))
  const isNew = before !== 'join' || start !== -1
  const isReturn =
    isNew &&
    (events.some((stored, index) => start !== -1 && index >= start && showsTimeline(stored)) ||
      (await wasTold(rooms, oldest)))
  return { own, before, stay: { isNew, isReturn, end: events[last - 1] } }
}

/** Whether somebody was told of a room's timeline before one of their member events. */
async function wasTold(rooms: Rooms, later: StoredEvent): Promise<boolean> {
  for (let stored = await previous(rooms, later); stored; stored = await previous(rooms, stored))
    if (showsTimeline(stored)) return true
  return false
}
