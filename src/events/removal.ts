import type { Database, Tx } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { EventCache } from './event-cache.ts'
import type { Heads } from './heads.ts'
import type { StateSets } from './state-sets.ts'
import type { Held } from './stored-event.ts'
import {
  deleteEvents,
  deleteMembers,
  deleteRoomRow,
  deleteStateSets,
  readOldMessages,
  readSomeEvents,
  readSomeMembers,
} from './store/removal.ts'
import type { UserRooms } from './user-rooms.ts'

export interface RemovalDeps {
  readonly database: Database
  readonly log: Log
  readonly events: EventCache
  readonly heads: Heads
  readonly stateSets: StateSets
  readonly userRooms: UserRooms
}

/** Takes rooms and events away for good, from the tables and from memory. Long work comes in small steps, each a write of its own. */
export interface Removal {
  /** From now on nobody finds the room and nothing is added to it. What it consists of is still to be dropped. */
  retire(room: number): Promise<void>
  /** Drops some events of a retired room, with the state that only they needed. Resolves to how many; 0: there are none left. */
  dropEvents(room: number): Promise<number>
  /**
   * Drops some memberships of a retired room. `within` deletes, in the same write, what these users keep of the room. Resolves to how
   * many; 0: there are none left.
   */
  dropMembers(room: number, within: (tx: Tx, users: readonly number[]) => Promise<void>): Promise<number>
  /**
   * Drops some messages (state stays, and the newest events) of a room before a position, oldest first. `foreign`: only those of other
   * servers' users, of which this is not the only copy. `next` is where to go on; undefined: there are none left.
   */
  dropMessages(
    room: number,
    wish: { after: number; before: number; foreign: boolean },
  ): Promise<{ dropped: number; next: number | undefined }>
}

/** A step is to take some milliseconds: everybody's writes wait for it. */
const [eventsAtOnce, membersAtOnce] = [100, 100]

export function openRemoval({ database, log, events, heads, stateSets, userRooms }: RemovalDeps): Removal {
  /** What clients were told lately stands in the tail of the log, without what was said from now on. */
  const blank = (room: number, gone?: ReadonlySet<number>): void => {
    for (const { kind, data } of log.tail.room(room, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)) {
      const held = data as Held | undefined
      if (kind !== 'event' || !held || (gone && !gone.has(held.nid))) continue
      held.event = { ...held.event, content: {}, pdu: { ...held.event.pdu, content: {} } }
      delete held.clientJson
    }
  }

  const forget = (nids: readonly number[]): void => {
    for (const nid of nids) {
      const stored = events.peek(nid)
      if (stored) events.drop(stored)
    }
  }

  return {
    retire: async (room) => {
      heads.retire(room)
      await database.write((tx) => deleteRoomRow(tx, room))
      blank(room)
    },
    dropEvents: async (room) => {
      const { nids, sets } = await database.write(async (tx) => {
        const rows = await readSomeEvents(tx, room, eventsAtOnce)
        const nids = rows.map((row) => row.nid)
        await deleteEvents(tx, nids)
        const wanted = new Set(rows.flatMap((row) => row.state_nid ?? []))
        return { nids, sets: await deleteStateSets(tx, [...wanted]) }
      })
      forget(nids)
      stateSets.forget(sets)
      return nids.length
    },
    dropMembers: async (room, within) => {
      const users = await database.write(async (tx) => {
        const some = await readSomeMembers(tx, room, membersAtOnce)
        if (some.length > 0) await within(tx, some)
        await deleteMembers(tx, room, some)
        return some
      })
      for (const user of users) userRooms.drop(user, room)
      return users.length
    },
    dropMessages: async (nid, { after, before, foreign }) => {
      const rows = await database.write(async (tx) => {
        const some = await readOldMessages(tx, { room: nid, after, before, foreign, limit: eventsAtOnce })
        const ends = new Set(heads.peek(nid)?.extremities.map((one) => one.nid))
        const gone = some.filter((row) => !ends.has(row.nid))
        await deleteEvents(
          tx,
          gone.map((row) => row.nid),
        )
        return { some, gone: gone.map((row) => row.nid) }
      })
      forget(rows.gone)
      blank(nid, new Set(rows.gone))
      heads.forgetRecent(nid)
      const last = rows.some.at(-1)?.position ?? undefined
      return { dropped: rows.gone.length, next: rows.some.length < eventsAtOnce ? undefined : last }
    },
  }
}
