import { MatrixError } from '../matrix/errors.ts'
import { makeUserId } from '../matrix/ids.ts'
import { isReservedName, madeByServer } from './reserved.ts'
import { loadingCache, type Database, type Tx } from '../storage/index.ts'
import type { UserNames } from './intern.ts'
import {
  changeAccount,
  insertAccount,
  readAccount,
  readAccounts,
  readByFolded,
  readErased,
  readPassword,
  type AccountChange,
  type AccountRow,
  type NewAccountRow,
} from './store/accounts.ts'
import { eraseData } from './store/erase.ts'

/** A local account. The password's hash is not part of it; see `Accounts.passwordHash`. */
export interface Account {
  /** Short id of the user. */
  readonly nid: number
  readonly userId: string
  readonly localpart: string
  readonly createdTs: number
  /** The way it was made. */
  readonly createdBy: string
  readonly hasPassword: boolean
  readonly deactivated: boolean
  readonly erased: boolean
  readonly locked: boolean
  readonly suspended: boolean
  readonly admin: boolean
  readonly guest: boolean
  readonly displayName: string | null
  readonly avatarUrl: string | null
  /** What they send reaches nobody, and they are not told. */
  readonly shadowBanned: boolean
  /** `bot`, `support` …; null: a person. */
  readonly userType: string | null
  /** How much an administrator lets them do; null: as much as everybody; 0 a second: there is no limit. */
  readonly rate: Readonly<{ perSecond: number; burst: number }> | null
}

export interface NewAccount {
  /** In the specification's grammar: lower case. */
  readonly localpart: string
  /** The way it is made, for the operator to read: `jwt`, `register`, `cli` … */
  readonly createdBy: string
  readonly passwordHash?: string | null
  readonly admin?: boolean
  readonly guest?: boolean
  readonly displayName?: string | null
  readonly avatarUrl?: string | null
}

export interface Accounts {
  /**
   * Makes an account, inside a write.
   * @throws MatrixError M_USER_IN_USE, also when the name differs in letter case only; M_INVALID_USERNAME; M_EXCLUSIVE for a name of
   * the server's own
   */
  create(tx: Tx, account: NewAccount): Promise<Account>
  /** On the path of every request: without a promise when it is in memory. Undefined for a user without an account. */
  account(nid: number): Account | Promise<Account | undefined>
  /**
   * The account of that name; letter case is not looked at, unless there are several that differ in nothing else: then only an exact
   * match counts.
   */
  findByLocalpart(localpart: string): Promise<Account | undefined>
  /** Null: there is no password, and none is right. */
  passwordHash(nid: number): Promise<string | null>
  /** Makes a user of a guest, with a password. */
  makeUser(nid: number, passwordHash: string): Promise<Account>
  /** Null takes the password away. */
  setPassword(nid: number, hash: string | null): Promise<Account>
  /** For good: the password goes, and with `erase` so do profile, account data and filters. Tokens and rooms are their owners' affair. */
  deactivate(nid: number, erase: boolean): Promise<Account>
  setLocked(nid: number, locked: boolean): Promise<Account>
  setSuspended(nid: number, suspended: boolean): Promise<Account>
  setAdmin(nid: number, admin: boolean): Promise<Account>
  setShadowBanned(nid: number, banned: boolean): Promise<Account>
  setUserType(nid: number, type: string | null): Promise<Account>
  /** Null: as everybody. */
  setRate(nid: number, rate: Account['rate']): Promise<Account>
  /** Opens an account again that was deactivated; what went with that does not come back. */
  reactivate(nid: number): Promise<Account>
  /** By localpart, from the one after `after` ('' for the first). `search` is looked for in localpart and display name. */
  list(after: string, limit: number, search?: string): Promise<Account[]>
  /** Short ids of those who asked to be forgotten. */
  erased(): Promise<number[]>
  /** Calls `listener` with the account in the same turn in which a change of it was committed. */
  onChange(listener: (account: Account) => void): void
  /** Runs `work` in the write that takes a lock from an account. */
  onUnlock(work: (tx: Tx, nid: number) => Promise<void>): void
}

/** What profile.ts needs besides: display name and avatar live in the account's row. */
export interface AccountStore extends Accounts {
  change(nid: number, change: AccountChange): Promise<Account>
}

const fromRow = (row: AccountRow): Account => ({
  nid: row.user_nid,
  userId: row.user_id,
  localpart: row.localpart,
  createdTs: row.created_ts,
  createdBy: row.created_by,
  hasPassword: row.has_password === 1,
  deactivated: row.deactivated === 1,
  erased: row.erased === 1,
  locked: row.locked === 1,
  suspended: row.suspended === 1,
  admin: row.admin === 1,
  guest: row.guest === 1,
  displayName: row.display_name,
  avatarUrl: row.avatar_url,
  shadowBanned: row.shadow_banned === 1,
  userType: row.user_type,
  rate:
    row.rate_per_second === null || row.rate_burst === null
      ? null
      : { perSecond: row.rate_per_second, burst: row.rate_burst },
})

