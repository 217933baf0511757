import type { Database } from '../../storage/index.ts'
import type { Rooms } from '../../events/index.ts'
import type { Entry } from '../../streams/index.ts'
import { readListedRooms, type ListedRow } from './store.ts'

/** What a list shows rooms by and chooses them by. It changes as the room does. */
export interface ListedRoom {
  readonly nid: number
  readonly id: string
  /** Position of the newest event that moves the room up. */
  bump: number
  /** Position of the newest event. */
  latest: number
  /** Of `m.room.create`: a space is `m.space`. */
  roomType: string | null
  encrypted: boolean
}

export interface ListedRooms {
  /** By nid; what is not there is left out. */
  many(nids: readonly number[]): Promise<ReadonlyMap<number, ListedRoom>>
  /** From memory alone. */
  peek(nid: number): ListedRoom | undefined
  /** To be called with every entry of the log. */
  hear(entry: Entry): void
}

const fromRow = (row: ListedRow): ListedRoom => ({
  nid: row.nid,
  id: row.room_id,
  bump: row.bump_position,
  latest: row.latest_position,
  roomType: row.room_type,
  encrypted: row.encryption !== null,
})

/** The rows of rooms that lists are made of: read once, many at a time, and then kept up by the log. No state is looked at. */
export function openListedRooms(database: Database, rooms: Pick<Rooms, 'peek'>): ListedRooms {
  const cache = database.memory.cache<number, ListedRoom>({ name: 'listed rooms', weigh: 250 })
  /** Rooms that something happened to, for each read that is under way: what it finds may be older. */
  const reading = new Set<Set<number>>()

  return {
    many: async (nids) => {
      const found = new Map<number, ListedRoom>()
      let missing: readonly number[] = []
      const look = (wanted: readonly number[]): number[] =>
        wanted.filter((nid) => {
          const room = cache.get(nid)
          if (room) found.set(nid, room)
          return !room
        })
      missing = look(nids)
      while (missing.length > 0) {
        const touched = new Set<number>()
        reading.add(touched)
        try {
          for (const row of await readListedRooms(database.read, missing)) {
            if (touched.has(row.nid)) continue
            const room = fromRow(row)
            cache.set(row.nid, room)
            found.set(row.nid, room)
          }
        } finally {
          reading.delete(touched)
        }
        missing = missing.filter((nid) => touched.has(nid) && !found.has(nid))
      }
      return found
    },
    peek: (nid) => cache.peek(nid),
    hear: ({ kind, room: nid, position }) => {
      if ((kind !== 'event' && kind !== 'room_gone') || nid === undefined) return
      for (const touched of reading) touched.add(nid)
      const listed = cache.peek(nid)
      if (!listed) return
      const head = rooms.peek(nid)
      // A head that has been moved up already, by what is not announced yet, does not tell whether this entry does.
      if (kind === 'room_gone' || !head || head.bumpPosition > position) {
        cache.delete(nid)
        return
      }
      listed.bump = head.bumpPosition
      listed.latest = position
      listed.roomType = head.summary.roomType
      listed.encrypted = head.summary.encryption !== null
    },
  }
}
