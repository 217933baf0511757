import type { Session } from '../http/index.ts'
import { endActing } from './acting.ts'
import type { SessionParts } from './deps.ts'
import { deleteDeviceTokens, deleteOtherTokens, deleteToken } from './store/access.ts'
import { deleteTicketsOf } from './store/login-tokens.ts'
import { forgetProviderSessions } from './store/origins.ts'

/** What ending sessions takes. */
export type LogoutDeps = Pick<SessionParts, 'database' | 'log' | 'devices' | 'cache' | 'bearer' | 'endings'>

/** Ends a session; its device goes with it. */
export const logout = async (deps: LogoutDeps, session: Session): Promise<void> => {
  const { user, deviceId, tokenId } = session
  await deps.log.write(async (tx) => {
    const isBearer = await deps.bearer().revokeSession(tx.sql, session)
    if (deviceId !== null) await deps.devices.delete(tx, user, [deviceId])
    else if (!isBearer) await deleteToken(tx.sql, tokenId)
  })
  deps.cache.revoke(user, (other) => other.tokenId === tokenId)
}

/** Ends every session of a user, or all but one; their devices go with them. */
export const logoutAll = async (deps: LogoutDeps, user: number, but?: Session): Promise<void> => {
  // Nothing new is made of what ends here while it does, and what was made nevertheless ends after it.
  deps.endings.endUser(user)
  await deps.log.write(async (tx) => {
    await deps.devices.deleteAll(tx, user, but?.device ?? undefined)
    await deleteOtherTokens(tx.sql, user)
    await deps.bearer().revokeUser(tx.sql, user, but)
    await deleteTicketsOf(tx.sql, user)
  })
  deps.endings.endUser(user)
  deps.cache.revoke(user, (session) => session.device === null || session.device !== but?.device)
  await endActing(deps, user)
}

/** Ends what a user has opened in browsers, or has on its way to a client, and leaves the sessions of their clients alone. */
export const endTickets = async (deps: Pick<SessionParts, 'database' | 'endings'>, user: number): Promise<void> => {
  deps.endings.endUser(user)
  await deps.database.write((tx) => deleteTicketsOf(tx, user))
  // What was made in between of what there was is not to stand either.
  deps.endings.endUser(user)
}

/** Ends the tokens of devices wherever these are deleted, and has what is remembered follow what changes in an account. */
export const followChanges = ({
  devices,
  users,
  cache,
  bearer,
  endings,
}: Pick<SessionParts, 'devices' | 'users' | 'cache' | 'bearer' | 'endings'>): void => {
  devices.onDelete({
    within: async (tx, gone) => {
      await deleteDeviceTokens(tx, gone)
      await forgetProviderSessions(tx, gone)
      await bearer().revokeDevices(tx, gone)
    },
    after: (gone) => cache.revokeDevices(gone),
  })
  users.onChange((account) => cache.revoke(account.nid))
  // The gate lets nobody in while an account is locked: what there was before is not to come to life again.
  users.onUnlock(async (tx, user) => {
    endings.endUser(user)
    await deleteTicketsOf(tx, user)
  })
}
