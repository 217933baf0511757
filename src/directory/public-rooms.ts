import { MatrixError } from '../matrix/errors.ts'
import type { Database, RoomsTable } from '../storage/index.ts'
import { readAliasesOfMany, readPublished, readPublishedCount, type Place, type RoomList } from './store.ts'
import { entryOf, type RoomEntry } from './summary.ts'

export interface PublicRoomsQuery {
  readonly limit?: number | undefined
  /** Token of an earlier page. */
  readonly since?: string | undefined
  /** Words that must all occur in name, topic or aliases, whatever their case. */
  readonly term?: string | undefined
  /** Null: rooms without a type. */
  /** Which list; default that of this server. */
  readonly list?: RoomList | undefined
  readonly roomTypes?: ReadonlyArray<string | null> | undefined
}

export interface PublicRooms {
  chunk: RoomEntry[]
  next_batch?: string
  prev_batch?: string
  total_room_count_estimate: number
}

type Direction = 'after' | 'before'

const usualLimit = 100
const largestLimit = 500
/** Rows that are read at once while one looks for rooms that match. */
const atOnce = 500
const mostWords = 20
const top: Place = { joined: Number.MAX_SAFE_INTEGER, nid: Number.MAX_SAFE_INTEGER }

/** A page of the rooms that are listed in the directory, the largest first. */
export async function listPublicRooms(database: Database, query: PublicRoomsQuery): Promise<PublicRooms> {
  const limit = Math.min(Math.max(query.limit ?? usualLimit, 1), largestLimit)
  const { place, dir } = query.since === undefined ? { place: top, dir: 'after' as const } : readToken(query.since)
  const found = await matching(database, query, place, dir, limit + 1)
  const more = found.length > limit
  const page = found.slice(0, limit)
  if (dir === 'before') page.reverse()
  const [first, last] = [page.at(0), page.at(-1)]
  const [isMoreAfter, isMoreBefore] = dir === 'after' ? [more, query.since !== undefined] : [true, more]
  return {
    chunk: page.map(entryOf),
    ...(last && isMoreAfter && { next_batch: tokenOf('after', last) }),
    ...(first && isMoreBefore && { prev_batch: tokenOf('before', first) }),
    total_room_count_estimate: await readPublishedCount(database.read, query.list),
  }
}

async function matching(
  database: Database,
  query: PublicRoomsQuery,
  start: Place,
  dir: Direction,
  wanted: number,
): Promise<RoomsTable[]> {
  const words = wordsOf(query.term ?? '')
  const types = query.roomTypes && new Set(query.roomTypes)
  const isFiltered = words.length > 0 || types !== undefined
  const found: RoomsTable[] = []
  for (let place = start; ;) {
    const size = isFiltered ? atOnce : wanted
    const rows = await readPublished(database.read, place, dir, size, query.list)
    const aliases =
      words.length > 0
        ? await readAliasesOfMany(
            database.read,
            rows.map((row) => row.nid),
          )
        : new Map<number, string[]>()
    for (const row of rows) {
      if (types && !types.has(row.room_type)) continue
      const called = [row.canonical_alias ?? '', ...(aliases.get(row.nid) ?? [])].map(withoutServer)
      if (!says([row.name ?? '', row.topic ?? '', ...called], words)) continue
      found.push(row)
      if (found.length === wanted) return found
    }
    const last = rows.at(-1)
    if (!last || rows.length < size) return found
    place = placeOf(last)
  }
}

const wordsOf = (term: string): string[] =>
  term
    .toLowerCase()
    .split(/\s+/)
    .map((word) => (word.startsWith('#') ? withoutServer(word) : word))
    .filter((word) => word !== '')
    .slice(0, mostWords)

/** All aliases here have the server's name in common, which says nothing about a room. */
const withoutServer = (alias: string): string => alias.split(':')[0] ?? ''

function says(texts: readonly string[], words: readonly string[]): boolean {
  if (words.length === 0) return true
  const text = texts.join('\n').toLowerCase()
  return words.every((word) => text.includes(word))
}

const placeOf = (row: RoomsTable): Place => ({ joined: row.joined_members, nid: row.nid })

const tokenOf = (dir: Direction, row: RoomsTable): string =>
  `${dir === 'after' ? 'n' : 'p'}${row.joined_members}_${row.nid}`

function readToken(token: string): { place: Place; dir: Direction } {
  const [, dir, joined, nid] = /^([np])(\d{1,15})_(\d{1,15})$/.exec(token) ?? []
  if (dir === undefined)
    throw new MatrixError('M_INVALID_PARAM', 'since is not a token of this list: leave it out to begin anew')
  return { place: { joined: Number(joined), nid: Number(nid) }, dir: dir === 'n' ? 'after' : 'before' }
}
