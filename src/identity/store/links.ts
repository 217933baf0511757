import { MatrixError } from '../../matrix/errors.ts'
import { hot, type Reader, type Tx } from '../../storage/index.ts'

/** How a link came to be: at a sign-in, by the user, by the operator, or from a list. */
export type LinkedBy = 'sign-in' | 'user' | 'operator' | 'import'

export interface NewLink {
  readonly provider: string
  readonly subject: string
  readonly user: number
  readonly by: LinkedBy
  /** Milliseconds since 1970. */
  readonly now: number
}

const selectIdentity = hot((db, p: { provider: string; subject: string }) =>
  db.selectFrom('identities').where('provider', '=', p.provider).where('subject', '=', p.subject).select('user_nid'),
)

const insertIdentity = hot((db, p: NewLink) =>
  db.insertInto('identities').values({
    provider: p.provider,
    subject: p.subject,
    user_nid: p.user,
    linked_by: p.by,
    linked_ts: p.now,
    avatar_source: null,
  }),
)

/** The short id of the user whom the provider means by the subject. */
export const readIdentity = async (db: Reader | Tx, provider: string, subject: string): Promise<number | undefined> =>
  (await selectIdentity.first(db, { provider, subject }))?.user_nid

/** The subjects of a provider that mean the user. */
export const readSubjects = async (db: Reader, provider: string, user: number): Promise<string[]> =>
  (
    await db
      .selectFrom('identities')
      .where('user_nid', '=', user)
      .where('provider', '=', provider)
      .select('subject')
      .execute()
  ).map(({ subject }) => subject)

/**
 * Links a subject to a user; does nothing when it is linked to just that one.
 * @throws MatrixError M_USER_IN_USE when it is another's
 */
export async function addIdentity(tx: Tx, link: NewLink): Promise<void> {
  const linked = await readIdentity(tx, link.provider, link.subject)
  if (linked === link.user) return
  if (linked !== undefined) throw new MatrixError('M_USER_IN_USE', 'This identity is linked to another account')
  await insertIdentity.run(tx, link)
}

/** A link between an account and somebody of a provider. */
export interface Link {
  readonly provider: string
  readonly subject: string
  readonly by: string
  /** Milliseconds since 1970. */
  readonly linked: number
}

/** The links of a user, in the order in which they came to be. */
export const readLinks = async (db: Reader | Tx, user: number): Promise<Link[]> => {
  const rows = await db
    .selectFrom('identities')
    .where('user_nid', '=', user)
    .select(['provider', 'subject', 'linked_by', 'linked_ts'])
    .orderBy('linked_ts')
    .orderBy('provider')
    .orderBy('subject')
    .execute()
  return rows.map((row) => ({ provider: row.provider, subject: row.subject, by: row.linked_by, linked: row.linked_ts }))
}

/** Removes a link of a user. False when there is none. */
export async function removeIdentity(
  tx: Tx,
  link: { provider: string; subject: string; user: number },
): Promise<boolean> {
  const gone = await tx
    .deleteFrom('identities')
    .where('provider', '=', link.provider)
    .where('subject', '=', link.subject)
    .where('user_nid', '=', link.user)
    .returning('user_nid')
    .execute()
  return gone.length > 0
}

const selectAvatarSource = hot((db, p: { provider: string; subject: string }) =>
  db
    .selectFrom('identities')
    .where('provider', '=', p.provider)
    .where('subject', '=', p.subject)
    .select('avatar_source'),
)

/** What the avatar that a link's provider has named was made of. */
export const readAvatarSource = async (
  db: Reader,
  link: { provider: string; subject: string },
): Promise<string | null | undefined> => (await selectAvatarSource.first(db, link))?.avatar_source

export const setAvatarSource = async (
  tx: Tx,
  link: { provider: string; subject: string; source: string },
): Promise<void> => {
  await tx
    .updateTable('identities')
    .set({ avatar_source: link.source })
    .where('provider', '=', link.provider)
    .where('subject', '=', link.subject)
    .execute()
}

