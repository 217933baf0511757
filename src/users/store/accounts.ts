import { sql, type Selectable, type Updateable } from 'kysely'
import { hot, type AccountsTable, type Reader, type Tx } from '../../storage/index.ts'
import { addWords, deleteWords } from './words.ts'

export type AccountRow = Omit<Selectable<AccountsTable>, 'password_hash'> & { user_id: string; has_password: number }

export type NewAccountRow = Omit<
  Selectable<AccountsTable>,
  'shadow_banned' | 'user_type' | 'rate_per_second' | 'rate_burst'
>

/** What may be changed of an account. */
export type AccountChange = Partial<Omit<Updateable<AccountsTable>, 'user_nid' | 'localpart' | 'folded' | 'created_ts'>>

const columns = [
  'accounts.user_nid',
  'localpart',
  'folded',
  'created_ts',
  'created_by',
  'deactivated',
  'erased',
  'locked',
  'suspended',
  'admin',
  'guest',
  'display_name',
  'avatar_url',
  'shadow_banned',
  'user_type',
  'rate_per_second',
  'rate_burst',
  'users.user_id',
] as const

const selectAccount = hot((db, p: { nid: number }) =>
  db
    .selectFrom('accounts')
    .innerJoin('users', 'users.nid', 'accounts.user_nid')
    .where('accounts.user_nid', '=', p.nid)
    .select(columns)
    .select((row) => row.case().when('password_hash', 'is', null).then(0).else(1).end().as('has_password')),
)

const selectByFolded = hot((db, p: { folded: string }) =>
  db.selectFrom('accounts').where('folded', '=', p.folded).select(['user_nid', 'localpart']),
)

const selectPassword = hot((db, p: { nid: number }) =>
  db.selectFrom('accounts').where('user_nid', '=', p.nid).select('password_hash'),
)

export const readAccount = (db: Reader | Tx, nid: number): Promise<AccountRow | undefined> =>
  selectAccount.first(db, { nid })

/** Every account whose localpart differs from `folded` in letter case at most. */
export const readByFolded = (
  db: Reader | Tx,
  folded: string,
): Promise<Array<{ user_nid: number; localpart: string }>> => selectByFolded.all(db, { folded })

export const readPassword = async (db: Reader, nid: number): Promise<string | null | undefined> =>
  (await selectPassword.first(db, { nid }))?.password_hash

const insert = hot((db, p: NewAccountRow) =>
  db.insertInto('accounts').values({
    user_nid: p.user_nid,
    localpart: p.localpart,
    folded: p.folded,
    created_ts: p.created_ts,
    created_by: p.created_by,
    password_hash: p.password_hash,
    deactivated: p.deactivated,
    erased: p.erased,
    locked: p.locked,
    suspended: p.suspended,
    admin: p.admin,
    guest: p.guest,
    display_name: p.display_name,
    avatar_url: p.avatar_url,
  }),
)

export async function insertAccount(tx: Tx, account: NewAccountRow): Promise<void> {
  await insert.run(tx, account)
  if (account.guest === 0)
    await addWords(tx, { user: account.user_nid, localpart: account.localpart, displayName: account.display_name })
}

/** The account after the change; undefined when there is none. */
export async function changeAccount(tx: Tx, nid: number, change: AccountChange): Promise<AccountRow | undefined> {
  await tx.updateTable('accounts').set(change).where('user_nid', '=', nid).execute()
  const row = await readAccount(tx, nid)
  if (row && (change.display_name !== undefined || change.deactivated !== undefined || change.guest !== undefined)) {
    await deleteWords(tx, nid)
    if (row.deactivated === 0 && row.guest === 0)
      await addWords(tx, { user: nid, localpart: row.localpart, displayName: row.display_name })
  }
  return row
}

/** Accounts after a localpart, in order, that have `search` in localpart or display name. */
export async function readAccounts(
  db: Reader,
  after: string,
  limit: number,
  search: string | undefined,
): Promise<AccountRow[]> {
  let query = db
    .selectFrom('accounts')
    .innerJoin('users', 'users.nid', 'accounts.user_nid')
    .where('localpart', '>', after)
    .orderBy('localpart')
    .limit(limit)
    .select(columns)
    .select((row) => row.case().when('password_hash', 'is', null).then(0).else(1).end().as('has_password'))
  if (search) {
    const pattern = `%${search.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`
    query = query.where((row) =>
      row.or([
        sql<boolean>`folded like ${pattern} escape '\\'`,
        sql<boolean>`lower(display_name) like ${pattern} escape '\\'`,
      ]),
    )
  }
  return query.execute()
}

export const readErased = async (db: Reader): Promise<number[]> =>
  (await db.selectFrom('accounts').where('erased', '=', 1).select('user_nid').execute()).map((row) => row.user_nid)
