import { MatrixError } from '../matrix/errors.ts'
import { makeUserId } from '../matrix/ids.ts'
import type { Tx } from '../storage/index.ts'
import type { LogTx } from '../streams/index.ts'
import { type Account, isReservedName, type NewAccount } from '../users/index.ts'
import type { LoginParts } from './deps.ts'
import { shownName } from '../identity/index.ts'
import type { Opened, WantedSession } from '../sessions/index.ts'

type NewNameDeps = Pick<LoginParts, 'serverName' | 'isExclusive' | 'users'>
/** What making accounts takes. */
export type RegisterDeps = NewNameDeps & Pick<LoginParts, 'log' | 'sessions'>

/** The name that somebody gets who asks for this one: names are small, and who writes them large means the same, as at a sign-in. */
export const loweredName = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())

/** Throws when nobody can get this name: M_INVALID_USERNAME, M_EXCLUSIVE, M_USER_IN_USE. */
export const checkNewName = async (context: NewNameDeps, localpart: string): Promise<void> => {
  if (localpart.startsWith('_')) throw new MatrixError('M_INVALID_USERNAME', 'A user name cannot start with "_"')
  const userId = makeUserId(localpart, context.serverName)
  if (context.isExclusive(userId)) throw new MatrixError('M_EXCLUSIVE', 'This name is kept for an application service')
  if (isReservedName(localpart)) throw new MatrixError('M_EXCLUSIVE', 'This name is the server’s own')
  if (await context.users.findByLocalpart(localpart)) throw new MatrixError('M_USER_IN_USE', 'This user name is taken')
}

/** Twelve small letters and digits, of 256 random bits in base64. */
export const randomLocalpart = (context: Pick<LoginParts, 'randomId'>): string =>
  context
    .randomId()
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '')
    .slice(0, 12)

/**
 * Makes an account and, where a session is wanted, opens its first in the same write, as is `within`. Throws as `checkNewName`, or as
 * `check` does.
 */
export const register = async (
  context: RegisterDeps,
  account: NewAccount,
  session: WantedSession | undefined,
  check = checkNewName,
  within?: (tx: Tx) => Promise<void>,
): Promise<{ userId: string; opened: Opened | undefined }> => {
  await check(context, account.localpart)
  const displayName = typeof account.displayName === 'string' ? shownName(account.displayName) : null
  const create = async (tx: LogTx): Promise<Account> => {
    await within?.(tx.sql)
    return context.users.create(tx.sql, { ...account, displayName })
  }
  if (session) {
    const opened = await context.sessions.open(undefined, create, session)
    return { userId: opened.userId, opened }
  }
  const { userId } = await context.log.write(create)
  return { userId, opened: undefined }
}
