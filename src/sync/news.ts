import type { JsonObject } from '../matrix/json.ts'
import type { UserRoom } from '../events/index.ts'
import type { Entry } from '../streams/index.ts'
import type { PlainEvent, SyncDeps } from './deps.ts'
import type { Span } from './room-window.ts'

/** What has happened to the rooms of a user besides the user's own membership. */
export interface RoomNews {
  /** Rooms with anything new. */
  readonly changed: ReadonlySet<number>
  readonly typing: ReadonlySet<number>
  /** Rooms in which the user has read on: the counts are other ones now. */
  readonly touched: ReadonlySet<number>
  readonly receipts: ReadonlyMap<number, readonly JsonObject[]>
  readonly accountData: ReadonlyMap<number, readonly PlainEvent[]>
}

/** Whose news they are, and what is known of it already. */
export interface NewsWish {
  readonly user: number
  readonly memberships: ReadonlyMap<number, UserRoom>
  readonly span: Span
  /** Every room is told of anyway: which of them have new events need not be found out. */
  readonly isInitial: boolean
  readonly accountData: ReadonlyMap<number, readonly PlainEvent[]>
}

/** Looks at the memory's tail of the log, and at the tables where that does not go back far enough. */
export const roomNews = (deps: SyncDeps, wish: NewsWish): Promise<RoomNews> =>
  deps.log.tail.covers(wish.span.since) ? fromTail(deps, wish) : fromTables(deps, wish)

async function fromTail(deps: SyncDeps, { user, memberships, span, accountData }: NewsWish): Promise<RoomNews> {
  const typing = new Set<number>()
  const touched = new Set<number>()
  const changed = new Set<number>(accountData.keys())
  const withReceipts = new Set<number>()
  for (const { room, kind, user: by } of entriesOf(deps, memberships, span)) {
    if (room === undefined || kind === 'account_data') continue
    changed.add(room)
    if (kind === 'typing') typing.add(room)
    if (kind !== 'receipt') continue
    withReceipts.add(room)
    if (by === user) touched.add(room)
  }
  const receipts =
    withReceipts.size > 0
      ? await deps.receipts.since(user, [...withReceipts], span.since, span.until)
      : new Map<number, JsonObject[]>()
  return { changed, typing, touched, receipts, accountData }
}

/** The entries of the rooms that the user is joined to, found by whichever are fewer: entries or rooms. */
function* entriesOf(
  { log: { tail } }: SyncDeps,
  memberships: ReadonlyMap<number, UserRoom>,
  { since, until }: Span,
): Generator<Entry> {
  const all = tail.all(since, until)
  if (all.length <= memberships.size) {
    for (const entry of all)
      if (entry.room !== undefined && memberships.get(entry.room)?.membership === 'join') yield entry
    return
  }
  for (const [nid, { membership }] of memberships) {
    if (membership === 'join' && tail.lastOfRoom(nid) > since) yield* tail.room(nid, since, until)
  }
}

async function fromTables(
  deps: SyncDeps,
  { user, memberships, span, isInitial, accountData }: NewsWish,
): Promise<RoomNews> {
  const joined: number[] = []
  for (const [nid, { membership }] of memberships) if (membership === 'join') joined.push(nid)
  const receipts = await deps.receipts.since(user, joined, span.since, span.until)
  const withEvents = isInitial ? [] : await deps.rooms.changedSince(joined, span.since)
  const changed = new Set<number>([...accountData.keys(), ...receipts.keys(), ...withEvents])
  for (const nid of joined) if (deps.typing(nid).length > 0) changed.add(nid)
  // Who stopped to type meanwhile is not known any more: every room that has news says who types in it.
  return { changed, typing: changed, touched: new Set(receipts.keys()), receipts, accountData }
}
