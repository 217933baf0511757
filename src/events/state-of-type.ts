import type { Room } from './room.ts'
import type { Rooms } from './rooms.ts'
import type { StoredEvent } from './stored-event.ts'

/**
 * The current state events of one type, whatever their state keys. Not for `m.room.member`, whose events are known by `room.members`
 * and are passed over: what is left is short in most rooms.
 */
export async function stateOfType(
  rooms: Pick<Rooms, 'events' | 'stateKeys'>,
  room: Room,
  type: string,
): Promise<StoredEvent[]> {
  const memberEvents = new Set<number>()
  for (const member of room.members.values()) memberEvents.add(member.event)
  const state = [...room.state].filter(([, event]) => !memberEvents.has(event))
  const names = await rooms.stateKeys.names(state.map(([key]) => key))
  return rooms.events.many(state.filter(([key]) => names.get(key)?.type === type).map(([, event]) => event))
}