/** Has the mail address that a provider names take the place of what it named before. False when the address is somebody else's. */
export const replaceEmail = async (
  tx: Tx,
  { user, address, provider, now }: { user: number; address: string; provider: string; now: number },
): Promise<boolean> => {
  const owner = await tx.selectFrom('emails').where('address', '=', address).select('user_nid').executeTakeFirst()
  if (owner) return owner.user_nid === user
  await tx.deleteFrom('emails').where('user_nid', '=', user).where('provider', '=', provider).execute()
  await tx
    .insertInto('emails')
    .values({ address, user_nid: user, validated_ts: now, added_ts: now, provider })
    .execute()
  return true
}

/** The users whom a provider means by its subjects, with these. */
export const readPeople = async (
  db: Reader,
  provider: string,
): Promise<{ subject: string; user: number; locked: boolean }[]> => {
  const rows = await db
    .selectFrom('identities')
    .innerJoin('accounts', 'accounts.user_nid', 'identities.user_nid')
    .where('provider', '=', provider)
    .where('accounts.deactivated', '=', 0)
    .select(['subject', 'identities.user_nid as user', 'accounts.locked'])
    .execute()
  return rows.map(({ subject, user, locked }) => ({ subject, user, locked: locked === 1 }))
}

/** The providers that have locked a user. */
export const readProviderLocks = async (db: Reader, user: number): Promise<string[]> =>
  (await db.selectFrom('provider_locks').where('user_nid', '=', user).select('provider').execute()).map(
    ({ provider }) => provider,
  )

/** The users whom a provider has locked. */
export const readLockedBy = async (db: Reader, provider: string): Promise<Set<number>> =>
  new Set(
    (await db.selectFrom('provider_locks').where('provider', '=', provider).select('user_nid').execute()).map(
      (row) => row.user_nid,
    ),
  )

export async function addProviderLock(
  tx: Tx,
  { user, people, now }: { user: number; people: string; now: number },
): Promise<void> {
  await tx
    .insertInto('provider_locks')
    .values({ user_nid: user, provider: people, locked_ts: now })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** Forgets who locked a user: whether the account is locked is the administrators' from here on. */
export async function removeProviderLocks(tx: Tx, user: number): Promise<void> {
  await tx.deleteFrom('provider_locks').where('user_nid', '=', user).execute()
}

export async function removeProviderLock(tx: Tx, user: number, people: string): Promise<void> {
  await tx.deleteFrom('provider_locks').where('user_nid', '=', user).where('provider', '=', people).execute()
}

/** A room that somebody is in because of a group. */
export interface GroupRow {
  readonly roomId: string
  /** As the configuration names it: an alias or id. */
  readonly named: string
  readonly power: number | null
  readonly leave: boolean
}

export const readGroupRooms = async (db: Reader, user: number, provider: string): Promise<GroupRow[]> => {
  const rows = await db
    .selectFrom('group_rooms')
    .where('user_nid', '=', user)
    .where('provider', '=', provider)
    .selectAll()
    .execute()
  return rows.map((row) => ({ roomId: row.room_id, named: row.named, power: row.power, leave: row.leave === 1 }))
}

export const saveGroupRoom = async (
  tx: Tx,
  { user, provider, roomId, named, power, leave }: GroupRow & { user: number; provider: string },
): Promise<void> => {
  const values = { named, power, leave: leave ? 1 : 0 }
  await tx
    .insertInto('group_rooms')
    .values({ user_nid: user, provider, room_id: roomId, ...values })
    .onConflict((conflict) => conflict.columns(['user_nid', 'provider', 'room_id']).doUpdateSet(values))
    .execute()
}

export const removeGroupRoom = async (tx: Tx, user: number, provider: string, roomId: string): Promise<void> => {
  await tx
    .deleteFrom('group_rooms')
    .where('user_nid', '=', user)
    .where('provider', '=', provider)
    .where('room_id', '=', roomId)
    .execute()
}
