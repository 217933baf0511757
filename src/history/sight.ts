import { own } from '../matrix/json.ts'
import { canSee, historyVisibility, type HistoryVisibility } from '../matrix/visibility.ts'
import type { Database } from '../storage/index.ts'
import type { Entry } from '../streams/index.ts'
import { type Rooms, standings, type StoredEvent } from '../events/index.ts'
import { readVisibilities } from './store/events.ts'

/** Who looks at a room: any session is one. */
export interface Onlooker {
  readonly user: number
  readonly userId: string
  /** An administrator who looks into a matter: sees all that is there, in whatever room. */
  readonly all?: boolean
}

/** How a user stands to the history of a room. */
export interface Stay {
  readonly joined: boolean
  /** Events before this position have had the user joined at some time after them. Infinity while joined, −Infinity for who never was. */
  readonly until: number
  /** The member event that ended the last stay of somebody who is not joined any more. */
  readonly end: StoredEvent | undefined
}

/** What a room's history visibility has ever been. */
interface Exposure {
  /** At some time not every member could see everything. */
  readonly hidden: boolean
  /** At some time everyone could see everything. */
  readonly open: boolean
}

/** Decides who may see which events. */
export interface Sight {
  stayOf(who: Onlooker, room: number): Promise<Stay>
  /** Those of the events that the user may see, in the same order. They may be of several rooms. */
  visible(who: Onlooker, list: readonly StoredEvent[]): Promise<readonly StoredEvent[]>
  /** True when the user may see every event of the room, past and to come, without looking at any. */
  seesAll(who: Onlooker, room: number): Promise<boolean>
  /** True when some event of the room may be seen by who has never been in it. */
  wasOpen(room: number): Promise<boolean>
  /** The user's membership in the state before an event. */
  membershipBefore(who: Onlooker, stored: StoredEvent): Promise<string | undefined>
  /** What is here of a room has grown otherwise than by events of the log. */
  forget(room: number): void
  /** To be called with every entry of the log. */
  hear(entry: Entry): void
}

const joinedNow: Stay = { joined: true, until: Infinity, end: undefined }
const never: Stay = { joined: false, until: -Infinity, end: undefined }

/** An event that is still on its way to the database has no position yet. */
const isThere = (stored: StoredEvent): boolean => stored.standing === standings.accepted && stored.position !== 0

/** The common case, for which no state is looked at. */
const isPlain = (stored: StoredEvent, { stay, exposure }: { stay: Stay; exposure: Exposure }): boolean =>
  stored.position < stay.until && !exposure.hidden

const setting = 'm.room.history_visibility'

export function openSight({ rooms, database }: { readonly rooms: Rooms; readonly database: Database }): Sight {
  const exposures = database.memory.cache<number, Exposure>({ name: 'exposures', weigh: 50 })
  /** By the member event that is the user's current one: nothing changes what came before it. */
  const stays = database.memory.cache<number, Stay>({ name: 'stays', weigh: 100 })
  const contexts = database.memory.cache<string, { visibility: HistoryVisibility; membership: string | undefined }>({
    name: 'visibilities',
    weigh: 150,
  })
  let changes = 0

  /** Answers for all rooms at once, so that a sync over a thousand rooms costs a few queries. */
  const exposuresOf = async (wanted: Iterable<number>): Promise<ReadonlyMap<number, Exposure>> => {
    const found = new Map<number, Exposure>()
    const missing: number[] = []
    for (const room of wanted) {
      const known = exposures.get(room)
      if (known) found.set(room, known)
      else missing.push(room)
    }
    if (missing.length === 0) return found
    const asOf = changes
    const seen = await readVisibilities(database.read, missing)
    for (const room of missing) {
      const values = (seen.get(room) ?? []).map(historyVisibility)
      const exposure = {
        hidden: values.some((value) => value === 'joined' || value === 'invited'),
        open: values.includes('world_readable'),
      }
      found.set(room, exposure)
      if (asOf === changes) exposures.set(room, exposure)
    }
    return found
  }

  const exposureOf = async (room: number): Promise<Exposure> => {
    const exposure = exposures.get(room) ?? (await exposuresOf([room])).get(room)
    return exposure ?? { hidden: true, open: true }
  }

  /** Follows the user's member events back to the last one that they were joined by. */
  const pastStay = async (current: number): Promise<Stay> => {
    const known = stays.get(current)
    if (known) return known
    let stay = never
    let later = await rooms.events.get(current)
    while (later && later.replaces !== null) {
      const before = await rooms.events.get(later.replaces)
      if (before && own(before.event.content, 'membership') === 'join') {
        stay = { joined: false, until: later.position, end: later }
        break
      }
      later = before
    }
    stays.set(current, stay)
    return stay
  }

  const stayOf = async (who: Onlooker, room: number): Promise<Stay> => {
    if (who.all) return joinedNow
    const mine = (await rooms.of(who.user)).get(room)
    if (!mine || mine.forgotten) return never
    return mine.membership === 'join' ? joinedNow : pastStay(mine.event)
  }

  /** Many events in a row have the same state before them. */
  const contextOf = async (
    who: Onlooker,
    stored: StoredEvent,
  ): Promise<{ visibility: HistoryVisibility; membership: string | undefined }> => {
    const key = `${stored.stateBefore}:${who.user}`
    const known = contexts.get(key)
    if (known) return known
    const member = own((await rooms.stateEventBefore(stored, 'm.room.member', who.userId))?.event.content, 'membership')
    const context = {
      visibility: historyVisibility((await rooms.stateEventBefore(stored, setting, ''))?.event),
      membership: typeof member === 'string' ? member : undefined,
    }
    contexts.set(key, context)
    return context
  }

  const sees = async (who: Onlooker, stored: StoredEvent, stay: Stay, exposure: Exposure): Promise<boolean> => {
    const joinedLater = stored.position < stay.until
    // Only who is or was joined sees more than the world does: an invitation alone shows nothing but itself.
    const mayCount =
      joinedLater ||
      (stored.event.type === 'm.room.member' && stored.event.stateKey === who.userId && stay.end !== undefined)
    if (!mayCount && !exposure.open) return false
    const { visibility, membership } = await contextOf(who, stored)
    return canSee(stored.event, visibility, {
      userId: who.userId,
      membership: mayCount ? membership : undefined,
      joinedLater,
    })
  }

  return {
    stayOf,
    visible: async (who, list) => {
      if (who.all) return list.filter(isThere)
      const of = new Map<number, { stay: Stay; exposure: Exposure }>()
      const unlike = new Set(list.map((stored) => stored.room))
      for (const [room, exposure] of await exposuresOf(unlike))
        of.set(room, { exposure, stay: await stayOf(who, room) })
      const seen: StoredEvent[] = []
      for (const stored of list) {
        const room = of.get(stored.room)
        if (room && isThere(stored) && (isPlain(stored, room) || (await sees(who, stored, room.stay, room.exposure))))
          seen.push(stored)
      }
      return seen
    },
    seesAll: async (who, room) =>
      who.all === true || ((await stayOf(who, room)).joined && !(await exposureOf(room)).hidden),
    wasOpen: async (room) => (await exposureOf(room)).open,
    forget: (room) => {
      changes += 1
      exposures.delete(room)
    },
    membershipBefore: async (who, stored) => (await contextOf(who, stored)).membership,
    hear: ({ kind, data, room }) => {
      if (kind !== 'event' || room === undefined || (data as StoredEvent).event.type !== setting) return
      changes += 1
      exposures.delete(room)
    },
  }
}
