import { own } from '../matrix/json.ts'
import type { Room, Rooms, StoredEvent } from '../events/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'

const type = 'm.fully_read'

/**
 * Moves the user's fully read marker in a room forward to the event: it is account data that only the server sets.
 * @see https://spec.matrix.org/v1.19/client-server-api/#fully-read-markers
 */
export async function markFullyRead(
  { log, users, rooms }: { log: Log; users: Pick<Users, 'accountData'>; rooms: Pick<Rooms, 'events'> },
  room: Room,
  user: number,
  event: StoredEvent,
): Promise<void> {
  const marked = own(await users.accountData.get(user, room.nid, type), 'event_id')
  const before = typeof marked === 'string' ? await rooms.events.byId(marked) : undefined
  if (before?.room === room.nid && before.position >= event.position) return
  await log.write((tx) => users.accountData.put(tx, user, room.nid, type, { event_id: event.event.id }))
}
