import type { RoomEventFilter } from '../matrix/filter.ts'
import { type Room, standings, type StoredEvent } from '../events/index.ts'
import type { Memory } from '../storage/index.ts'
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
  /** State events later than the first of `events` were left out. */
  readonly hidesState: boolean
  /** Something that the room's summary is made of has changed, as far as was looked. */
  readonly touchesSummary: boolean
}

/** Characters of JSON that the timelines of one answer may still have. Each has one event at least, and the rest is to be had by paging back. */
export interface Allowance {
  left: number
}

export const newAllowance = (memory: Memory): Allowance => ({ left: longestAnswer(memory) / 2 })

const MiB = 1024 * 1024

/** Characters of all rooms of one answer, by what this machine has; what has no place comes with the next. */
export const longestAnswer = ({ limit }: Memory): number => Math.min(Math.max(limit / 16, MiB), 16 * MiB)

export type Wanted = (stored: StoredEvent) => boolean

/** What a filter, and a user who ignores others, want of a timeline. */
export function wantedBy(filter: RoomEventFilter, ignored: ReadonlySet<string>): Wanted {
  if (filter.all && ignored.size === 0) return () => true
  return ({ event }) => filter.matches(event) && (event.stateKey !== undefined || !ignored.has(event.sender))
}

/** Whether a filter speaks of the room. */
export const speaksOf = ({ rooms }: Pick<RoomEventFilter, 'rooms'>, room: Room): boolean =>
  rooms.all || rooms.includes(room.id)

/** Most events that are read from the table for a timeline that is thinned out. */
const mostRead = 2000
const largestPage = 500

const inSummary = new Set(['m.room.member', 'm.room.name', 'm.room.canonical_alias'])

/** Takes in a room's events, newest first, until the timeline is full. */
class TimelineBuilder {
  readonly #events: StoredEvent[] = []
  readonly #limit: number
  readonly #wanted: Wanted
  readonly #allowance: Allowance
  #hidesState = false
  #touchesSummary = false

  constructor(limit: number, wanted: Wanted, allowance: Allowance) {
    this.#limit = limit
    this.#wanted = wanted
    this.#allowance = allowance
  }

  /** False when there is no place for it: the timeline is limited. */
  take(stored: StoredEvent): boolean {
    if (stored.standing !== standings.accepted) return true
    const { type, stateKey } = stored.event
    const isWanted = this.#wanted(stored)
    if (isWanted && !this.#fits(stored)) return false
    if (isWanted) {
      this.#events.push(stored)
      this.#allowance.left -= stored.size
    } else if (stateKey !== undefined) this.#hidesState = true
    // What a redaction took away may have been a name. Nobody is woken for one that is not wanted.
    if (inSummary.has(type) || (isWanted && type === 'm.room.redaction')) this.#touchesSummary = true
    return true
  }

  #fits({ size }: StoredEvent): boolean {
    const count = this.#events.length
    return count < this.#limit && (count === 0 || size <= this.#allowance.left)
  }

  end(limited: boolean): Timeline {
    return {
      events: this.#events.toReversed(),
      limited,
      hidesState: this.#hidesState,
      touchesSummary: this.#touchesSummary,
    }
  }
}

/** The newest wanted events of a room in a span, from memory where that goes back far enough. */
export async function timelineOf(
  deps: SyncDeps,
  room: number,
  { since, until }: Span,
  limit: number,
  wanted: Wanted,
  allowance: Allowance,
): Promise<Timeline> {
  const timeline = new TimelineBuilder(limit, wanted, allowance)
  if (deps.log.tail.covers(since)) {
    const entries = deps.log.tail.room(room, since, until)
    for (let index = entries.length - 1; index >= 0; index--) {
      const entry = entries[index]
      if (entry?.kind === 'event' && !timeline.take(entry.data as StoredEvent)) return timeline.end(true) // entries of this kind carry it
    }
    return timeline.end(false)
  }
  let upTo = until
  let page = limit + 1
  for (let read = 0; read < mostRead;) {
    const found = await deps.rooms.timeline({ room, above: since, upTo, limit: page, dir: 'b' })
    for (const stored of found) if (!timeline.take(stored)) return timeline.end(true)
    const last = found.at(-1)
    if (!last || found.length < page) return timeline.end(false)
    read += found.length
    upTo = last.position - 1
    page = Math.min(page * 4, largestPage)
  }
  return timeline.end(true)
}
