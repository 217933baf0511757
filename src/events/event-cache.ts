import { MatrixError } from '../matrix/errors.ts'
import type { Database } from '../storage/index.ts'
import { eventBytes, type StoredEvent } from './stored-event.ts'
import {
  fromRow,
  readEvent,
  readEventById,
  readEvents,
  readEventsById,
  readEventsByTxn,
  type EventRow,
} from './store/events.ts'

/** Events by short id and by event id, from memory where they were seen lately. */
export interface Events {
  /** From memory alone. */
  peek(nid: number): StoredEvent | undefined
  get(nid: number): Promise<StoredEvent | undefined>
  /**
   * In the order asked for; what is not there is left out.
   * @throws {MatrixError} M_TOO_LARGE for more than one answer can have: a room may have any amount of state
   */
  many(nids: readonly number[]): Promise<StoredEvent[]>
  byId(eventId: string): Promise<StoredEvent | undefined>
  /** Several, by event id; what is not there is left out. */
  byIds(eventIds: readonly string[]): Promise<Map<string, StoredEvent>>
  /** What a device sent under a transaction id: several, when it used the id on several endpoints. */
  byTxn(device: number, txnId: string): Promise<StoredEvent[]>
}

/** The same with what the kernel alone may do. */
export interface EventCache extends Events {
  /** Takes in an event that was just made, redacted or read. */
  put(stored: StoredEvent): void
  /** Makes events of rows, those in memory first. */
  adopt(rows: readonly EventRow[]): StoredEvent[]
  drop(stored: StoredEvent): void
}

/** Rows that are read in one turn of the event loop. */
const atOnce = 100

export function openEvents(database: Database): EventCache {
  /** Characters of JSON. */
  const mostAtOnce = Math.max(database.memory.limit / 8, 4 * 1024 * 1024)
  const byNid = database.memory.cache<number, StoredEvent>({
    name: 'events',
    weigh: eventBytes,
    dispose: (stored) => nids.delete(stored.event.id),
  })
  const nids = new Map<string, number>()

  const put = (stored: StoredEvent): void => {
    byNid.set(stored.nid, stored)
    nids.set(stored.event.id, stored.nid)
  }
  const adoptOne = (row: EventRow): StoredEvent => {
    const cached = byNid.get(row.nid)
    if (cached) return cached
    const stored = fromRow(row)
    put(stored)
    return stored
  }
  return {
    peek: (nid) => byNid.get(nid),
    get: async (nid) => {
      const cached = byNid.get(nid)
      if (cached) return cached
      const row = await readEvent(database.read, nid)
      return row && adoptOne(row)
    },
    many: async (wanted) => {
      // Held from here on: what is read may take the place of what was there.
      const found = new Map<number, StoredEvent>()
      const missing: number[] = []
      for (const nid of wanted) {
        const cached = byNid.get(nid)
        if (cached) found.set(nid, cached)
        else missing.push(nid)
      }
      let left = mostAtOnce
      for (const { size } of found.values()) left -= size
      for (let start = 0; start < missing.length; start += atOnce) {
        if (left < 0) break
        for (const row of await readEvents(database.read, missing.slice(start, start + atOnce))) {
          found.set(row.nid, adoptOne(row))
          left -= row.json.length
        }
      }
      if (left < 0) throw new MatrixError('M_TOO_LARGE', 'This is more than one answer can have')
      return wanted.map((nid) => found.get(nid)).filter((stored) => stored !== undefined)
    },
    byId: async (eventId) => {
      const nid = nids.get(eventId)
      const cached = nid === undefined ? undefined : byNid.get(nid)
      if (cached) return cached
      const row = await readEventById(database.read, eventId)
      return row && adoptOne(row)
    },
    byIds: async (wanted) => {
      const found = new Map<string, StoredEvent>()
      const missing: string[] = []
      for (const id of new Set(wanted)) {
        const nid = nids.get(id)
        const cached = nid === undefined ? undefined : byNid.get(nid)
        if (cached) found.set(id, cached)
        else missing.push(id)
      }
      for (const row of missing.length > 0 ? await readEventsById(database.read, missing) : [])
        found.set(row.event_id, adoptOne(row))
      return found
    },
    byTxn: async (device, txnId) => (await readEventsByTxn(database.read, device, txnId)).map(adoptOne),
    put,
    adopt: (rows) => rows.map(adoptOne),
    drop: (stored) => void byNid.delete(stored.nid),
  }
}
