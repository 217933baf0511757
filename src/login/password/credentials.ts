import { setTimeout as delay } from 'node:timers/promises'
import { clientNetwork } from '../../http/address.ts'
import { limitExceeded } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isObject, type JsonObject, own } from '../../matrix/json.ts'
import { isLocalUser, localpartOf } from '../../matrix/ids.ts'
import type { Account } from '../../users/index.ts'
import type { AppService, LoginParts } from '../deps.ts'
import { type Arrival, type Identity, type Origin as Whence, readOwner } from '../../identity/index.ts'
import { parseAddress } from '../mail/address.ts'

type NameDeps = Pick<LoginParts, 'database' | 'users' | 'serverName'>
type OwnPasswordDeps = Pick<LoginParts, 'users' | 'passwords'>
type PasswordDeps = NameDeps &
  OwnPasswordDeps &
  Pick<LoginParts, 'config' | 'devices' | 'providers' | 'sessions' | 'count' | 'logger'>
/** What looking at a name and password takes. */
export type CredentialDeps = PasswordDeps & Pick<LoginParts, 'identities'>

/** Where a credential came from: for limits and for the log. */
export interface Origin extends Whence {
  /** The application service whose token came along, where that is what signs in. */
  service?: AppService | undefined
}

/** The user that a client names, as `identifier` or in the old way; undefined when it names none. */
export const namedUser = (body: JsonObject): string | undefined => {
  const identifier = own(body, 'identifier')
  if (identifier === undefined || identifier === null) {
    if (own(body, 'medium') !== undefined || own(body, 'address') !== undefined) return mailAddressIn(body)
    const user = own(body, 'user')
    if (user !== undefined && typeof user !== 'string') throw new MatrixError('M_BAD_JSON', '"user" must be a string')
    return user
  }
  if (!isObject(identifier)) throw new MatrixError('M_BAD_JSON', '"identifier" must be an object')
  const type = own(identifier, 'type')
  if (type === 'm.id.thirdparty') return mailAddressIn(identifier)
  if (type !== 'm.id.user')
    throw new MatrixError(
      'M_UNKNOWN',
      'People are known here by user name and mail address: "identifier.type" must be "m.id.user" or "m.id.thirdparty"',
      { status: 400 },
    )
  const user = own(identifier, 'user')
  if (typeof user !== 'string')
    throw new MatrixError(user === undefined ? 'M_MISSING_PARAM' : 'M_BAD_JSON', '"identifier.user" must be a string')
  return user
}

/** The mail address that somebody is named by. @throws {MatrixError} M_UNKNOWN for phone numbers; M_INVALID_PARAM */
function mailAddressIn(identifier: JsonObject): string {
  const [medium, address] = [own(identifier, 'medium'), own(identifier, 'address')]
  if (medium !== 'email') throw new MatrixError('M_UNKNOWN', 'Nobody is known here by phone number', { status: 400 })
  if (typeof address !== 'string')
    throw new MatrixError(address === undefined ? 'M_MISSING_PARAM' : 'M_BAD_JSON', '"address" must be a string')
  return parseAddress(address)
}

/** The account that has shown the mail address to be its own. */
async function accountByAddress(context: NameDeps, address: string): Promise<Account | undefined> {
  const owner = await readOwner(context.database.read, address)
  return owner === undefined ? undefined : context.users.account(owner)
}

/** The account that the name, full user id or mail address is of; a name of another server is nobody's. */
const accountNamed = (context: NameDeps, name: string): Promise<Account | undefined> | undefined => {
  if (name.includes('\0') || !name.isWellFormed()) return undefined
  // No name has this sign in it, and every address has.
  if (name.indexOf('@') > 0) return accountByAddress(context, name)
  if (!name.startsWith('@')) return context.users.findByLocalpart(name)
  return isLocalUser(name, context.serverName) ? context.users.findByLocalpart(localpartOf(name)) : undefined
}

