import type { Reader, ScimGroupsTable, ScimUsersTable, Tx } from '../../storage/index.ts'

export type UserRow = Readonly<ScimUsersTable>
export type GroupRow = Readonly<ScimGroupsTable>

/** What narrows a list down to a few rows; undefined: all. */
export interface Narrow {
  readonly id?: string | undefined
  readonly externalId?: string | undefined
  /** In small letters. */
  readonly name?: string | undefined
}

export const readUser = (db: Reader | Tx, provider: string, id: string): Promise<UserRow | undefined> =>
  db.selectFrom('scim_users').where('provider', '=', provider).where('id', '=', id).selectAll().executeTakeFirst()

const usersOf = (db: Reader | Tx, provider: string, { id, externalId, name }: Narrow) => {
  let query = db.selectFrom('scim_users').where('provider', '=', provider)
  if (id !== undefined) query = query.where('id', '=', id)
  if (externalId !== undefined) query = query.where('external_id', '=', externalId)
  return name === undefined ? query : query.where('user_name', '=', name)
}

/** Users by id, from the one after `after`. */
export const readUsersAfter = (
  db: Reader,
  provider: string,
  narrow: Narrow,
  after: string,
  limit: number,
): Promise<UserRow[]> =>
  usersOf(db, provider, narrow).where('id', '>', after).orderBy('id').limit(limit).selectAll().execute()

export const readUserPage = (db: Reader, provider: string, offset: number, limit: number): Promise<UserRow[]> =>
  usersOf(db, provider, {}).orderBy('id').offset(offset).limit(limit).selectAll().execute()

export const countUsers = async (db: Reader, provider: string): Promise<number> =>
  Number(
    (
      await usersOf(db, provider, {})
        .select((eb) => eb.fn.countAll().as('count'))
        .executeTakeFirst()
    )?.count ?? 0,
  )

/** The user with that name, or with that subject. */
export const readNamesake = (db: Tx, provider: string, userName: string): Promise<UserRow | undefined> =>
  usersOf(db, provider, { name: userName }).selectAll().executeTakeFirst()
export const readUserOf = (db: Reader | Tx, provider: string, user: number): Promise<UserRow | undefined> =>
  usersOf(db, provider, {}).where('user_nid', '=', user).selectAll().executeTakeFirst()

export async function insertUser(tx: Tx, row: UserRow): Promise<void> {
  await tx.insertInto('scim_users').values(row).execute()
}

export async function updateUser(tx: Tx, row: UserRow): Promise<void> {
  await tx.updateTable('scim_users').set(row).where('provider', '=', row.provider).where('id', '=', row.id).execute()
}

export async function deleteUser(tx: Tx, provider: string, id: string): Promise<void> {
  await tx.deleteFrom('scim_members').where('provider', '=', provider).where('user_id', '=', id).execute()
  await tx.deleteFrom('scim_users').where('provider', '=', provider).where('id', '=', id).execute()
}

/** The groups that a user is in. */
export const readGroupsOf = (db: Reader | Tx, provider: string, userId: string): Promise<GroupRow[]> =>
  db
    .selectFrom('scim_members')
    .innerJoin('scim_groups', (join) =>
      join
        .onRef('scim_groups.provider', '=', 'scim_members.provider')
        .onRef('scim_groups.id', '=', 'scim_members.group_id'),
    )
    .where('scim_members.provider', '=', provider)
    .where('scim_members.user_id', '=', userId)
    .orderBy('scim_groups.id')
    .selectAll('scim_groups')
    .execute()

export const readGroup = (db: Reader | Tx, provider: string, id: string): Promise<GroupRow | undefined> =>
  db.selectFrom('scim_groups').where('provider', '=', provider).where('id', '=', id).selectAll().executeTakeFirst()

export const readGroups = (db: Reader, provider: string, { id, externalId, name }: Narrow): Promise<GroupRow[]> => {
  let query = db.selectFrom('scim_groups').where('provider', '=', provider)
  if (id !== undefined) query = query.where('id', '=', id)
  if (externalId !== undefined) query = query.where('external_id', '=', externalId)
  if (name !== undefined) query = query.where('folded', '=', name)
  return query.orderBy('id').selectAll().execute()
}

export async function insertGroup(tx: Tx, row: GroupRow): Promise<void> {
  await tx.insertInto('scim_groups').values(row).execute()
}

export async function updateGroup(tx: Tx, row: GroupRow): Promise<void> {
  await tx.updateTable('scim_groups').set(row).where('provider', '=', row.provider).where('id', '=', row.id).execute()
}

export async function deleteGroup(tx: Tx, provider: string, id: string): Promise<void> {
  await tx.deleteFrom('scim_members').where('provider', '=', provider).where('group_id', '=', id).execute()
  await tx.deleteFrom('scim_groups').where('provider', '=', provider).where('id', '=', id).execute()
}

/** Somebody in a group. */
export interface Member {
  readonly id: string
  readonly user: number
  readonly name: string
}

export const readMembers = async (db: Reader | Tx, provider: string, groupId: string): Promise<Member[]> =>
  (
    await db
      .selectFrom('scim_members')
      .innerJoin('scim_users', (join) =>
        join
          .onRef('scim_users.provider', '=', 'scim_members.provider')
          .onRef('scim_users.id', '=', 'scim_members.user_id'),
      )
      .where('scim_members.provider', '=', provider)
      .where('scim_members.group_id', '=', groupId)
      .orderBy('scim_members.user_id')
      .select(['scim_users.id', 'scim_users.user_nid', 'scim_users.user_name'])
      .execute()
  ).map((row) => ({ id: row.id, user: row.user_nid, name: row.user_name }))

const atOnce = 500

/** Those of the ids that are users of the provider. */
export const readKnownUsers = async (
  db: Reader | Tx,
  provider: string,
  ids: readonly string[],
): Promise<{ id: string; user: number }[]> => {
  const known: { id: string; user: number }[] = []
  for (let at = 0; at < ids.length; at += atOnce) {
    const rows = await db
      .selectFrom('scim_users')
      .where('provider', '=', provider)
      .where('id', 'in', ids.slice(at, at + atOnce))
      .select(['id', 'user_nid'])
      .execute()
    known.push(...rows.map((row) => ({ id: row.id, user: row.user_nid })))
  }
  return known
}

export async function addMembers(tx: Tx, provider: string, groupId: string, ids: readonly string[]): Promise<void> {
  for (let at = 0; at < ids.length; at += atOnce) {
    await tx
      .insertInto('scim_members')
      .values(ids.slice(at, at + atOnce).map((id) => ({ provider, group_id: groupId, user_id: id })))
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
}

export async function removeMembers(tx: Tx, provider: string, groupId: string, ids: readonly string[]): Promise<void> {
  for (let at = 0; at < ids.length; at += atOnce) {
    await tx
      .deleteFrom('scim_members')
      .where('provider', '=', provider)
      .where('group_id', '=', groupId)
      .where('user_id', 'in', ids.slice(at, at + atOnce))
      .execute()
  }
}
