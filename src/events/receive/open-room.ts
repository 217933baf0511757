import { emptyHead } from '../new-room.ts'
import { emptySummary, type Head, type Room } from '../room.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { insertRoom, setOrigin } from '../store/rooms.ts'
import type { ReceiveDeps } from './deps.ts'

/** Makes a room of another server known here, of which nothing is here yet. */
async function openRoom(
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

/**
 * The room, made known here if it is not. As long as no state of it is here, what was heard of its origin is hearsay: anybody may have
 * invited somebody with a false version. What comes later takes its place.
 * @throws {MatrixError} M_BAD_JSON when the room is here, and has another version
 */
export async function knownRoom(
  deps: ReceiveDeps,
  room: Pick<Room, 'id' | 'version' | 'creator' | 'createdTs'>,
): Promise<Head> {
  const { id, version, creator, createdTs } = room
  const known = await deps.heads.byId(id)
  if (!known) return openRoom(deps, room)
  if (known.chain.length > 0) {
    if (known.version.id !== version.id) throw new MatrixError('M_BAD_JSON', 'The room has another version')
    return known
  }
  if (known.version.id === version.id && known.creator === creator) return known
  await deps.database.write((tx) => setOrigin(tx, known.nid, { version: version.id, creator, createdTs }))
  const stale = deps.heads.peek(known.nid)
  if (stale) deps.heads.kill(stale)
  const fresh = await deps.heads.get(known.nid)
  if (!fresh) throw new Error(`Room ${id} is gone`)
  return fresh
}
