import { isLocalUser } from '../matrix/ids.ts'
import { isBundled, relationOf } from '../matrix/relations.ts'
import type { Database } from '../storage/index.ts'
import type { Entry, Log } from '../streams/index.ts'
import { readAtPositions, readEdits, readGroups, readNewest, type RelatedGroup } from './store/related.ts'
import type { StoredEvent } from '../events/index.ts'

/** What one sender has said in a thread. */
export interface ThreadShare {
  readonly count: number
  /** Of the newest. */
  readonly position: number
  readonly event: number
}

/** What relates to an event and is summarised with it; the same for whoever asks. */
export interface Related {
  /** Short ids of edits, among them the one that counts: the newest that is valid. */
  readonly edits: number[]
  /** By sender. */
  readonly thread: Map<number, ThreadShare>
  /** Oldest first. */
  readonly references: Array<{ readonly id: string; readonly sender: number }>
}

/** Summaries of what relates to events, kept in memory and up to date by the log. */
export interface Aggregations {
  /** By event id, for those of the events that something relates to. Touches no table for events that were seen or sent lately. */
  of(list: readonly StoredEvent[]): Promise<ReadonlyMap<string, Related>>
  /** To be called with every entry of the log. */
  hear(entry: Entry): void
}

/** Bounds of a summary. */
export const summaryLimits = { edits: 10, references: 100 } as const

/** Events and rooms of which it is remembered that something came. */
const followed = 50_000

interface Cached extends Related {
  readonly room: number
  /** The position of the log that it was right at when it was read. */
  readonly asOf: number
}

const nothing = 'nothing'

export function openAggregations({
  database,
  log,
  serverName,
}: {
  database: Database
  log: Log
  serverName: string
}): Aggregations {
  const cache = database.memory.cache<string, Cached | typeof nothing>({
    name: 'relations',
    weigh: (related) =>
      100 +
      (related === nothing
        ? 0
        : 8 * related.edits.length + 100 * related.thread.size + 150 * related.references.length),
    grows: true,
  })
  /** Every event that something began to relate to after `floor`, with the position of the newest that does. */
  const touched = new Map<string, number>()
  let floor = log.now
  /** By room: what was read before the newest redaction may count an event that is gone. */
  const redactions = new Map<number, number>()

  /** Undefined: the tables have to be asked. */
  const known = (stored: StoredEvent): Related | typeof nothing | undefined => {
    const { id, sender } = stored.event
    // Nothing can relate to an event of this server before it is sent; one of another server may come after what relates to it.
    if (stored.position > floor && !touched.has(id) && isLocalUser(sender, serverName)) return nothing
    const found = cache.get(id)
    if (found === undefined || found === nothing) return found
    return (redactions.get(found.room) ?? 0) <= found.asOf ? found : undefined
  }

  const load = async (list: readonly StoredEvent[]): Promise<Map<string, Related>> => {
    const asOf = log.now
    const rooms = new Map(list.map((stored) => [stored.event.id, stored.room]))
    const found = await readRelated(database, rooms, asOf)
    for (const [id, room] of rooms) {
      if (floor > asOf || (touched.get(id) ?? 0) > asOf) continue
      const related = found.get(id)
      cache.set(id, related ? { ...related, room, asOf } : nothing)
    }
    return found
  }

  const add = (related: Cached, stored: StoredEvent, relType: string): boolean => {
    switch (relType) {
      case 'm.thread': {
        const count = (related.thread.get(stored.sender)?.count ?? 0) + 1
        related.thread.set(stored.sender, { count, position: stored.position, event: stored.nid })
        return true
      }
      case 'm.reference':
        related.references.push({ id: stored.event.id, sender: stored.sender })
        if (related.references.length > summaryLimits.references) related.references.shift()
        return true
      default:
        related.edits.push(stored.nid)
        return related.edits.length <= 2 * summaryLimits.edits
    }
  }

  return {
    of: async (list) => {
      const found = new Map<string, Related>()
      let unknown: StoredEvent[] | undefined
      for (const stored of list) {
        if (stored.event.stateKey !== undefined) continue
        const related = known(stored)
        if (related === undefined) (unknown ??= []).push(stored)
        else if (related !== nothing) found.set(stored.event.id, related)
      }
      if (unknown) for (const [id, related] of await load(unknown)) found.set(id, related)
      return found
    },
    hear: ({ kind, data, position, room }) => {
      if (kind !== 'event' || room === undefined) return
      const stored = data as StoredEvent // entries of this kind carry it
      if (stored.event.redacts !== undefined) redactions.set(room, position)
      const relation = relationOf(stored.event)
      if (!relation || !isBundled(relation.relType, { stateKey: undefined })) return
      touched.set(relation.eventId, position)
      const related = cache.get(relation.eventId)
      if (related && (related === nothing || (related.room === room && !add(related, stored, relation.relType))))
        cache.delete(relation.eventId)
      if (touched.size + redactions.size <= followed) return
      floor = position
      touched.clear()
      redactions.clear()
      cache.clear()
    },
  }
}

async function readRelated(
  { read }: Database,
  rooms: ReadonlyMap<string, number>,
  upTo: number,
): Promise<Map<string, Related>> {
  const found = new Map<string, Related>()
  const groups = (await readGroups(read, [...rooms.keys()], upTo)).filter(
    (group) => rooms.get(group.target_id) === group.room_nid,
  )
  if (groups.length === 0) return found
  const targetsWith = (relType: string): string[] => [
    ...new Set(groups.filter((group) => group.rel_type === relType).map((group) => group.target_id)),
  ]
  const of = (id: string): Related => {
    const related = found.get(id) ?? { edits: [], thread: new Map(), references: [] }
    found.set(id, related)
    return related
  }
  const [edits, references] = [targetsWith('m.replace'), targetsWith('m.reference')]
  if (edits.length > 0)
    for (const row of await readEdits(read, edits, upTo, summaryLimits.edits))
      of(row.target_id).edits.push(row.event_nid)
  if (references.length > 0) {
    const rows = await readNewest(read, references, ['m.reference'], upTo, summaryLimits.references)
    for (const row of rows.toReversed()) of(row.target_id).references.push({ id: row.event_id, sender: row.sender_nid })
  }
  await readThreads(
    read,
    groups.filter((group) => group.rel_type === 'm.thread'),
    of,
  )
  return found
}

async function readThreads(
  read: Database['read'],
  groups: readonly RelatedGroup[],
  of: (id: string) => Related,
): Promise<void> {
  if (groups.length === 0) return
  const nids = await readAtPositions(
    read,
    [...new Set(groups.map((group) => group.room_nid))],
    groups.map((group) => group.position),
  )
  for (const group of groups) {
    const event = nids.get(group.position)
    if (event !== undefined)
      of(group.target_id).thread.set(group.sender_nid, { count: group.count, position: group.position, event })
  }
}
