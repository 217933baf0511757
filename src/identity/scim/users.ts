import { MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { Tx } from '../../storage/index.ts'
import { deactivate } from '../deactivate.ts'
import { renderFirst } from '../claims/index.ts'
import { applyClaims } from '../apply.ts'
import type { Identity, Origin } from '../identity.ts'
import { lockBy, unlockBy } from '../provider-locks.ts'
import { enter } from '../sign-in.ts'
import { addIdentity, removeIdentity } from '../store/links.ts'
import { replacedBy } from './attributes.ts'
import { invalidValue, notFound, ScimError } from './error.ts'
import { patched } from './patch.ts'
import { followGroups, type ScimProvider } from './provider.ts'
import {
  deleteUser,
  insertUser,
  readGroupsOf,
  readNamesake,
  readUser,
  readUserOf,
  updateUser,
  type UserRow,
} from './store.ts'
import { claimsOf, readUserData, storedResource, type UserData, userResource, versionOf } from './user.ts'

/** What the provider demands of the state that it changes, as an If-Match header. */
export type Expected = string | undefined

const goneForGood = (): ScimError => new ScimError(409, 'This account was deactivated, which is for good', 'mutability')
const nameTaken = (): ScimError => new ScimError(409, 'There is a user of that name already', 'uniqueness')

/** @throws ScimError 412 */
export const checkVersion = (row: { version: number }, expected: Expected): void => {
  if (expected === undefined || expected === '*') return
  if (!expected.split(',').some((one) => one.trim() === versionOf(row)))
    throw new ScimError(412, 'It was changed since')
}

/** What somebody is called at a sign-in. @throws ScimError */
const subjectOf = ({ settings }: ScimProvider, { resource }: UserData): string => {
  const subject = renderFirst(settings.subject, resource)
  if (subject !== undefined) return subject
  throw invalidValue(`What makes the subject is not there: ${settings.subject.map(({ text }) => text).join(' or ')}`)
}

/**
 * The same after a change: by the template that it was made by before, and by none further down the list, which would make somebody else of
 * them because an attribute is not there. @throws ScimError
 */
const subjectAfter = ({ settings }: ScimProvider, row: UserRow, { resource }: UserData): string => {
  const before = storedResource(row)
  const template = settings.subject.find((one) => one.render(before) === row.subject) ?? settings.subject[0]
  return template?.render(resource) ?? row.subject
}

const log = ({ id, deps }: ScimProvider, { trace }: Origin, what: string, user: string): void =>
  deps.logger.info({ trace, provider: id, user, what }, 'an identity provider has changed an account')

/** Lets the account in, or keeps it out. @throws ScimError for one that is gone for good */
const settle = async (provider: ScimProvider, user: number, how: 'active' | 'lock' | 'deactivate'): Promise<void> => {
  const { deps, locks } = provider
  const account = await deps.users.account(user)
  if (!account) throw notFound('user')
  if (how === 'active') {
    if (account.deactivated) throw goneForGood()
    await unlockBy(deps, locks, user)
  } else if (how === 'lock') await lockBy(deps, locks, user)
  else if (!account.deactivated) await deactivate(deps, user, false)
}

const shown = async ({ id, deps, base }: ScimProvider, row: UserRow): Promise<JsonObject> =>
  userResource(row, await readGroupsOf(deps.database.read, id, row.id), base)

/** @throws ScimError 404 */
export const userRow = async ({ id, deps }: ScimProvider, userId: string): Promise<UserRow> => {
  const row = await readUser(deps.database.read, id, userId)
  if (!row) throw notFound('user')
  return row
}

export const showUser = async (provider: ScimProvider, userId: string): Promise<JsonObject> =>
  shown(provider, await userRow(provider, userId))

/** The account of somebody whom the provider has here from now on: found by its link, or made. @throws ScimError, MatrixError */
const accountFor = async ({ deps }: ScimProvider, identity: Identity, { ip, trace }: Origin) => {
  try {
    return await enter(deps, identity, { ip, trace, key: 'SCIM' }, 'logout')
  } catch (error) {
    if (error instanceof MatrixError && error.errcode === 'M_UNKNOWN_TOKEN') throw goneForGood()
    throw error
  }
}

/** @throws ScimError, MatrixError */
export const createUser = async (provider: ScimProvider, body: JsonObject, origin: Origin): Promise<JsonObject> => {
  const { id, deps, settings } = provider
  const data = readUserData(body)
  const subject = subjectOf(provider, data)
  const userName = data.userName.toLowerCase()
  if (await deps.database.write((tx) => readNamesake(tx, id, userName))) throw nameTaken()
  const account = await accountFor(provider, { provider: id, subject, claims: claimsOf(data.resource, []) }, origin)
  const isHere = (): ScimError => new ScimError(409, 'This person is here already, under another id', 'uniqueness')
  if (await readUserOf(deps.database.read, id, account.nid)) throw isHere()
  await settle(provider, account.nid, data.active === false ? settings.inactive : 'active')
  const now = deps.now()
  const row: UserRow = {
    provider: id,
    id: deps.randomId().slice(0, 22),
    user_nid: account.nid,
    subject,
    user_name: userName,
    external_id: data.externalId ?? null,
    active: data.active === false ? 0 : 1,
    json: JSON.stringify(data.resource),
    created_ts: now,
    changed_ts: now,
    version: 1,
  }
  await deps.database.write(async (tx) => {
    if (await readNamesake(tx, id, userName)) throw nameTaken()
    if (await readUserOf(tx, id, account.nid)) throw isHere()
    await insertUser(tx, row)
  })
  log(provider, origin, 'created', account.userId)
  return shown(provider, row)
}

/** Has another subject mean the user. @throws MatrixError M_USER_IN_USE when it is linked to another account */
const relink = async (tx: Tx, { deps, policy }: ScimProvider, row: UserRow, subject: string): Promise<void> => {
  if (subject === row.subject) return
  await addIdentity(tx, { provider: policy.people, subject, user: row.user_nid, by: 'operator', now: deps.now() })
  await removeIdentity(tx, { provider: policy.people, subject: row.subject, user: row.user_nid })
}

const change = async (
  provider: ScimProvider,
  userId: string,
  expected: Expected,
  origin: Origin,
  next: (row: UserRow) => UserData,
): Promise<JsonObject> => {
  const { id, deps, settings } = provider
  const before = await userRow(provider, userId)
  checkVersion(before, expected)
  const data = next(before)
  const subject = subjectAfter(provider, before, data)
  const active = data.active ?? before.active === 1
  const turns = active !== (before.active === 1)
  // First the account, so that nobody stays in whom the provider has put out.
  if (turns) await settle(provider, before.user_nid, active ? 'active' : settings.inactive)
  const row = await deps.database.write(async (tx): Promise<UserRow> => {
    const current = await readUser(tx, id, userId)
    if (!current) throw notFound('user')
    checkVersion(current, expected)
    const userName = data.userName.toLowerCase()
    if (userName !== current.user_name && (await readNamesake(tx, id, userName))) throw nameTaken()
    await relink(tx, provider, current, subject)
    const changed: UserRow = {
      ...current,
      subject,
      user_name: userName,
      external_id: data.externalId ?? null,
      active: active ? 1 : 0,
      json: JSON.stringify(data.resource),
      changed_ts: deps.now(),
      version: current.version + 1,
    }
    await updateUser(tx, changed)
    return changed
  })
  const user = { nid: row.user_nid, userId: await deps.users.nameOf(row.user_nid) }
  const account = await deps.users.account(row.user_nid)
  const groups = await readGroupsOf(deps.database.read, id, row.id)
  if (account && !account.deactivated)
    await applyClaims(deps, { provider: id, subject, claims: claimsOf(data.resource, groups) }, user, false, false)
  log(provider, origin, turns ? (active ? 'made active' : settings.inactive) : 'changed', user.userId)
  return userResource(row, groups, provider.base)
}

/** @throws ScimError, MatrixError */
export const replaceUser = (
  provider: ScimProvider,
  userId: string,
  body: JsonObject,
  expected: Expected,
  origin: Origin,
): Promise<JsonObject> =>
  change(provider, userId, expected, origin, (row) => readUserData(replacedBy(storedResource(row), body)))

/** @throws ScimError, MatrixError */
export const patchUser = (
  provider: ScimProvider,
  userId: string,
  body: JsonObject,
  expected: Expected,
  origin: Origin,
): Promise<JsonObject> =>
  change(provider, userId, expected, origin, (row) =>
    readUserData(patched({ ...storedResource(row), active: row.active === 1 }, body)),
  )

/** @throws ScimError */
export const removeUser = async (
  provider: ScimProvider,
  userId: string,
  expected: Expected,
  origin: Origin,
): Promise<void> => {
  const { id, deps, settings } = provider
  const row = await userRow(provider, userId)
  checkVersion(row, expected)
  await settle(provider, row.user_nid, settings.deleted)
  await deps.database.write((tx) => deleteUser(tx, id, userId))
  followGroups(provider, [row.user_nid])
  log(provider, origin, settings.deleted, await deps.users.nameOf(row.user_nid))
}
