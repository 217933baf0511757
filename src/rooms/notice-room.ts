import { MatrixError } from '../matrix/errors.ts'
import { madeByServer, type Users } from '../users/index.ts'
import { membershipOf } from './membership.ts'
import type { Room } from '../events/index.ts'

/**
 * Refuses to turn down the invitation to the room in which the server speaks to somebody. Once in it, they may leave.
 * @throws {MatrixError} M_CANNOT_LEAVE_SERVER_NOTICE_ROOM
 * @see https://spec.matrix.org/v1.19/client-server-api/#server-notices
 */
export async function mustNotTurnDownNotices(users: Pick<Users, 'account'>, room: Room, user: number): Promise<void> {
  if (membershipOf(room, user) !== 'invite' || (await users.account(room.creator))?.createdBy !== madeByServer) return
  throw new MatrixError(
    'M_CANNOT_LEAVE_SERVER_NOTICE_ROOM',
    'This invitation cannot be turned down: here the administrators of the server speak to you',
  )
}
