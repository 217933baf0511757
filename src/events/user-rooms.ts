import type { Database } from '../storage/index.ts'
import type { Entry } from '../streams/index.ts'
import { memberFrom, type Member } from './room.ts'
import { memberFromRow, readMemberships } from './store/rooms.ts'
import type { StoredEvent } from './stored-event.ts'

export interface UserRoom extends Member {
  readonly forgotten: boolean
}

/** The rooms a user has to do with, as the log tells it: nothing here runs ahead of `log.now`. */
export interface UserRooms {
  /** By room nid. Shared: never change it. */
  get(user: number): Promise<ReadonlyMap<number, UserRoom>>
  /** To be called with every entry of the log. */
  hear(entry: Entry): void
  /** The user asked never to hear of the room again, and that has been stored. */
  forget(user: number, room: number): void
  /** The room is gone. */
  drop(user: number, room: number): void
  /** A membership changed otherwise than by an event of the log: what is in the tables counts. */
  reread(user: number): void
}

/** In memory. */
const membershipBytes = 250

export function openUserRooms(database: Database): UserRooms {
  const cache = database.memory.cache<number, Map<number, UserRoom>>({
    name: 'rooms of users',
    weigh: (rooms) => membershipBytes * (rooms.size + 1),
  })
  const loading = new Map<
    number,
    { rooms: Promise<Map<number, UserRoom>>; heard: Array<[room: number, member: UserRoom]> }
  >()

  const load = async (user: number): Promise<Map<number, UserRoom>> => {
    const rows = await readMemberships(database.read, user)
    const rooms = new Map(rows.map((row) => [row.room_nid, { ...memberFromRow(row), forgotten: row.forgotten === 1 }]))
    // What was announced while the rows were on their way is newer, or the same.
    for (const [room, member] of loading.get(user)?.heard ?? []) {
      if ((rooms.get(room)?.position ?? 0) <= member.position) rooms.set(room, member)
    }
    cache.set(user, rooms)
    loading.delete(user)
    return rooms
  }

  return {
    get: (user) => {
      const cached = cache.get(user)
      if (cached) return Promise.resolve(cached)
      const under = loading.get(user)
      if (under) return under.rooms
      const heard: Array<[number, UserRoom]> = []
      // Registered before the read begins, so that nothing announced from now on is missed.
      const rooms = Promise.resolve().then(() => load(user))
      loading.set(user, { rooms, heard })
      rooms.catch(() => loading.delete(user))
      return rooms
    },
    hear: ({ kind, user, room, data, position }) => {
      if (kind !== 'event' || user === undefined || room === undefined) return
      const stored = data as StoredEvent
      const member = { ...memberFrom(stored.event, stored.nid, stored.sender, position), forgotten: false }
      loading.get(user)?.heard.push([room, member])
      const rooms = cache.get(user)
      if (!rooms) return
      rooms.set(room, member)
      cache.set(user, rooms)
    },
    forget: (user, room) => {
      const rooms = cache.get(user)
      const member = rooms?.get(room)
      if (member) rooms?.set(room, { ...member, forgotten: true })
    },
    drop: (user, room) => void cache.get(user)?.delete(room),
    reread: (user) => void cache.delete(user),
  }
}
