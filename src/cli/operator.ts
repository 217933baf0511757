import { MatrixError } from '../matrix/errors.ts'
import { isLocalUser, localpartOf } from '../matrix/ids.ts'
import { readAuditEntries, type AuditEntry } from '../admin/index.ts'
import type { PersonalToken } from '../login/index.ts'
import type { Identity, Imported, Link, Named, Outlook } from '../identity/index.ts'
import type { EndedTokens } from '../providers/index.ts'
import type { Homeserver } from '../server/index.ts'
import type { Account } from '../users/index.ts'

/** An account as `latchkey user list` shows it. */
export interface ListedUser {
  userId: string
  displayName: string | null
  createdTs: number
  createdBy: string
  admin: boolean
  guest: boolean
  locked: boolean
  suspended: boolean
  deactivated: boolean
  hasPassword: boolean
}

/** What the operator can do to accounts. `name` is a user name, or a whole user id of this server. */
export interface Operator {
  /** Resolves to the user id. */
  create(account: {
    name: string
    password: string | null
    admin: boolean
    displayName: string | null
  }): Promise<string>
  /** Ends every session of the user. */
  password(name: string, password: string): Promise<string>
  deactivate(name: string, erase: boolean): Promise<string>
  /** The accounts after a name, in the order of names. */
  list(after: string, limit: number, search: string | undefined): Promise<ListedUser[]>
  /** Says something to the user in the name of the server. Resolves to the user id. */
  notice(name: string, text: string): Promise<string>
  /** What would become of somebody whom a provider vouches for. Changes nothing. */
  outlook(identity: Identity): Promise<Outlook>
  /** Who the user is at the identity providers. */
  links(name: string): Promise<Link[]>
  /** Resolves to the user id. */
  link(name: string, identity: Named): Promise<string>
  /** Ends the sessions that came of it. Resolves to the user id. */
  unlink(name: string, identity: Named): Promise<string>
  /** Links many, each for itself. `line` says which one it is in what is answered. */
  importLinks(wanted: readonly (Named & { line: number; name: string })[]): Promise<Imported>
  /** Makes an access token for a bot or script: `expires` in ms. The token is in the answer, and nowhere else. */
  createToken(
    name: string,
    wish: { name: string; deviceId?: string; expires?: number },
  ): Promise<PersonalToken & { token: string }>
  listTokens(name: string): Promise<PersonalToken[]>
  revokeToken(name: string, deviceId: string): Promise<void>
  /** Takes new keys into use that ID tokens are signed with. Resolves to their ids. */
  rotateKeys(): Promise<string[]>
  /** Ends tokens of a provider that are access tokens themselves. */
  revoke(provider: string, ended: EndedTokens): Promise<void>
  /** What administrators have done, the newest first. */
  audit(target: string | null, limit: number): Promise<AuditEntry[]>
  /** Has the server read its configuration anew. Resolves to a sentence that says what took effect. */
  reload(): Promise<string>
}

const listed = ({
  userId,
  displayName,
  createdTs,
  createdBy,
  admin,
  guest,
  locked,
  suspended,
  deactivated,
  hasPassword,
}: Account): ListedUser => ({
  userId,
  displayName,
  createdTs,
  createdBy,
  admin,
  guest,
  locked,
  suspended,
  deactivated,
  hasPassword,
})

const localpart = (name: string, serverName: string): string => {
  if (!name.startsWith('@')) return name
  if (!isLocalUser(name, serverName))
    throw new MatrixError('M_INVALID_USERNAME', `${name} is not a user of ${serverName}`)
  return localpartOf(name)
}

const notRunning = (): Promise<string> =>
  Promise.reject(new MatrixError('M_NOT_FOUND', 'No server runs with this configuration.'))

/** The operator of a homeserver in this process. */
export const operatorOf = (
  {
    users,
    identities,
    login,
    oauth,
    notices,
    config,
    database,
  }: Pick<Homeserver, 'database' | 'users' | 'identities' | 'login' | 'oauth' | 'notices' | 'config'>,
  reload: Operator['reload'] = notRunning,
): Operator => {
  const find = async (name: string): Promise<Account> => {
    const account = await users.findByLocalpart(localpart(name, config.server_name))
    if (!account) throw new MatrixError('M_NOT_FOUND', `There is no user "${name}"`)
    return account
  }
  return {
    create: ({ name, ...account }) =>
      login.createAccount({ ...account, localpart: localpart(name, config.server_name), createdBy: 'cli' }),
    password: async (name, password) => {
      const { nid, userId, deactivated } = await find(name)
      if (deactivated) throw new MatrixError('M_USER_DEACTIVATED', `${userId} is deactivated, which is for good`)
      await login.setPassword(nid, password)
      return userId
    },
    deactivate: async (name, erase) => {
      const { nid, userId } = await find(name)
      await identities.deactivate(nid, erase)
      return userId
    },
    list: async (after, limit, search) => (await users.list(after, limit, search)).map(listed),
    notice: async (name, text) => {
      const { nid, userId, deactivated } = await find(name)
      if (deactivated) throw new MatrixError('M_USER_DEACTIVATED', `${userId} is deactivated`)
      await notices.send({ nid, userId }, text)
      return userId
    },
    audit: async (target, limit) =>
      (await readAuditEntries(database.read, { target: target ?? undefined, limit })).map((entry) => ({ ...entry })),
    outlook: (identity) => identities.outlook(identity),
    links: async (name) => identities.links.of((await find(name)).nid),
    link: async (name, identity) => {
      const { nid, userId } = await find(name)
      await identities.links.add(nid, identity, 'operator')
      return userId
    },
    unlink: async (name, identity) => {
      const { nid, userId } = await find(name)
      await identities.links.remove(nid, identity, 'operator')
      return userId
    },
    importLinks: (wanted) =>
      identities.links.import(
        wanted.map(({ name, ...one }) => ({ ...one, user: localpart(name, config.server_name) })),
      ),
    createToken: async (name, wish) =>
      login.personalTokens.create({ ...wish, user: (await find(name)).nid, ip: '127.0.0.1' }),
    listTokens: async (name) => login.personalTokens.list((await find(name)).nid),
    revokeToken: async (name, deviceId) => login.personalTokens.revoke((await find(name)).nid, deviceId),
    rotateKeys: async () => {
      if (!oauth)
        throw new MatrixError('M_NOT_FOUND', 'There is no OAuth 2.0 here: set public_base_url to an https address')
      return oauth.rotateKeys()
    },
    revoke: (provider, ended) => login.revokeTokens(provider, ended),
    reload,
  }
}