const unknown = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such account')

const rowOf = (nid: number, account: NewAccount, now: number) =>
  ({
    user_nid: nid,
    localpart: account.localpart,
    folded: account.localpart.toLowerCase(),
    created_ts: now,
    created_by: account.createdBy,
    password_hash: account.passwordHash ?? null,
    deactivated: 0,
    erased: 0,
    locked: 0,
    suspended: 0,
    admin: account.admin ? 1 : 0,
    guest: account.guest ? 1 : 0,
    display_name: account.displayName ?? null,
    avatar_url: account.avatarUrl ?? null,
  }) satisfies NewAccountRow

/** The accounts of this server, the ones in use in memory. */
export function openAccounts(deps: {
  database: Database
  names: UserNames
  serverName: string
  now: () => number
}): AccountStore {
  const { database, names, serverName, now } = deps
  const listeners: Array<(account: Account) => void> = []
  const unlocking: Array<(tx: Tx, nid: number) => Promise<void>> = []
  const cache = loadingCache<number, Account>(database.memory, { name: 'accounts', weigh: 1000 }, async (nid) => {
    const row = await readAccount(database.read, nid)
    return row && fromRow(row)
  })

  const changeIn = async (tx: Tx, nid: number, change: AccountChange): Promise<AccountRow> => {
    const row = await changeAccount(tx, nid, change)
    if (!row) throw unknown()
    if (change.locked === 0) for (const work of unlocking) await work(tx, nid)
    return row
  }

  const committed = (row: AccountRow): Account => {
    const account = fromRow(row)
    cache.set(account.nid, account)
    for (const listener of listeners) listener(account)
    return account
  }

  const change = async (nid: number, values: AccountChange): Promise<Account> =>
    committed(await database.write((tx) => changeIn(tx, nid, values)))

  return {
    change,
    create: async (tx, account) => {
      const userId = makeUserId(account.localpart, serverName)
      if (isReservedName(account.localpart) && account.createdBy !== madeByServer)
        throw new MatrixError('M_EXCLUSIVE', 'This name is the server’s own')
      const taken = await readByFolded(tx, account.localpart.toLowerCase())
      if (taken.length > 0) throw new MatrixError('M_USER_IN_USE', 'This user name is taken')
      const nid = await names.internIn(tx, userId)
      const row = rowOf(nid, account, now())
      await insertAccount(tx, row)
      return fromRow({
        ...row,
        shadow_banned: 0,
        user_type: null,
        rate_per_second: null,
        rate_burst: null,
        user_id: userId,
        has_password: row.password_hash === null ? 0 : 1,
      })
    },
    account: (nid) => cache.get(nid),
    findByLocalpart: async (localpart) => {
      const known = names.peekNid(`@${localpart}:${serverName}`)
      const exact = known === undefined ? undefined : cache.peek(known)
      if (exact) return exact
      const rows = await readByFolded(database.read, localpart.toLowerCase())
      const row = rows.find((one) => one.localpart === localpart) ?? (rows.length === 1 ? rows[0] : undefined)
      return row && cache.get(row.user_nid)
    },
    passwordHash: async (nid) => {
      const hash = await readPassword(database.read, nid)
      if (hash === undefined) throw unknown()
      return hash
    },
    makeUser: (nid, hash) => change(nid, { guest: 0, password_hash: hash, created_by: 'register' }),
    setPassword: (nid, hash) => change(nid, { password_hash: hash }),
    deactivate: async (nid, erase) =>
      committed(
        await database.write(async (tx) => {
          if (erase) await eraseData(tx, nid)
          return changeIn(tx, nid, {
            deactivated: 1,
            password_hash: null,
            ...(erase && { erased: 1, display_name: null, avatar_url: null }),
          })
        }),
      ),
    setLocked: (nid, locked) => change(nid, { locked: locked ? 1 : 0 }),
    setSuspended: (nid, suspended) => change(nid, { suspended: suspended ? 1 : 0 }),
    setAdmin: (nid, admin) => change(nid, { admin: admin ? 1 : 0 }),
    setShadowBanned: (nid, banned) => change(nid, { shadow_banned: banned ? 1 : 0 }),
    setUserType: (nid, type) => change(nid, { user_type: type }),
    setRate: (nid, rate) => change(nid, { rate_per_second: rate?.perSecond ?? null, rate_burst: rate?.burst ?? null }),
    reactivate: (nid) => change(nid, { deactivated: 0, erased: 0 }),
    erased: () => readErased(database.read),
    list: async (after, limit, search) => (await readAccounts(database.read, after, limit, search)).map(fromRow),
    onChange: (listener) => void listeners.push(listener),
    onUnlock: (work) => void unlocking.push(work),
  }
}
