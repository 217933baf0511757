import { createHash } from 'node:crypto'
import { parseFilter, type Filter } from '../matrix/filter.ts'
import type { JsonObject } from '../matrix/json.ts'
import { loadingCache, type Database } from '../storage/index.ts'
import { insertFilter, readFilter, readFilterId } from './store/filters.ts'

/** A filter that a client left here. */
export interface StoredFilter {
  readonly json: JsonObject
  readonly filter: Filter
  /** An estimate of the memory that it takes, compiled. */
  readonly bytes: number
}

export interface Filters {
  /** Keeps a filter and returns its id; the same filter gets the same id. @throws MatrixError M_BAD_JSON, M_TOO_LARGE */
  add(user: number, json: JsonObject): Promise<string>
  /** Without a promise when it is in memory. */
  get(user: number, id: string): StoredFilter | undefined | Promise<StoredFilter | undefined>
}

/** A client that makes more loses its oldest: it is one that makes a new one each time, and needs the newest. */
const most = { filters: 1000, characters: 1024 * 1024 }

/** Each pattern is compiled to a few objects. */
const bytesOf = (text: string): number => 2000 + 10 * text.length + 600 * (text.split('*').length - 1)

export function openFilters(database: Database): Filters {
  const cache = loadingCache<string, StoredFilter>(
    database.memory,
    { name: 'filters', weigh: ({ bytes }) => bytes },
    async (key) => {
      const [user, id] = key.split('/').map(Number) as [number, number]
      const text = await readFilter(database.read, user, id)
      if (text === undefined) return undefined
      const json = JSON.parse(text) as JsonObject // `add` writes objects alone
      return { json, filter: parseFilter(json), bytes: bytesOf(text) }
    },
  )
  return {
    add: async (user, json) => {
      parseFilter(json)
      const text = JSON.stringify(json)
      const hash = createHash('sha256').update(text).digest('base64url')
      const known = await readFilterId(database.read, user, hash)
      const id =
        known ??
        (await database.write(
          async (tx) => (await readFilterId(tx, user, hash)) ?? insertFilter(tx, user, hash, text, most),
        ))
      return String(id)
    },
    get: (user, id) => (/^(?:0|[1-9]\d{0,14})$/.test(id) ? cache.get(`${user}/${id}`) : undefined),
  }
}
