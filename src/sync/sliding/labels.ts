import { isObject, own } from '../../matrix/json.ts'
import { loadingCache, type Database } from '../../storage/index.ts'
import type { Entry } from '../../streams/index.ts'
import type { AccountDataNews } from '../../users/index.ts'
import { readAccountDataOfType } from './store.ts'

/** What `m.direct` says. */
export interface Directs {
  readonly roomIds: ReadonlySet<string>
  /** When it last changed; 0: never. */
  readonly position: number
}

/** How users mark their rooms, in their account data. Clients write it: what is not of the right shape counts for nothing. */
export interface Labels {
  directs(user: number): Promise<Directs>
  /** Tags by the rooms' nids. */
  tags(user: number): Promise<ReadonlyMap<number, ReadonlySet<string>>>
  /** To be called with every entry of the log. */
  hear(entry: Entry): void
}

/** In memory, of a room's id, and of a tag. */
const [roomBytes, tagBytes] = [150, 150]

const tagsBytes = (rooms: ReadonlyMap<number, ReadonlySet<string>>): number => {
  let bytes = 100
  for (const tags of rooms.values()) bytes += 100 + tagBytes * tags.size
  return bytes
}

export function openLabels(database: Database): Labels {
  const loadDirects = async (user: number): Promise<Directs> => {
    const row = (await readAccountDataOfType(database.read, user, 'm.direct')).find((one) => one.room_nid === 0)
    const roomIds = new Set<string>()
    const content: unknown = row && JSON.parse(row.content)
    for (const list of isObject(content) ? Object.values(content) : []) {
      for (const roomId of Array.isArray(list) ? list : []) if (typeof roomId === 'string') roomIds.add(roomId)
    }
    return { roomIds, position: row?.position ?? 0 }
  }
  const loadTags = async (user: number): Promise<ReadonlyMap<number, ReadonlySet<string>>> => {
    const found = new Map<number, ReadonlySet<string>>()
    for (const { room_nid: room, content } of await readAccountDataOfType(database.read, user, 'm.tag')) {
      const tags = own(JSON.parse(content), 'tags')
      if (isObject(tags)) found.set(room, new Set(Object.keys(tags)))
    }
    return found
  }
  const directs = loadingCache(
    database.memory,
    { name: 'direct chats', weigh: ({ roomIds }) => 100 + roomBytes * roomIds.size },
    loadDirects,
  )
  const tags = loadingCache(database.memory, { name: 'tags', weigh: tagsBytes }, loadTags)
  return {
    directs: async (user) => (await directs.get(user)) ?? loadDirects(user),
    tags: async (user) => (await tags.get(user)) ?? loadTags(user),
    hear: ({ kind, user, data }) => {
      if (kind !== 'account_data' || user === undefined) return
      const { type } = data as AccountDataNews // such entries carry it
      if (type === 'm.direct') directs.drop(user)
      if (type === 'm.tag') tags.drop(user)
    },
  }
}
