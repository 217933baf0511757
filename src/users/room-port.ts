import { MatrixError } from '../matrix/errors.ts'
import { isRoomId } from '../matrix/ids.ts'

/** Port to rooms/. */
export interface RoomPort {
  /** Short id of a room that the user is or was in, is invited to, or has knocked on; undefined for any other. */
  readonly roomOf: (roomId: string, user: number) => Promise<number | undefined>
}

/**
 * Short id of a room that the user has to do with. Any other room answers as one that does not exist.
 * @throws MatrixError M_INVALID_PARAM, M_FORBIDDEN
 */
export async function mustKnowRoom(port: RoomPort, user: number, roomId: string): Promise<number> {
  if (!isRoomId(roomId)) throw new MatrixError('M_INVALID_PARAM', 'This is not a room id')
  const room = await port.roomOf(roomId, user)
  if (room === undefined) throw new MatrixError('M_FORBIDDEN', 'You are not in this room')
  return room
}
