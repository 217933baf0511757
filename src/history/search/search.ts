import type { RoomEventFilter } from '../../matrix/filter.ts'
import type { Session } from '../../http/index.ts'
import { mustRest, rest } from '../../storage/index.ts'
import type { StoredEvent } from '../../events/index.ts'
import type { HistoryRouteDeps } from '../deps.ts'
import { wantedIn } from '../page.ts'
import { readRoomIds } from '../store/events.ts'
import { rankOf, type Query } from './query.ts'
import { editRowOf, eventOf, findTexts, rowOf, type Wanted } from './store.ts'
import { searchedIn, searchedInEdit, type SearchKey } from './text.ts'
import type { Group, SearchToken } from './token.ts'

export interface SearchWish {
  readonly query: Query
  readonly keys: readonly SearchKey[]
  readonly filter: RoomEventFilter
  /** User ids that the filter names; undefined: anybody. */
  readonly senders: readonly string[] | undefined
  readonly order: SearchToken['order']
  readonly limit: number
  readonly from: SearchToken | undefined
  /** Names what is searched for; a token is good for nothing else. */
  readonly digest: string
}

export interface Found {
  readonly stored: StoredEvent
  /** As the user sees it, edited. */
  readonly text: string
  readonly rank: number
  /** In the index. */
  readonly rowid: number
}

export interface Results {
  readonly found: readonly Found[]
  /** How many there are in all of what the user may see, as far as was looked: what is hidden from them is not counted. */
  readonly count: number
  readonly next: SearchToken | undefined
  /** Where the results of a group go on; asked only where there is a `next`. */
  readonly nextIn: (group: Group) => SearchToken
}

/** Texts of the index that are looked at for one answer in order of time. */
const mostLookedAt = 1000
/** Texts that are ranked, the newest that fit. */
const mostRanked = 500
const batch = 50
/** Texts that are judged for a count. */
const mostCounted = 500
/** Characters of the results of one answer, beside what was said around them. */
const longestResults = 2 * 1024 * 1024

/** How many of the results one answer has room for. */
function fitting(found: readonly Found[], limit: number): number {
  let left = longestResults
  const beyond = found.slice(0, limit).findIndex(({ stored }, index) => (left -= stored.size) < 0 && index > 0)
  return beyond === -1 ? Math.min(limit, found.length) : beyond
}

const newest = Number.MAX_SAFE_INTEGER

/** What the user may see of the texts in the index, and that still fits. */
async function judge(
  deps: HistoryRouteDeps,
  session: Session,
  wish: SearchWish,
  rowids: readonly number[],
  isWanted: Awaited<ReturnType<typeof wantedIn>>,
): Promise<Found[]> {
  const events = await deps.rooms.events.many([...new Set(rowids.map(eventOf))])
  const visible = await isWanted(await deps.history.visible(session, events))
  const shown = await deps.history.conceal(session, visible)
  const seen = visible.filter((stored, index) => stored.redactedBy === null && shown[index] === stored)
  const bundles = await deps.history.bundles(session, seen)
  const texts = new Map<number, { stored: StoredEvent; text: string }>()
  for (const stored of seen) {
    const edit = bundles.get(stored.nid)?.edit
    const searched = edit ? searchedInEdit(edit.event) : searchedIn(stored.event)
    // The index has the words before and after an edit; only what the user sees counts.
    if (searched) texts.set(edit ? editRowOf(stored.nid) : rowOf(stored.nid), { stored, text: searched.text })
  }
  const found: Found[] = []
  for (const rowid of rowids) {
    const one = texts.get(rowid)
    const rank = one ? rankOf(wish.query, one.text) : 0
    if (one && rank > 0) found.push({ ...one, rank, rowid })
  }
  return found
}

/**
 * The rooms that are searched: all that the user is in, or was in, unless they asked never to hear of them again. An invitation, a knock,
 * or a ban of somebody who never came in, is no stay.
 */
async function roomsFor(
  { rooms, database, history }: HistoryRouteDeps,
  session: Session,
  { filter, from }: SearchWish,
): Promise<number[]> {
  const mine: number[] = []
  for (const [nid, { forgotten, membership }] of await rooms.of(session.user)) {
    if (forgotten) continue
    if (membership === 'join' || (await history.sight.stayOf(session, nid)).end) mine.push(nid)
  }
  const group = from?.group?.kind === 'room' ? from.group.nid : undefined
  const named = group === undefined ? mine : mine.filter((nid) => nid === group)
  if (filter.rooms.all) return named
  const ids = await readRoomIds(database.read, named)
  return named.filter((nid) => filter.rooms.includes(ids.get(nid) ?? ''))
}

