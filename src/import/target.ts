import type { StateKeys, StateSets } from '../events/index.ts'
import type { Database, Foreign, Sequence } from '../storage/index.ts'
import { addUsers, readRoomNids, readUserNids } from './store/names.ts'
import type { Report } from './report.ts'

/** How far one part of the import is. */
export interface Progress {
  readonly part: string
  readonly done: number
  /** As far as it is known. */
  readonly of: number
}

/** What every part of an import works with: where it reads, where it writes, and whom it tells. */
export interface ImportContext {
  readonly source: Foreign
  readonly database: Database
  readonly serverName: string
  /** Ids of the bridges that are registered. */
  readonly bridges: readonly string[]
  readonly names: Names
  readonly ids: {
    readonly events: Sequence
    readonly rooms: Sequence
    readonly devices: Sequence
  }
  readonly stateKeys: StateKeys
  readonly stateSets: StateSets
  readonly report: Report
  readonly tell: (progress: Progress) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** 256 random bits, URL-safe. */
  readonly randomId: () => string
}

/** Short ids of users and rooms, by their long ones. */
export interface Names {
  /** Those of users, given out where there are none yet. */
  users(ids: Iterable<string>): Promise<ReadonlyMap<string, number>>
  user(id: string): Promise<number>
  /** Those of rooms that are here. */
  rooms(ids: Iterable<string>): Promise<ReadonlyMap<string, number>>
}

/** Names that are kept in memory: more than an organisation has. */
const most = 100_000

export function openNames(database: Database): Names {
  const users = new Map<string, number>()
  const find = async (ids: Iterable<string>): Promise<ReadonlyMap<string, number>> => {
    if (users.size > most) users.clear()
    const found = new Map<string, number>()
    const unknown: string[] = []
    for (const id of new Set(ids)) {
      const nid = users.get(id)
      if (nid === undefined) unknown.push(id)
      else found.set(id, nid)
    }
    if (unknown.length === 0) return found
    const learn = (row: { user_id: string; nid: number }): void => {
      found.set(row.user_id, row.nid)
      users.set(row.user_id, row.nid)
    }
    for (const row of await readUserNids(database.read, unknown)) learn(row)
    const fresh = unknown.filter((id) => !found.has(id))
    if (fresh.length > 0) for (const row of await database.write((tx) => addUsers(tx, fresh))) learn(row)
    return found
  }
  return {
    users: find,
    user: async (id) => (await find([id])).get(id) ?? 0,
    rooms: async (ids) =>
      new Map((await readRoomNids(database.read, [...new Set(ids)])).map((row) => [row.room_id, row.nid])),
  }
}

/** Whether a column that is true or false is true: SQLite has numbers for it. */
export const isTrue = (value: unknown): boolean => value === true || value === 1

/** Text of a column that may hold bytes. */
export const textOf = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : value instanceof Uint8Array
      ? Buffer.from(value).toString()
      : JSON.stringify(value)
