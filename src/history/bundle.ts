import { compareEdits, relationHolds, relationOf } from '../matrix/relations.ts'
import type { Database } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import type { Aggregations, Related } from './aggregations.ts'
import type { Rooms, StoredEvent } from '../events/index.ts'
import type { Erasure } from './erasure.ts'
import type { Onlooker, Sight } from './sight.ts'
import { readNewest } from './store/related.ts'

export interface BundleDeps {
  readonly rooms: Rooms
  readonly users: Users
  readonly database: Database
  readonly log: Log
  readonly sight: Sight
  readonly aggregations: Aggregations
  readonly erasure: Erasure
}

/** What a reader is told of the events that relate to one. */
export interface Bundle {
  /** The edit that counts. */
  edit?: StoredEvent
  thread?: { readonly latest: StoredEvent; readonly count: number; readonly participated: boolean }
  /** Event ids, oldest first. */
  references: readonly string[]
}

/** Children that are looked at one by one, of each type, for a reader who may not see them all. Beyond, counts are too low. */
const lookedAt = 100

/**
 * Summaries for those of the events that something relates to which the reader may know of, by short id. A few statements for all
 * of them, none where nothing relates to any.
 * @see https://spec.matrix.org/v1.19/client-server-api/#aggregations-of-child-events
 */
export async function bundlesOf(
  deps: BundleDeps,
  who: Onlooker,
  list: readonly StoredEvent[],
): Promise<ReadonlyMap<number, Bundle>> {
  const bundles = new Map<number, Bundle>()
  const related = await deps.aggregations.of(list)
  if (related.size === 0) return bundles
  const ignored = await deps.users.accountData.ignored(who.user)
  const whole: StoredEvent[] = []
  const partial: StoredEvent[] = []
  for (const stored of list) {
    if (related.has(stored.event.id)) ((await deps.sight.seesAll(who, stored.room)) ? whole : partial).push(stored)
  }
  for (const [nid, bundle] of await bundlesOfAll(deps, who, whole, related, ignored)) bundles.set(nid, bundle)
  for (const [nid, bundle] of await bundlesOfVisible(deps, who, partial, ignored)) bundles.set(nid, bundle)
  return bundles
}

/** For a reader who may see everything that relates to the events: from the summaries that all readers share. */
async function bundlesOfAll(
  deps: BundleDeps,
  who: Onlooker,
  list: readonly StoredEvent[],
  related: ReadonlyMap<string, Related>,
  ignored: ReadonlySet<string>,
): Promise<Array<[number, Bundle]>> {
  const ignoredNids = new Set<number>()
  if (list.length > 0 && ignored.size > 0) {
    const senders = list.flatMap((stored) => sendersOf(related.get(stored.event.id)))
    for (const [nid, userId] of await deps.users.namesOf(senders)) if (ignored.has(userId)) ignoredNids.add(nid)
  }
  const needed = list.flatMap((stored) => [
    ...(related.get(stored.event.id)?.edits ?? []),
    ...newestOf(related.get(stored.event.id), ignoredNids),
  ])
  const events = new Map((await deps.rooms.events.many(needed)).map((stored) => [stored.nid, stored]))
  return list.map((stored): [number, Bundle] => {
    const { edits = [], thread = new Map(), references = [] } = related.get(stored.event.id) ?? {}
    const shares = [...thread].filter(([sender]) => !ignoredNids.has(sender))
    const latest = newestOf(related.get(stored.event.id), ignoredNids)
      .map((nid) => events.get(nid))
      .at(0)
    return [
      stored.nid,
      {
        ...editAmong(
          stored,
          edits.map((nid) => events.get(nid)).filter((edit) => edit !== undefined),
        ),
        ...(latest &&
          relationOf(stored.event) === undefined && {
            thread: {
              latest,
              count: shares.reduce((count, [, share]) => count + share.count, 0),
              participated: stored.sender === who.user || thread.has(who.user),
            },
          }),
        references: references.filter(({ sender }) => !ignoredNids.has(sender)).map(({ id }) => id),
      },
    ]
  })
}

const sendersOf = (related: Related | undefined): number[] =>
  related ? [...related.thread.keys(), ...related.references.map(({ sender }) => sender)] : []

/** The newest event of a thread that is not by somebody ignored: one, or none. */
function newestOf(related: Related | undefined, ignored: ReadonlySet<number>): number[] {
  let newest: { position: number; event: number } | undefined
  for (const [sender, share] of related?.thread ?? []) {
    if (!ignored.has(sender) && (!newest || share.position > newest.position)) newest = share
  }
  return newest ? [newest.event] : []
}

/** For a reader who may see only a part of what relates to the events: that part is looked at. */
async function bundlesOfVisible(
  deps: BundleDeps,
  who: Onlooker,
  list: readonly StoredEvent[],
  ignored: ReadonlySet<string>,
): Promise<Array<[number, Bundle]>> {
  if (list.length === 0) return []
  const rows = await readNewest(
    deps.database.read,
    list.map((stored) => stored.event.id),
    ['m.replace', 'm.thread', 'm.reference'],
    deps.log.now,
    lookedAt,
  )
  const visible = await deps.sight.visible(who, await deps.rooms.events.many(rows.map((row) => row.event_nid)))
  const known = new Map(
    visible.filter((stored) => !ignored.has(stored.event.sender)).map((stored) => [stored.nid, stored]),
  )
  return list.map((stored): [number, Bundle] => {
    const children = rows
      .filter((row) => row.target_id === stored.event.id)
      .map((row) => known.get(row.event_nid))
      .filter((child) => child !== undefined && relationHolds(stored.event, child.event))
      .filter((child) => child !== undefined)
    const ofType = (relType: string): StoredEvent[] =>
      children.filter((child) => relationOf(child.event)?.relType === relType)
    const thread = ofType('m.thread')
    const [latest] = thread
    return [
      stored.nid,
      {
        ...editAmong(stored, ofType('m.replace')),
        ...(latest && {
          thread: {
            latest,
            count: thread.length,
            participated: stored.sender === who.user || thread.some((child) => child.sender === who.user),
          },
        }),
        references: ofType('m.reference')
          .map((child) => child.event.id)
          .toReversed(),
      },
    ]
  })
}

/** The edit that counts. A redacted event shows none. */
function editAmong(stored: StoredEvent, edits: readonly StoredEvent[]): { edit?: StoredEvent } {
  if (stored.redactedBy !== null) return {}
  const valid = edits.filter((edit) => edit.redactedBy === null && relationHolds(stored.event, edit.event))
  const edit = valid.sort((a, b) => compareEdits(a.event, b.event)).at(-1)
  return edit ? { edit } : {}
}