/** Whether the password is the one that the account has here. An account without one, and none at all, take the same time. */
const isOwnPassword = async (
  context: OwnPasswordDeps,
  account: Account | undefined,
  password: string,
): Promise<boolean> => {
  const stored = account ? await context.users.passwordHash(account.nid) : null
  const { ok, outdated } = await context.passwords.verify(password, stored)
  if (ok && outdated && account) {
    const hash = await context.passwords.hash(password)
    // Unless it was changed just now.
    if ((await context.users.passwordHash(account.nid)) === stored) await context.users.setPassword(account.nid, hash)
  }
  return ok
}

/** Whether anybody comes in by password: by one that is kept here, or by one that a directory knows. */
export const takesPasswords = ({ config, providers }: Pick<LoginParts, 'config' | 'providers'>): boolean =>
  config.password_login || providers.directories.length > 0

const heldUp = 'a password was not looked at: there were too many guesses at this account, from all addresses together'

/** Whether a session of the account was in use from that network: its owner is let in while others guess from everywhere. */
const isKnownAt = async ({ devices }: Pick<LoginParts, 'devices'>, account: Account, ip: string): Promise<boolean> =>
  (await devices.list(account.nid)).some(
    ({ lastSeenIp }) => lastSeenIp !== null && clientNetwork(lastSeenIp) === clientNetwork(ip),
  )

/** A refusal by a directory takes at least this long: how long the directory took for it then says less. In ms. */
const leastMs = 300

/**
 * Whose name and password these are: an account's own password is looked at first, then every directory is asked. An unknown name, an
 * account without a password and a wrong password take the same way, and get the same answer.
 */
export const verifyPassword = async (
  context: PasswordDeps,
  name: string,
  password: string,
  origin: Origin,
): Promise<{ account: Account } | { identity: Identity; arrival: Arrival }> => {
  const rightHere = context.sessions.failures.guess(origin.ip, name)
  const refusable = context.providers.directories.length > 0 ? delay(leastMs) : undefined
  const account = await accountNamed(context, name)
  const anywhere = context.sessions.failures.guessAt(
    account?.userId ?? (name.includes('@') ? name : `@${name}:${context.serverName}`),
  )
  if (anywhere.wait > 0 && !(account && (await isKnownAt(context, account, origin.ip)))) {
    context.logger.info(
      { trace: origin.trace, ip: origin.ip, name: name.slice(0, 255), code: 'password_guesses' },
      heldUp,
    )
    throw limitExceeded(anywhere.wait)
  }
  const right = (): void => {
    rightHere()
    anywhere.right()
  }
  if (context.config.password_login && (await isOwnPassword(context, account, password)) && account) {
    right()
    return { account }
  }
  try {
    const found = await context.providers.verifyPassword(name, password, account, origin)
    if (found) {
      right()
      return found
    }
  } catch (error) {
    // Nobody can be guessing while nobody answers.
    right()
    throw error
  }
  await refusable
  const { trace, ip } = origin
  context.logger.info({ trace, ip, name: name.slice(0, 255), code: 'password' }, 'a password was refused')
  // That an account is gone for good is no secret, and its owner is owed the reason.
  context.count?.({ provider: 'password', refusedBy: account?.deactivated ? 'M_USER_DEACTIVATED' : 'password' })
  if (account?.deactivated) throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
  throw new MatrixError('M_FORBIDDEN', 'Wrong user name or password')
}

/** The account that a name and password are of. Throws as `verifyPassword`, and the same for somebody who has none here. */
export const accountByPassword = async (
  context: CredentialDeps,
  name: string,
  password: string,
  origin: Origin,
): Promise<Account> => {
  const verified = await verifyPassword(context, name, password, origin)
  const account = 'account' in verified ? verified.account : await context.identities.accountOf(verified.identity)
  if (!account) throw new MatrixError('M_FORBIDDEN', 'Wrong user name or password')
  return account
}
