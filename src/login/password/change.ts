import type { Session } from '../../http/index.ts'
import type { LoginParts } from '../deps.ts'

/** What setting a password takes. */
export type ChangeDeps = Pick<LoginParts, 'passwords' | 'users' | 'sessions'>

/**
 * Sets a new password, and ends what whoever knew the old one may have opened: every session but `but`, or, where apps are to stay signed
 * in, what is open in browsers and on its way. @throws MatrixError M_WEAK_PASSWORD
 */
export const changePassword = async (
  { passwords, users, sessions }: ChangeDeps,
  user: number,
  password: string,
  { logout, but }: { logout: boolean; but?: Session | undefined },
): Promise<void> => {
  passwords.check(password)
  await users.setPassword(user, await passwords.hash(password))
  if (logout) await sessions.endAll(user, but)
  else await sessions.endTickets(user)
}
