import { MatrixError } from '../matrix/errors.ts'
import { isNamespacedId, parseMxc } from '../matrix/ids.ts'
import type { Json, JsonObject } from '../matrix/json.ts'
import type { Database, Reader, Tx } from '../storage/index.ts'
import type { Account, AccountStore } from './accounts.ts'
import type { UserNames } from './intern.ts'
import { deleteProfileField, readProfileFields, saveProfileField } from './store/profile-fields.ts'

/** A change of what others see of a user at a glance. */
export interface ProfileChange {
  /** Short id of the user. */
  readonly user: number
  readonly userId: string
  readonly displayName: string | null
  readonly avatarUrl: string | null
}

/** What users say of themselves: display name, avatar, and any other field. */
export interface Profiles {
  /** The whole profile; undefined for a user of whom none is known here. */
  get(userId: string): Promise<JsonObject | undefined>
  /**
   * Sets a field; an empty display name or avatar is the same as none. Returns when all who listen are done.
   * @throws MatrixError M_INVALID_PARAM, M_KEY_TOO_LARGE, M_PROFILE_TOO_LARGE
   */
  set(user: number, key: string, value: Json): Promise<void>
  /** Removes a field, if it is there. @throws MatrixError as `set` */
  remove(user: number, key: string): Promise<void>
  /** Port: called after a display name or avatar changed. */
  onChange(listener: (change: ProfileChange) => void | Promise<void>): void
}

/** Port to federation/: what users of other servers say of themselves. */
export interface RemoteProfiles {
  /** Display name and avatar are text, where they are there. @throws MatrixError when it cannot be had */
  get(userId: string): Promise<JsonObject>
}

const largestProfile = 65_536
const longestKey = 255
const longestName = 256
const longestAddress = 1000
const columns = { displayname: 'display_name', avatar_url: 'avatar_url' } as const

const invalid = (message: string): MatrixError => new MatrixError('M_INVALID_PARAM', message)

const isColumn = (key: string): key is keyof typeof columns => Object.hasOwn(columns, key)

/** @throws MatrixError unless the key is one of the specification's, or namespaced */
function checkKey(key: string): void {
  if (Buffer.byteLength(key) > longestKey)
    throw new MatrixError('M_KEY_TOO_LARGE', `The name of a profile field can have ${longestKey} bytes`)
  if (!isColumn(key) && !(isNamespacedId(key) && key.includes('.')))
    throw invalid('This cannot be the name of a profile field')
}

function textOf(key: keyof typeof columns, value: Json): string | null {
  if (value === null || value === '') return null
  if (typeof value !== 'string') throw invalid(`"${key}" must be a string`)
  if (key === 'avatar_url') {
    if (value.length > longestAddress || !parseMxc(value)) throw invalid('"avatar_url" must be an mxc:// address')
  } else if (value.length > longestName || value.includes('\0')) {
    throw invalid(`A display name can have ${longestName} characters`)
  }
  return value
}

export function openProfiles(database: Database, names: UserNames, accounts: AccountStore): Profiles {
  const listeners: Array<(change: ProfileChange) => void | Promise<void>> = []

  const profileOf = async (db: Reader | Tx, account: Account): Promise<JsonObject> => {
    const fields = (await readProfileFields(db, account.nid)).map(({ key, value }): [string, Json] => [
      key,
      JSON.parse(value) as Json,
    ])
    return {
      ...(account.displayName !== null && { displayname: account.displayName }),
      ...(account.avatarUrl !== null && { avatar_url: account.avatarUrl }),
      ...Object.fromEntries(fields),
    }
  }

  const mustHave = async (user: number): Promise<Account> => {
    const account = await accounts.account(user)
    if (!account) throw new MatrixError('M_NOT_FOUND', 'There is no such account')
    return account
  }

  const checkSize = (profile: JsonObject): void => {
    if (Buffer.byteLength(JSON.stringify(profile)) > largestProfile)
      throw new MatrixError('M_PROFILE_TOO_LARGE', 'A profile can have 64 KiB')
  }

  const setColumn = async (account: Account, key: keyof typeof columns, value: string | null): Promise<void> => {
    if (value === (key === 'displayname' ? account.displayName : account.avatarUrl)) return
    if (value !== null) checkSize({ ...(await profileOf(database.read, account)), [key]: value })
    const { nid: user, userId, displayName, avatarUrl } = await accounts.change(account.nid, { [columns[key]]: value })
    for (const listener of listeners) await listener({ user, userId, displayName, avatarUrl })
  }

  return {
    get: async (userId) => {
      const nid = await names.find(userId)
      const account = nid === undefined ? undefined : await accounts.account(nid)
      return account && !account.erased ? profileOf(database.read, account) : undefined
    },
    set: async (user, key, value) => {
      checkKey(key)
      const account = await mustHave(user)
      if (isColumn(key)) return setColumn(account, key, textOf(key, value))
      if (key === 'm.tz' && typeof value !== 'string') throw invalid('"m.tz" must be a string')
      await database.write(async (tx) => {
        checkSize({ ...(await profileOf(tx, account)), [key]: value })
        await saveProfileField(tx, user, key, JSON.stringify(value))
      })
      return undefined
    },
    remove: async (user, key) => {
      checkKey(key)
      if (isColumn(key)) return setColumn(await mustHave(user), key, null)
      await database.write((tx) => deleteProfileField(tx, user, key))
      return undefined
    },
    onChange: (listener) => void listeners.push(listener),
  }
}
