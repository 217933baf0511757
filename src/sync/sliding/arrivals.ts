import { own } from '../../matrix/json.ts'
import type { Database } from '../../storage/index.ts'
import { readMembersBefore } from './store.ts'

/** How many changes of name or picture are followed back. */
const mostChanges = 20

/**
 * When users came into rooms, as positions, by the short ids of their present member events: a member event may also only change a
 * name. Who joins a quiet room finds it on top, where it would else stand far down.
 */
export function openArrivals(
  database: Database,
): (memberEvents: readonly number[]) => Promise<ReadonlyMap<number, number>> {
  const known = database.memory.cache<number, number>({ name: 'arrivals', weigh: 10 })

  return async (memberEvents) => {
    const found = new Map<number, number>()
    /** By the event that is looked at next, the one that was asked for. */
    let open = new Map<number, number>()
    for (const event of memberEvents) {
      const arrival = known.get(event)
      if (arrival === undefined) open.set(event, event)
      else found.set(event, arrival)
    }
    for (let round = 0; open.size > 0 && round < mostChanges; round++) {
      const next = new Map<number, number>()
      for (const { nid, position, before, json } of await readMembersBefore(database.read, [...open.keys()])) {
        const asked = open.get(nid) ?? nid
        const wasIn = json !== null && own(own(JSON.parse(json), 'content'), 'membership') === 'join'
        if (wasIn && before !== null) next.set(before, asked)
        else found.set(asked, position ?? 0)
      }
      open = next
    }
    for (const event of memberEvents) known.set(event, found.get(event) ?? 0)
    return found
  }
}