async function sendersFor({ users }: HistoryRouteDeps, { senders, from }: SearchWish): Promise<number[] | undefined> {
  const named =
    senders && (await Promise.all(senders.map((userId) => users.find(userId)))).filter((nid) => nid !== undefined)
  if (from?.group?.kind !== 'sender') return named
  const { nid } = from.group
  return !named || named.includes(nid) ? [nid] : []
}

/** Finds what the user may see in the rooms that they are or were in. */
export async function search(deps: HistoryRouteDeps, session: Session, wish: SearchWish): Promise<Results> {
  if (wish.query.length === 0 || wish.filter.none)
    return {
      found: [],
      count: 0,
      next: undefined,
      nextIn: (group) => ({ order: 'recent', below: 0, group, query: wish.digest, count: 0 }),
    }
  const rooms = await roomsFor(deps, session, wish)
  const wanted = { query: wish.query, keys: wish.keys, rooms, senders: await sendersFor(deps, wish) }
  const isWanted = await wantedIn(deps, session.user, wish.filter)
  const judged = (rowids: readonly number[]): Promise<Found[]> => judge(deps, session, wish, rowids, isWanted)
  return wish.order === 'recent' ? newestFirst(deps, wish, wanted, judged) : bestFirst(deps, wish, wanted, judged)
}

type Terms = Omit<Wanted, 'below' | 'limit'>
type Judged = (rowids: readonly number[]) => Promise<Found[]>

async function newestFirst(
  { database }: HistoryRouteDeps,
  wish: SearchWish,
  wanted: Terms,
  judged: Judged,
): Promise<Results> {
  const from = wish.from?.order === 'recent' ? wish.from : undefined
  const group = from?.group
  let below = from?.below ?? newest
  const found: Found[] = []
  let next: number | undefined
  for (let looked = 0; next === undefined; looked += batch) {
    const rowids = await findTexts(database, { ...wanted, below, limit: batch })
    found.push(...(await judged(rowids)))
    below = rowids.at(-1) ?? 0
    if (found.length > wish.limit) next = found[wish.limit - 1]?.rowid
    else if (rowids.length < batch) break
    else if (looked >= mostLookedAt) next = below
  }
  const shown = found.slice(0, fitting(found, wish.limit))
  if (shown.length < Math.min(found.length, wish.limit)) next = shown.at(-1)?.rowid
  // Only the first answer counts, beyond what it shows: those after it know.
  let count = from?.count ?? found.length
  const isWhole = from !== undefined || next === undefined
  for (let looked = isWhole ? mostCounted : found.length; below > 0 && looked < mostCounted; looked += batch) {
    const rowids = await findTexts(database, { ...wanted, below, limit: batch })
    count += (await judged(rowids)).length
    below = rowids.length < batch ? 0 : (rowids.at(-1) ?? 0)
  }
  const known = { query: wish.digest, count }
  return {
    found: shown,
    count,
    next: next === undefined ? undefined : { order: 'recent', below: next, group, ...known },
    nextIn: (one) => ({
      order: 'recent',
      below: shown.findLast((result) => isIn(result, one))?.rowid ?? 0,
      group: one,
      ...known,
    }),
  }
}

async function bestFirst(
  { database }: HistoryRouteDeps,
  wish: SearchWish,
  wanted: Terms,
  judged: Judged,
): Promise<Results> {
  const from = wish.from?.order === 'rank' ? wish.from : undefined
  const offset = from?.offset ?? 0
  const rowids = await findTexts(database, { ...wanted, below: from?.top ?? newest, limit: mostRanked })
  const top = from?.top ?? (rowids[0] ?? 0) + 1
  const seen: Found[] = []
  for (let start = 0; start < rowids.length; start += batch) {
    seen.push(...(await judged(rowids.slice(start, start + batch))))
    if (mustRest()) await rest()
  }
  const ranked = seen.toSorted((a, b) => b.rank - a.rank || b.rowid - a.rowid)
  const end = offset + fitting(ranked.slice(offset), wish.limit)
  const known = { query: wish.digest, count: ranked.length }
  return {
    found: ranked.slice(offset, end),
    count: ranked.length,
    next: ranked.length > end ? { order: 'rank', top, offset: end, group: from?.group, ...known } : undefined,
    nextIn: (one) => ({
      order: 'rank',
      top,
      offset: ranked.slice(0, end).filter((result) => isIn(result, one)).length,
      group: one,
      ...known,
    }),
  }
}

const isIn = ({ stored }: Found, { kind, nid }: Group): boolean =>
  (kind === 'room' ? stored.room : stored.sender) === nid
