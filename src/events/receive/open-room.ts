import { emptyHead } from '../new-room.ts'
import { emptySummary, type Head, type Room } from '../room.ts'
import { insertRoom } from '../store/rooms.ts'
import type { ReceiveDeps } from './deps.ts'

/** Makes a room of another server known here, of which nothing is here yet. */
export async function openRoom(
  deps: ReceiveDeps,
  room: Pick<Room, 'id' | 'version' | 'creator' | 'createdTs'>,
): Promise<Head> {
  const { id, version, creator, createdTs } = room
  const head = emptyHead({ nid: deps.roomIds.next(), id, version, creator, createdTs })
  await deps.database.write((tx) =>
    insertRoom(tx, head, {
      stateNid: 0,
      extremities: [],
      latestPosition: 0,
      bumpPosition: 0,
      joined: 0,
      invited: 0,
      summary: emptySummary,
    }),
  )
  deps.heads.add(head)
  return head
}
