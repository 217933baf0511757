import { isObject, type Json, type JsonObject, own } from '../../matrix/json.ts'
import type { Origin } from '../identity.ts'
import { groupSchema, replacedBy, tidy } from './attributes.ts'
import { invalidValue, notFound, ScimError } from './error.ts'
import { patched } from './patch.ts'
import { followGroups, type ScimProvider } from './provider.ts'
import {
  addMembers,
  deleteGroup,
  type GroupRow,
  insertGroup,
  type Member,
  readGroup,
  readKnownUsers,
  readMembers,
  removeMembers,
  updateGroup,
} from './store.ts'
import { checkedExternalId, checkedName, metaOf } from './user.ts'
import { checkVersion, type Expected } from './users.ts'

interface GroupData {
  readonly displayName: string
  readonly externalId: string | undefined
  readonly members: ReadonlySet<string>
}

const mostMembers = 100_000

const membersIn = (value: Json | undefined): ReadonlySet<string> => {
  if (value === undefined) return new Set()
  if (!Array.isArray(value)) throw invalidValue('"members" must be a list')
  if (value.length > mostMembers) throw new ScimError(413, `A group can have ${mostMembers} members`)
  return new Set(
    value.map((one) => {
      const id = isObject(one) ? own(one, 'value') : one
      if (typeof id !== 'string') throw invalidValue('A member must be an object with a "value"')
      if (isObject(one) && typeof one['type'] === 'string' && one['type'].toLowerCase() === 'group')
        throw invalidValue('A group cannot be a member of a group here')
      return id
    }),
  )
}

/** @throws ScimError */
const readGroupData = (body: Json): GroupData => {
  const given = tidy(body)
  if (!isObject(given)) throw new ScimError(400, 'The body must be an object', 'invalidSyntax')
  return {
    displayName: checkedName(given, 'displayName'),
    externalId: checkedExternalId(given),
    members: membersIn(own(given, 'members')),
  }
}

/** A group as the provider gets to see it; without members where these are not wanted. */
export const groupResource = (row: GroupRow, members: readonly Member[] | undefined, base: string): JsonObject => ({
  schemas: [groupSchema],
  id: row.id,
  ...(row.external_id !== null && { externalId: row.external_id }),
  displayName: row.display_name,
  ...(members && {
    members: members.map(({ id, name }) => ({ value: id, display: name, $ref: `${base}/Users/${id}`, type: 'User' })),
  }),
  meta: metaOf('Group', row, base),
})

/** @throws ScimError 404 */
const groupRow = async ({ id, deps }: ScimProvider, groupId: string): Promise<GroupRow> => {
  const row = await readGroup(deps.database.read, id, groupId)
  if (!row) throw notFound('group')
  return row
}

/** @param withMembers without them a large group costs nothing */
export const showGroup = async (provider: ScimProvider, groupId: string, withMembers: boolean): Promise<JsonObject> => {
  const row = await groupRow(provider, groupId)
  return groupResource(
    row,
    withMembers ? await readMembers(provider.deps.database.read, provider.id, groupId) : undefined,
    provider.base,
  )
}

/** @throws ScimError for a member whom nobody knows */
const knownUsers = async ({ id, deps }: ScimProvider, ids: readonly string[]): Promise<number[]> => {
  const known = await readKnownUsers(deps.database.read, id, ids)
  if (known.length < ids.length) {
    const found = new Set(known.map((one) => one.id))
    throw invalidValue(`There is no user ${JSON.stringify(ids.find((one) => !found.has(one)))}`)
  }
  return known.map(({ user }) => user)
}

const log = ({ id, deps }: ScimProvider, { trace }: Origin, what: string, group: string, more: object = {}): void =>
  deps.logger.info({ trace, provider: id, group, what, ...more }, 'an identity provider has changed a group')

/** @throws ScimError */
export const createGroup = async (provider: ScimProvider, body: JsonObject, origin: Origin): Promise<JsonObject> => {
  const { id, deps } = provider
  const data = readGroupData(body)
  const users = await knownUsers(provider, [...data.members])
  const now = deps.now()
  const row: GroupRow = {
    provider: id,
    id: deps.randomId().slice(0, 22),
    display_name: data.displayName,
    folded: data.displayName.toLowerCase(),
    external_id: data.externalId ?? null,
    created_ts: now,
    changed_ts: now,
    version: 1,
  }
  await deps.database.write(async (tx) => {
    await insertGroup(tx, row)
    await addMembers(tx, id, row.id, [...data.members])
  })
  followGroups(provider, users)
  log(provider, origin, 'created', row.display_name, { members: data.members.size })
  return showGroup(provider, row.id, true)
}

const change = async (
  provider: ScimProvider,
  groupId: string,
  expected: Expected,
  origin: Origin,
  next: (row: GroupRow, members: readonly Member[]) => GroupData,
): Promise<void> => {
  const { id, deps } = provider
  const before = await groupRow(provider, groupId)
  checkVersion(before, expected)
  const had = await readMembers(deps.database.read, id, groupId)
  const data = next(before, had)
  const known = new Set(had.map((member) => member.id))
  const added = [...data.members].filter((one) => !known.has(one))
  const gone = had.filter((member) => !data.members.has(member.id))
  const newcomers = await knownUsers(provider, added)
  const renamed = before.display_name !== data.displayName || before.external_id !== (data.externalId ?? null)
  await deps.database.write(async (tx) => {
    const current = await readGroup(tx, id, groupId)
    if (!current) throw notFound('group')
    checkVersion(current, expected)
    await addMembers(tx, id, groupId, added)
    await removeMembers(
      tx,
      id,
      groupId,
      gone.map((member) => member.id),
    )
    await updateGroup(tx, {
      ...current,
      display_name: data.displayName,
      folded: data.displayName.toLowerCase(),
      external_id: data.externalId ?? null,
      changed_ts: deps.now(),
      version: current.version + 1,
    })
  })
  followGroups(provider, new Set([...newcomers, ...(renamed ? had : gone).map(({ user }) => user)]))
  log(provider, origin, 'changed', data.displayName, { added: added.length, removed: gone.length })
}

/** What is kept of a group. */
const storedGroup = (row: GroupRow, members: readonly Member[]): JsonObject => ({
  displayName: row.display_name,
  ...(row.external_id !== null && { externalId: row.external_id }),
  members: members.map(({ id }) => ({ value: id })),
})

/** @throws ScimError */
export const replaceGroup = (
  provider: ScimProvider,
  groupId: string,
  body: JsonObject,
  expected: Expected,
  origin: Origin,
): Promise<void> =>
  change(provider, groupId, expected, origin, (row, members) =>
    readGroupData(replacedBy(storedGroup(row, members), body)),
  )

/** @throws ScimError */
export const patchGroup = (
  provider: ScimProvider,
  groupId: string,
  body: JsonObject,
  expected: Expected,
  origin: Origin,
): Promise<void> =>
  change(provider, groupId, expected, origin, (row, members) => readGroupData(patched(storedGroup(row, members), body)))

/** @throws ScimError */
export const removeGroup = async (
  provider: ScimProvider,
  groupId: string,
  expected: Expected,
  origin: Origin,
): Promise<void> => {
  const { id, deps } = provider
  const row = await groupRow(provider, groupId)
  checkVersion(row, expected)
  const members = await readMembers(deps.database.read, id, groupId)
  await deps.database.write((tx) => deleteGroup(tx, id, groupId))
  followGroups(
    provider,
    members.map(({ user }) => user),
  )
  log(provider, origin, 'deleted', row.display_name)
}
