import type { Database } from '../storage/index.ts'
import { readNewestReset, readResets } from './store/resets.ts'

/** What the resolution of state changed in rooms, beside what the events say that brought it about. */
export interface Resets {
  /** Places of a room's state that changed so in `(above, upTo]`. Costs nothing for a room in which that never happened. */
  in(room: number, above: number, upTo: number): Promise<number[]>
  /** It happens now, at this position. */
  note(room: number, position: number): void
}

export function openResets(database: Database): Resets {
  /** The newest position at which it happened in a room; 0: never. */
  const newest = database.memory.cache<number, number>({ name: 'state resets', weigh: 20 })
  return {
    in: async (room, above, upTo) => {
      let last = newest.get(room)
      if (last === undefined) {
        last = await readNewestReset(database.read, room)
        const noted = newest.peek(room)
        if (noted === undefined) newest.set(room, last)
        else last = noted
      }
      return last <= above ? [] : readResets(database.read, room, above, upTo)
    },
    note: (room, position) => newest.set(room, position),
  }
}
