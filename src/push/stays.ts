import { own } from '../matrix/json.ts'
import type { Member, Room, Rooms } from '../events/index.ts'

/** How many changes of a profile are followed back; behind so many, what came before them counts as read. */
const mostChanges = 50

/**
 * Positions at which the members' stays in their rooms began, by room: a new display name makes a new member event but no new stay.
 * All rooms are followed back together, so that a thousand of them cost a few queries.
 */
export async function stayStarts(
  rooms: Rooms,
  members: ReadonlyArray<{ readonly room: Room; readonly member: Member }>,
): Promise<Map<number, number>> {
  const starts = new Map<number, number>()
  let open = new Map(members.map(({ room, member }) => [room.nid, member.event]))
  for (let round = 0; round < mostChanges && open.size > 0; round++) {
    const events = new Map((await rooms.events.many([...open.values()])).map((stored) => [stored.nid, stored]))
    const next = new Map<number, number>()
    for (const [room, nid] of open) {
      const stored = events.get(nid)
      if (!stored || own(stored.event.content, 'membership') !== 'join') continue
      starts.set(room, stored.position)
      if (stored.replaces !== null) next.set(room, stored.replaces)
    }
    open = next
  }
  return starts
}
