import { isLocalUser, localpartOf } from '../../matrix/ids.ts'
import { wordsOf } from '../../users/index.ts'
import { isTrue, type ImportContext } from '../target.ts'
import { clear, putRows } from '../store/rows.ts'

interface UserRow {
  name: string
  password_hash: string | null
  creation_ts: number | null
  admin: unknown
  is_guest: unknown
  appservice_id: string | null
  user_type: string | null
  deactivated: unknown
  shadow_banned: unknown
  approved: unknown
  locked: unknown
  suspended: unknown
  erased: string | null
  messages_per_second: number | null
  burst_count: number | null
}

const size = 500
const columns = `t.name, t.password_hash, t.creation_ts, t.admin, t.is_guest, t.appservice_id, t.user_type, t.deactivated, t.shadow_banned,
  t.approved, t.locked, t.suspended, e.user_id as erased, r.messages_per_second, r.burst_count`
const from = `users t left join erased_users e on e.user_id = t.name 
  left join ratelimit_override r on r.user_id = t.name`

const flag = (value: unknown): number => (isTrue(value) ? 1 : 0)
const isNumbered = (value: unknown): boolean => value !== null && value !== undefined

/** Profiles go by the local part of the name. */
interface ProfileRow {
  user_id: string
  displayname: string | null
  avatar_url: string | null
  fields: unknown
}

const accountOf = (row: UserRow, nid: number, profile: ProfileRow | undefined) => ({
  user_nid: nid,
  localpart: localpartOf(row.name),
  folded: localpartOf(row.name).toLowerCase(),
  // The one time in these tables that is in seconds.
  created_ts: (row.creation_ts ?? 0) * 1000,
  created_by: row.appservice_id === null ? 'synapse' : 'appservice',
  password_hash: row.password_hash === null || row.password_hash === '' ? null : row.password_hash,
  deactivated: flag(row.deactivated),
  erased: row.erased === null ? 0 : 1,
  locked: flag(row.locked),
  suspended: flag(row.suspended),
  admin: flag(row.admin),
  guest: flag(row.is_guest),
  display_name: profile?.displayname ?? null,
  avatar_url: profile?.avatar_url ?? null,
  shadow_banned: flag(row.shadow_banned),
  user_type: row.user_type,
  rate_per_second: row.messages_per_second,
  rate_burst: row.burst_count,
})

/** What an account is found by in the directory of users. */
const wordsOfAccount = ({ user_nid, localpart, display_name }: ReturnType<typeof accountOf>) =>
  [...new Set([...wordsOf(localpart), ...wordsOf(display_name ?? '')])].map((word) => ({
    word: Buffer.from(word),
    user_nid,
  }))

/** What a profile says beside name and picture. */
function fieldsOf({ fields }: ProfileRow): [key: string, value: unknown][] {
  if (!isNumbered(fields)) return []
  const value: unknown = typeof fields === 'string' ? JSON.parse(fields) : fields
  return typeof value === 'object' && value !== null ? Object.entries(value) : []
}

/** Accounts with their passwords, standing and profiles. */
export async function importPeople(ctx: ImportContext, of: number): Promise<void> {
  const { database, source, names, report, serverName } = ctx
  await database.write((tx) => clear(tx, ['user_words', 'profile_fields']))
  let done = 0
  for await (const found of source.scan<UserRow>({ columns, from }, size)) {
    const rows = found.filter(({ name }) => isLocalUser(name, serverName))
    if (rows.length === 0) continue
    for (const { name } of found) if (!isLocalUser(name, serverName)) report.leave('users of another server name', name)
    for (const { name, approved } of rows)
      if (isNumbered(approved) && !isTrue(approved))
        report.leave('accounts that wait for approval are taken over as approved: lock them if need be', name)
    const nids = await names.users(rows.map(({ name }) => name))
    const nidOf = (row: UserRow): number => nids.get(row.name) ?? 0
    const profiles = new Map(
      (
        await source.rows<ProfileRow>(
          `select user_id, displayname, avatar_url, fields from profiles where user_id in (${rows.map(() => '?').join(', ')})`,
          rows.map(({ name }) => localpartOf(name)),
        )
      ).map((profile) => [profile.user_id, profile]),
    )
    const profileOf = ({ name }: UserRow): ProfileRow | undefined => profiles.get(localpartOf(name))
    const accounts = rows.map((row) => accountOf(row, nidOf(row), profileOf(row)))
    const words = accounts.filter(({ guest, deactivated }) => guest === 0 && deactivated === 0).flatMap(wordsOfAccount)
    const fields = rows.flatMap((row) => {
      const profile = profileOf(row)
      const found = profile ? fieldsOf(profile) : []
      return found.map(([key, value]) => ({ user_nid: nidOf(row), key, value: JSON.stringify(value) }))
    })
    await database.write(async (tx) => {
      await putRows(tx, 'accounts', accounts, { key: ['user_nid'] })
      await putRows(tx, 'user_words', words, { key: ['word', 'user_nid'], keep: 'all' })
      await putRows(tx, 'profile_fields', fields, { key: ['user_nid', 'key'] })
    })
    report.count('accounts', found.length, rows.length)
    report.count('profile fields', fields.length)
    ctx.tell({ part: 'accounts', done: (done += found.length), of })
  }
  await importAddresses(ctx)
  await importLinks(ctx)
}

/** Mail addresses; there are no telephone numbers here. */
async function importAddresses({ database, source, names, report }: ImportContext): Promise<void> {
  interface Row {
    user_id: string
    medium: string
    address: string
    validated_at: number
    added_at: number
  }
  await database.write((tx) => clear(tx, ['emails']))
  for await (const found of source.scan<Row>(
    { columns: 't.user_id, t.medium, t.address, t.validated_at, t.added_at', from: 'user_threepids t' },
    size,
  )) {
    const rows = found.filter(({ medium }) => medium === 'email')
    for (const { medium, user_id: userId } of found)
      if (medium !== 'email') report.leave('telephone numbers: there is no sign-in by them here', userId)
    const nids = await names.users(rows.map((row) => row.user_id))
    const emails = rows.map((row) => ({
      address: row.address.toLowerCase(),
      user_nid: nids.get(row.user_id) ?? 0,
      validated_ts: row.validated_at,
      added_ts: row.added_at,
      provider: null,
    }))
    await database.write((tx) => putRows(tx, 'emails', emails, { key: ['address'] }))
    report.count('mail addresses and telephone numbers', found.length, rows.length)
  }
}

/** Who people are at identity providers. A provider is called here as in its configuration, without Synapse's "oidc-" in front. */
async function importLinks({ database, source, names, report, now }: ImportContext): Promise<void> {
  interface Row {
    auth_provider: string
    external_id: string
    user_id: string
  }
  await database.write((tx) => tx.deleteFrom('identities').where('linked_by', '=', 'import').execute())
  for await (const rows of source.scan<Row>(
    { columns: 't.auth_provider, t.external_id, t.user_id', from: 'user_external_ids t' },
    size,
  )) {
    const nids = await names.users(rows.map((row) => row.user_id))
    const links = rows.map((row) => ({
      provider: row.auth_provider.replace(/^oidc-/, ''),
      subject: row.external_id,
      user_nid: nids.get(row.user_id) ?? 0,
      linked_by: 'import',
      linked_ts: now(),
      avatar_source: null,
    }))
    await database.write((tx) => putRows(tx, 'identities', links, { key: ['provider', 'subject'] }))
    report.count('links to identity providers', rows.length)
  }
}
