import type { Session } from '../http/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import { isLocalUser, isUserId } from '../matrix/ids.ts'
import type { Account } from '../users/index.ts'
import type { AdminDeps } from './deps.ts'

/** @throws MatrixError M_FORBIDDEN. To be asked before anything is looked up: nobody else may learn which accounts there are. */
export function mustBeAdmin(session: Session): void {
  if (!session.admin) throw new MatrixError('M_FORBIDDEN', 'This is for administrators of this server')
}

/** An account of this server. @throws MatrixError M_INVALID_PARAM for a user of another server, M_NOT_FOUND where there is none */
export async function accountOf(
  { users, serverName }: Pick<AdminDeps, 'users' | 'serverName'>,
  userId: string,
): Promise<Account> {
  if (!isUserId(userId) || !isLocalUser(userId, serverName))
    throw new MatrixError('M_INVALID_PARAM', `"${userId}" is not a user of this server`)
  const nid = await users.find(userId)
  const account = nid === undefined ? undefined : await users.account(nid)
  if (!account || account.deactivated) throw new MatrixError('M_NOT_FOUND', 'There is no such account')
  return account
}
