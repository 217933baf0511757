import type { Json } from '../../matrix/json.ts'
import type { Room } from '../room.ts'
import { readTimeline } from '../store/events.ts'
import { readSigned, Unready, unplaced } from './foundations.ts'
import { inOrder } from './outliers.ts'
import { take, type Taking } from './take.ts'

/** What came of asking for the past: there is more here now, there is no more, or nobody has told. */
export type Older = 'more' | 'none' | 'failed'

/** Of the oldest events that are here, so many are looked at for what they follow. */
const lookedAt = 50
/** Events that one question is about, and that one answer brings. */
const [mostNamed, mostBrought] = [20, 100]

/** Where what is here of a room begins: what its oldest events follow, and the position of the oldest. */
async function beginning(
  { deps }: Pick<Taking, 'deps'>,
  room: Room,
): Promise<{ readonly lowest: number; readonly before: readonly string[] }> {
  const everything = { above: Number.MIN_SAFE_INTEGER, upTo: Number.MAX_SAFE_INTEGER }
  const rows = await readTimeline(deps.database.read, { room: room.nid, ...everything, limit: lookedAt, dir: 'f' })
  const oldest = deps.events.adopt(rows)
  const followed = new Set(oldest.flatMap(({ event }) => event.prevEvents))
  return {
    lowest: Math.min(oldest[0]?.position ?? 0, 0),
    before: (await unplaced(deps, [...followed])).slice(0, mostNamed),
  }
}

/**
 * Brings what happened in a room before all that is here: from the first of the servers that tells it, judged as every event is. It is put
 * at positions below zero, so that no sync has it and every page of history does.
 */
export async function bringOlder(taking: (origin: string) => Taking, servers: readonly string[]): Promise<Older> {
  let outcome: Older = 'failed'
  for (const server of servers) {
    const one = taking(server)
    const { deps, room } = one
    const { lowest, before } = await beginning(one, room)
    if (before.length === 0) return 'none'
    let values: readonly Json[]
    try {
      values = await deps.remote.backfill(server, room.id, before, mostBrought)
    } catch {
      continue
    }
    outcome = 'none'
    const found = await readSigned(deps, room, values.slice(0, mostBrought))
    const ordered = inOrder(found, (event) => event.prevEvents)
    let brought = 0
    for (const [index, incoming] of ordered.entries()) {
      const past = lowest - ordered.length + index
      try {
        const stored = await take({ ...one, isFetched: true, past }, incoming)
        if (stored.position === past) brought += 1
      } catch (error) {
        if (!(error instanceof Unready)) throw error
      }
    }
    if (brought === 0) continue
    const head = deps.heads.peek(room.nid)
    if (head) delete head.recent
    return 'more'
  }
  return outcome
}
