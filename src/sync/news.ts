import type { JsonObject } from '../matrix/json.ts'
import type { UserRoom } from '../rooms/index.ts'
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

/** Looks at the memory's tail of the log, and at the tables where that does not go back far enough. */
export async function roomNews(
  deps: SyncDeps, user: number, memberships: ReadonlyMap<number, UserRoom>, span: Span, accountData: ReadonlyMap<number, readonly PlainEvent[]>,
): Promise<RoomNews> {
  const joined: number[] = []
  for (const [nid, { membership }] of memberships) if (membership === 'join') joined.push(nid)
  const typing = new Set<number>()
  const touched = new Set<number>()
  const changed = new Set<number>(accountData.keys())
  if (!deps.log.tail.covers(span.since)) {
    const receipts = await deps.receipts.since(user, joined, span.since, span.until)
    for (const nid of receipts.keys()) touched.add(nid)
    for (const nid of joined) if (deps.typing(nid).length > 0) typing.add(nid)
    for (const nid of await deps.rooms.changedSince(joined, span.since)) changed.add(nid)
    for (const nid of [...receipts.keys(), ...typing]) changed.add(nid)
    return { changed, typing, touched, receipts, accountData }
  }
  const withReceipts: number[] = []
  for (const nid of joined) {
    if (deps.log.tail.lastOfRoom(nid) <= span.since) continue
    let hasReceipts = false
    for (const entry of deps.log.tail.room(nid, span.since, span.until)) {
      changed.add(nid)
      if (entry.kind === 'typing') typing.add(nid)
      if (entry.kind === 'receipt') {
        hasReceipts = true
        if (entry.user === user) touched.add(nid)
      }
    }
    if (hasReceipts) withReceipts.push(nid)
  }
  const receipts = withReceipts.length > 0 ? await deps.receipts.since(user, withReceipts, span.since, span.until) : new Map<number, JsonObject[]>()
  return { changed, typing, touched, receipts, accountData }
}
