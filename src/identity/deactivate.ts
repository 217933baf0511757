import type { IdentityParts } from './deps.ts'
import { deleteEmailsOf } from './store/emails.ts'

/** What ending an account takes. */
export type DeactivateDeps = Pick<IdentityParts, 'users' | 'database' | 'sessions' | 'devices'>

/** Ends an account for good, with every session of it and what it has published and backed up for encryption. */
export const deactivate = async (deps: DeactivateDeps, user: number, erase: boolean): Promise<void> => {
  // First the account: from then on the gate lets nobody in, whatever tokens there still are.
  await deps.users.deactivate(user, erase)
  await deps.database.write((tx) => deleteEmailsOf(tx, user))
  await deps.sessions.endAll(user)
  await deps.devices.forgetUser(user)
}
