import type { JsonObject } from '../matrix/json.ts'
import type { Room, StoredEvent } from '../events/index.ts'
import { loadingCache, type Database } from '../storage/index.ts'
import type { Entry, Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import {
  readAllReceiptsOf,
  readReceiptPlace,
  readReceipts,
  readReceiptsOf,
  saveReceipt,
  type ReceiptRow,
} from './store.ts'

export type ReceiptType = 'm.read' | 'm.read.private'

/** What a `receipt` entry of the log says besides its user and room. */
export interface ReceiptNews {
  readonly type: ReceiptType
  /** `main`, the event id of a thread's root, or empty for a receipt that knows no threads. */
  readonly thread: string
  readonly eventId: string
  readonly eventPosition: number
  /** Milliseconds since 1970. */
  readonly ts: number
}

/** How far a user has read in a room, openly or privately, as positions of events; 0: not at all. */
export interface ReadUpTo {
  /** In the whole room, whatever the thread. */
  readonly everywhere: number
  /** By thread: `main`, or the event id of its root. */
  readonly threads: ReadonlyMap<string, number>
}

export interface Receipts {
  /** Notes that the user has read up to the event; a receipt never moves back. `thread` is empty for one that knows no threads. */
  send(room: Room, user: number, type: ReceiptType, event: StoredEvent, thread: string): Promise<void>
  /**
   * Content of `m.receipt` events by room: the receipts that came in `(since, until]`, private ones of the user alone. A room has
   * several only where one cannot hold two receipts of the same user for the same event in different threads.
   */
  since(
    user: number,
    rooms: readonly number[],
    since: number,
    until: number,
  ): Promise<ReadonlyMap<number, readonly JsonObject[]>>
  /** Without a promise when it is in memory. */
  readUpTo(user: number, room: number): ReadUpTo | Promise<ReadUpTo>
  /** The same for many rooms at once, with one query at most where many are not in memory. */
  readUpToMany(user: number, rooms: readonly number[]): Promise<ReadonlyMap<number, ReadUpTo>>
}

type Receipt = Pick<ReceiptRow, 'user_nid' | 'type' | 'thread' | 'event_id' | 'ts'>

/** In memory: what one has read of a room, and of a thread. */
const [readerBytes, threadBytes] = [150, 200]
/** Rooms in one query. */
const atOnce = 500
/** So many rooms are asked for one by one before all of a user's receipts are read instead. */
const fewRooms = 20

const nothingRead: ReadUpTo = { everywhere: 0, threads: new Map() }

const keyOf = (user: number, room: number): string => `${user}/${room}`

function further(before: ReadUpTo, thread: string, position: number): ReadUpTo {
  if (thread === '') return { ...before, everywhere: Math.max(before.everywhere, position) }
  return {
    ...before,
    threads: new Map(before.threads).set(thread, Math.max(before.threads.get(thread) ?? 0, position)),
  }
}

/** Puts receipts into as few event contents as hold them. */
function contentsOf(receipts: readonly Receipt[], names: ReadonlyMap<number, string>): JsonObject[] {
  const contents: Array<Record<string, Record<string, Record<string, JsonObject>>>> = []
  for (const { user_nid: user, type, thread, event_id: eventId, ts } of receipts) {
    const userId = names.get(user)
    if (userId === undefined) continue
    let content = contents.find((one) => one[eventId]?.[type]?.[userId] === undefined)
    if (!content) contents.push((content = {}))
    const byUser = ((content[eventId] ??= {})[type] ??= {})
    byUser[userId] = { ts, ...(thread !== '' && { thread_id: thread }) }
  }
  return contents
}

export function openReceipts(deps: {
  database: Database
  log: Log
  users: Pick<Users, 'namesOf'>
  now: () => number
}): Receipts {
  const { database, log, users, now } = deps
  const readers = loadingCache<string, ReadUpTo>(
    database.memory,
    { name: 'receipts', weigh: ({ threads }) => readerBytes + threadBytes * threads.size },
    async (key) => {
      const [user, room] = key.split('/').map(Number) as [number, number]
      return (await readReceiptsOf(database.read, room, user)).reduce(
        (reader, row) => further(reader, row.thread, row.event_position),
        nothingRead,
      )
    },
  )

  let heard = 0
  log.listen((entry) => {
    if (entry.kind !== 'receipt' || entry.user === undefined || entry.room === undefined) return
    const { thread, eventPosition } = entry.data as ReceiptNews // such entries are made here alone
    heard += 1
    const key = keyOf(entry.user, entry.room)
    const reader = readers.peek(key)
    if (reader) readers.set(key, further(reader, thread, eventPosition))
    else readers.drop(key)
  })

  const readUpTo = (user: number, room: number): ReadUpTo | Promise<ReadUpTo> =>
    readers.get(keyOf(user, room)) as ReadUpTo | Promise<ReadUpTo> // its loader always gives one

  /** Brings all of a user's receipts into memory, unless one came meanwhile: then what was read may be behind it. */
  const load = async (user: number, rooms: readonly number[]): Promise<void> => {
    const before = heard
    const found = new Map<number, ReadUpTo>()
    for (const row of await readAllReceiptsOf(database.read, user)) {
      found.set(row.room_nid, further(found.get(row.room_nid) ?? nothingRead, row.thread, row.event_position))
    }
    if (heard === before) for (const room of rooms) readers.set(keyOf(user, room), found.get(room) ?? nothingRead)
  }

  const fromTail = (user: number, entries: readonly Entry[]): Receipt[] => {
    const newest = new Map<string, Receipt>()
    for (const { kind, user: reader, data } of entries) {
      if (kind !== 'receipt' || reader === undefined) continue
      const { type, thread, eventId, ts } = data as ReceiptNews // such entries are made here alone
      if (type === 'm.read' || reader === user)
        newest.set(`${reader} ${type} ${thread}`, { user_nid: reader, type, thread, event_id: eventId, ts })
    }
    return [...newest.values()]
  }

  const fromTables = async (
    user: number,
    rooms: readonly number[],
    since: number,
    until: number,
  ): Promise<Map<number, Receipt[]>> => {
    const byRoom = new Map<number, Receipt[]>()
    for (let start = 0; start < rooms.length; start += atOnce) {
      for (const row of await readReceipts(database.read, user, rooms.slice(start, start + atOnce), since, until)) {
        const list = byRoom.get(row.room_nid)
        if (list) list.push(row)
        else byRoom.set(row.room_nid, [row])
      }
    }
    return byRoom
  }

  return {
    send: async (room, user, type, { event, position: eventPosition }, thread) => {
      await log.write(async (tx) => {
        const before = await readReceiptPlace(tx.sql, room.nid, user, type, thread)
        if (before !== undefined && before >= eventPosition) return
        const news: ReceiptNews = { type, thread, eventId: event.id, eventPosition, ts: now() }
        const position = tx.append({
          kind: 'receipt',
          room: room.nid,
          user,
          wake: type === 'm.read' ? room.joined : [user],
          data: news,
        })
        await saveReceipt(tx.sql, {
          room_nid: room.nid,
          user_nid: user,
          type,
          thread,
          event_id: event.id,
          event_position: eventPosition,
          ts: news.ts,
          position,
        })
      })
    },
    since: async (user, rooms, since, until) => {
      const byRoom = log.tail.covers(since)
        ? new Map(rooms.map((room) => [room, fromTail(user, log.tail.room(room, since, until))]))
        : await fromTables(user, rooms, since, until)
      const nids = new Set([...byRoom.values()].flatMap((list) => list.map((receipt) => receipt.user_nid)))
      const names = await users.namesOf(nids)
      return new Map(
        [...byRoom].filter(([, list]) => list.length > 0).map(([room, list]) => [room, contentsOf(list, names)]),
      )
    },
    readUpTo,
    readUpToMany: async (user, rooms) => {
      const missing = rooms.filter((room) => !readers.peek(keyOf(user, room)))
      if (missing.length > fewRooms) await load(user, missing)
      const found = new Map<number, ReadUpTo>()
      for (const room of rooms) found.set(room, await readUpTo(user, room))
      return found
    },
  }
}
