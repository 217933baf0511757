import { MatrixError } from '../matrix/errors.ts'
import { own } from '../matrix/json.ts'
import type { Users } from '../users/index.ts'

/**
 * Refuses to invite somebody who takes no invitations. Before, whoever may answer for a user that is not there can make them.
 * @throws {MatrixError} M_INVITE_BLOCKED
 * @see https://spec.matrix.org/v1.19/client-server-api/#invite-permission
 */
export async function mustTakeInvites(users: Users, userId: string): Promise<void> {
  await users.summon(userId)
  const user = await users.find(userId)
  const wish =
    user === undefined ? undefined : await users.accountData.get(user, undefined, 'm.invite_permission_config')
  if (own(wish, 'default_action') === 'block')
    throw new MatrixError('M_INVITE_BLOCKED', `${userId} does not want to be invited`)
}
