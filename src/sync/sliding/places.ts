import { own } from '../../matrix/json.ts'
import type { StoredEvent, UserRoom } from '../../events/index.ts'
import type { Entry } from '../../streams/index.ts'
import type { AccountDataNews } from '../../users/index.ts'
import { openArrivals } from './arrivals.ts'
import type { SlidingDeps } from './deps.ts'
import type { ListedRoom, ListedRooms } from './listed-rooms.ts'

/** A room as it stands in a user's list. */
export interface Place {
  readonly room: ListedRoom
  readonly member: UserRoom
  /** When the user came to stand to the room in this way. */
  readonly since: number
  /** Rooms are listed by this, the highest first. */
  readonly order: number
  /** As far as the user may know. */
  readonly encrypted: boolean
}

/** The rooms of a user that lists are made of, the one with the newest activity first. */
export interface Places {
  readonly list: readonly Place[]
  readonly byNid: ReadonlyMap<number, Place>
  readonly byId: ReadonlyMap<string, Place>
  /** Everything up to here is in it, and nothing that came later. */
  readonly upTo: number
}

export interface PlacesCache {
  of(user: number): Promise<Places>
  /** To be called with every entry of the log. */
  hear(entry: Entry): void
}

interface Kept extends Places {
  readonly list: Place[]
  readonly byNid: Map<number, Place>
  readonly byId: Map<string, Place>
  upTo: number
}

/** In memory, of a room in a user's list. */
const placeBytes = 300
/** Entries of the log that are looked through for what moved up; with more, the list is made anew. */
const mostEntries = 1000

const isJoined = ({ membership }: UserRoom): boolean => membership === 'join'
const higher = (a: Place, b: Place): number => b.order - a.order
const joinedPlace = (room: ListedRoom, member: UserRoom, since: number): Place => ({
  room,
  member,
  since,
  order: Math.max(room.bump, since),
  encrypted: room.encrypted,
})

export function openPlaces(deps: SlidingDeps, listed: ListedRooms): PlacesCache {
  const { rooms, log } = deps
  const arrivals = openArrivals(deps.database)

  const load = async (user: number): Promise<Kept> => {
    const [userId, ignored] = await Promise.all([deps.users.nameOf(user), deps.accountData.ignored(user)])
    const live = await rooms.of(user)
    // Taken in one go: both are as of the same position.
    const [members, upTo] = [[...live], log.now]
    const rows = await listed.many(members.map(([nid]) => nid))
    const arrived = await arrivals(
      members
        .filter(([nid, member]) => isJoined(member) && member.position > (rows.get(nid)?.bump ?? 0))
        .map(([, { event }]) => event),
    )
    const list: Place[] = []
    for (const [nid, member] of members) {
      const room = rows.get(nid)
      if (!room) continue
      const place = isJoined(member)
        ? joinedPlace(room, member, arrived.get(member.event) ?? 0)
        : await outsidePlace(deps, { user, userId }, room, member, ignored)
      if (place) list.push(place)
    }
    list.sort(higher)
    return {
      list,
      byNid: new Map(list.map((place) => [place.room.nid, place])),
      byId: new Map(list.map((place) => [place.room.id, place])),
      upTo,
    }
  }

  const cache = deps.database.memory.cache<number, Kept>({
    name: 'lists of rooms',
    weigh: ({ list }) => placeBytes * (list.length + 1),
  })
  /** Lists that are being made. One is not kept when it was dropped meanwhile. */
  const loading = new Map<number, Promise<Kept>>()
  const drop = (user: number): void => {
    cache.delete(user)
    loading.delete(user)
  }
  const start = (user: number): Promise<Kept> => {
    const promise = load(user)
      .then((kept) => {
        if (loading.get(user) === promise) cache.set(user, kept)
        return kept
      })
      .finally(() => {
        if (loading.get(user) === promise) loading.delete(user)
      })
    loading.set(user, promise)
    return promise
  }

  return {
    of: async (user) => {
      for (;;) {
        const kept = cache.get(user)
        if (kept && refresh(kept, deps, listed)) return kept
        cache.delete(user)
        const underWay = loading.get(user)
        const made = await (underWay ?? start(user))
        // One that was begun for somebody else may be older than what this request waits for.
        if (!underWay || cache.peek(user) !== made) return made
      }
    },
    hear: ({ kind, user, room, data, position }) => {
      if (user === undefined) return
      if (kind === 'account_data' && room === undefined && (data as AccountDataNews).type === 'm.ignored_user_list')
        drop(user) // such entries carry it
      if (kind !== 'event' || room === undefined) return
      const kept = cache.peek(user)
      const place = kept?.byNid.get(room)
      const { event, nid } = data as StoredEvent // entries of this kind carry it
      // A new name or picture moves nothing, and comes in all rooms at once.
      if (kept && place && isJoined(place.member) && own(event.content, 'membership') === 'join') {
        replace(kept, place, { ...place, member: { ...place.member, event: nid, position } })
      } else {
        drop(user)
      }
    },
  }
}

function replace(kept: Kept, before: Place, place: Place): void {
  kept.list[kept.list.indexOf(before)] = place
  kept.byNid.set(place.room.nid, place)
  kept.byId.set(place.room.id, place)
}

/** Takes in what happened since, without waiting for anything. False when the list has to be made anew. */
function refresh(kept: Kept, { log }: SlidingDeps, listed: ListedRooms): boolean {
  const { now } = log
  if (kept.upTo === now) return true
  if (!log.tail.covers(kept.upTo)) return false
  const entries = log.tail.all(kept.upTo, now)
  if (entries.length > mostEntries) return false
  let moved = false
  for (const room of new Set(entries.map((entry) => (entry.kind === 'event' ? entry.room : undefined)))) {
    const place = room === undefined ? undefined : kept.byNid.get(room)
    if (!place || !isJoined(place.member)) continue
    const row = listed.peek(place.room.nid)
    if (!row) return false
    const next = joinedPlace(row, place.member, place.since)
    if (next.order !== place.order) moved = true
    replace(kept, place, next)
  }
  if (moved) kept.list.sort(higher)
  kept.upTo = now
  return true
}

/** The place of a room that the user is not in: invited, knocking, or put out by somebody else; who left has none. */
async function outsidePlace(
  deps: SlidingDeps,
  who: { user: number; userId: string },
  room: ListedRoom,
  member: UserRoom,
  ignored: ReadonlySet<string>,
): Promise<Place | undefined> {
  if (member.forgotten) return undefined
  if (member.membership === 'invite' || member.membership === 'knock') {
    if (member.membership === 'invite' && ignored.size > 0 && ignored.has(await deps.users.nameOf(member.sender)))
      return undefined
    const own = await deps.rooms.events.get(member.event)
    return { room, member, since: member.position, order: member.position, encrypted: await encryptedBefore(deps, own) }
  }
  if (member.sender === who.user) return undefined
  const { end } = await deps.stayOf(who, room.nid)
  if (!end || end.sender === who.user) return undefined
  return { room, member, since: end.position, order: end.position, encrypted: await encryptedBefore(deps, end) }
}

const encryptedBefore = async ({ rooms }: SlidingDeps, stored: StoredEvent | undefined): Promise<boolean> =>
  stored !== undefined &&
  typeof own((await rooms.stateEventBefore(stored, 'm.room.encryption', ''))?.event.content, 'algorithm') === 'string'
