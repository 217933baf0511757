import { changePassword } from './password/change.ts'
import { MatrixError } from '../matrix/errors.ts'
import type { Account } from '../users/index.ts'
import { checkNewName, loweredName } from './accounts.ts'
import type { LoginParts } from './deps.ts'
import { addEmail, deleteEmail, readEmails, readOwner } from '../identity/index.ts'
import { parseAddress } from './mail/index.ts'
import { openRegistrationTokens, type RegistrationTokens } from './tokens-to-register/index.ts'

type AdministrationDeps = Pick<
  LoginParts,
  'database' | 'users' | 'sessions' | 'now' | 'logger' | 'passwords' | 'randomId' | 'serverName' | 'isExclusive'
>

/** What administrators may do to how others come in. */
export interface LoginAdministration {
  readonly registrationTokens: RegistrationTokens
  /**
   * A token by which `admin` acts as somebody else until `until` (ms; null: without an end).
   * @throws MatrixError M_FORBIDDEN, M_USER_DEACTIVATED, M_USER_LOCKED
   */
  actAs(admin: number, account: Account, until: number | null): Promise<string>
  /** @throws MatrixError M_WEAK_PASSWORD */
  setPassword(user: number, password: string, logout: boolean): Promise<void>
  /** @throws MatrixError M_INVALID_USERNAME, M_EXCLUSIVE, M_USER_IN_USE */
  checkNewName(localpart: string): Promise<void>
  /** Mail addresses of a user. */
  emails(user: number): Promise<{ address: string; validated_ts: number; added_ts: number }[]>
  /** Sees to it that these are the user's addresses and no others. @throws MatrixError M_INVALID_PARAM, M_THREEPID_IN_USE */
  setEmails(user: number, addresses: readonly string[]): Promise<void>
  /** Whose address it is. */
  ownerOf(address: string): Promise<number | undefined>
  /** Lets a user replace their cross-signing keys without a confirmation, for ten minutes. Resolves to when these end. */
  allowKeyReset(user: number): number
  /** Whether that is so. */
  mayResetKeys(user: number): boolean
}

const keyResetMs = 10 * 60_000
const mostResets = 1000

export const openAdministration = (context: AdministrationDeps): LoginAdministration => {
  const { database, users, sessions, now } = context
  /** Kept in memory: after a restart the administrator asks again. */
  const resets = new Map<number, number>()
  users.onChange((account) => {
    if (!account.admin || account.deactivated || account.locked)
      sessions
        .endActing(account.nid)
        .catch((error: unknown) =>
          context.logger.warn(
            { err: error, user: account.nid },
            'sessions of an administrator as others were not ended',
          ),
        )
  })
  return {
    registrationTokens: openRegistrationTokens(context),
    actAs: (admin, account, until) => sessions.actAs(admin, account, until),
    setPassword: async (user, password, logout) => {
      await changePassword(context, user, password, { logout })
    },
    checkNewName: (localpart) => checkNewName(context, loweredName(localpart)),
    emails: (user) => readEmails(database.read, user),
    setEmails: async (user, addresses) => {
      const wanted = new Set(addresses.map(parseAddress))
      const held = (await readEmails(database.read, user)).map(({ address }) => address)
      await database.write(async (tx) => {
        for (const address of held) if (!wanted.has(address)) await deleteEmail(tx, user, address)
        for (const address of wanted)
          if (!(await addEmail(tx, user, address, now(), now())))
            throw new MatrixError('M_THREEPID_IN_USE', `${address} belongs to another account`)
      })
    },
    ownerOf: (address) => readOwner(database.read, parseAddress(address)),
    allowKeyReset: (user) => {
      const until = now() + keyResetMs
      resets.delete(user)
      resets.set(user, until)
      const [oldest] = resets.keys()
      if (resets.size > mostResets && oldest !== undefined) resets.delete(oldest)
      return until
    },
    mayResetKeys: (user) => (resets.get(user) ?? 0) > now(),
  }
}
