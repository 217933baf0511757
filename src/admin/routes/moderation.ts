import { Type } from 'typebox'
import { route, type Route, type Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { Account } from '../../users/index.ts'
import { accountOf, mustBeAdmin } from '../account.ts'
import type { AdminDeps } from '../deps.ts'

const UserParams = Type.Object({ userId: Type.String() })
const Locked = Type.Object({ locked: Type.Boolean() })
const Suspended = Type.Object({ suspended: Type.Boolean() })

const lockPath = '/_matrix/client/v1/admin/lock/:userId'
const suspendPath = '/_matrix/client/v1/admin/suspend/:userId'

/** An account that an administrator may moderate: any but that of another administrator. */
async function moderated(deps: AdminDeps, session: Session, userId: string): Promise<Account> {
  mustBeAdmin(session)
  const account = await accountOf(deps, userId)
  if (account.admin && account.nid !== session.user)
    throw new MatrixError('M_FORBIDDEN', `${userId} is an administrator too`)
  return account
}

/** The same, and not one's own: nobody could take it back. */
async function changeable(deps: AdminDeps, session: Session, userId: string): Promise<Account> {
  const account = await moderated(deps, session, userId)
  if (account.nid === session.user) throw new MatrixError('M_FORBIDDEN', 'This is your own account')
  return account
}

/**
 * Locks and suspends accounts; sessions know of it from their next request on.
 * @see https://spec.matrix.org/v1.19/client-server-api/#account-moderation
 */
export const moderationRoutes = (deps: AdminDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1adminlockuserid */
  route({
    id: 'getAdminLockUser',
    method: 'GET',
    path: lockPath,
    auth: 'user',
    params: UserParams,
    reply: Locked,
    handle: async ({ session, params }) => ({ locked: (await moderated(deps, session, params.userId)).locked }),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv1adminlockuserid */
  route({
    id: 'setAdminLockUser',
    method: 'PUT',
    path: lockPath,
    auth: 'user',
    params: UserParams,
    body: Locked,
    reply: Locked,
    handle: async ({ session, params, body }) => {
      const { nid } = await changeable(deps, session, params.userId)
      await deps.identities.locks.take(nid)
      const { locked, userId } = await deps.users.setLocked(nid, body.locked)
      deps.logger.warn({ admin: session.userId, user: userId, locked }, 'an account was locked or unlocked')
      return { locked }
    },
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1adminsuspenduserid */
  route({
    id: 'getAdminSuspendUser',
    method: 'GET',
    path: suspendPath,
    auth: 'user',
    params: UserParams,
    reply: Suspended,
    handle: async ({ session, params }) => ({ suspended: (await moderated(deps, session, params.userId)).suspended }),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv1adminsuspenduserid */
  route({
    id: 'setAdminSuspendUser',
    method: 'PUT',
    path: suspendPath,
    auth: 'user',
    params: UserParams,
    body: Suspended,
    reply: Suspended,
    handle: async ({ session, params, body }) => {
      const { suspended, userId } = await deps.users.setSuspended(
        (await changeable(deps, session, params.userId)).nid,
        body.suspended,
      )
      deps.logger.warn({ admin: session.userId, user: userId, suspended }, 'an account was suspended or no longer is')
      return { suspended }
    },
  }),
]
