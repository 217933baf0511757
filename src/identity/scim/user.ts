import { isObject, type Json, type JsonObject, own } from '../../matrix/json.ts'
import type { Claims } from '../claims/index.ts'
import { enterpriseSchema, lists, ours, tidy, userSchema } from './attributes.ts'
import { invalidValue, ScimError } from './error.ts'
import type { GroupRow, UserRow } from './store.ts'

/** What a provider says of somebody. */
export interface UserData {
  readonly userName: string
  readonly externalId: string | undefined
  /** Undefined: the provider does not say. */
  readonly active: boolean | undefined
  /** The resource as it is kept: without what is ours, without a password, and without "active". */
  readonly resource: JsonObject
}

const largest = 64 * 1024
const longestName = 255

const text = (resource: JsonObject, name: string): string | undefined => {
  const value = own(resource, name)
  if (value === undefined) return undefined
  if (typeof value !== 'string') throw invalidValue(`"${name}" must be a string`)
  if (value.includes('\0') || !value.isWellFormed()) throw invalidValue(`"${name}" has a character that no text has`)
  return value.trim() === '' ? undefined : value
}

/** @throws ScimError */
export const checkedName = (resource: JsonObject, name: string): string => {
  const value = text(resource, name)
  if (value === undefined) throw invalidValue(`"${name}" is missing`)
  if (value.length > longestName) throw invalidValue(`"${name}" can have at most ${longestName} characters`)
  return value
}

/** @throws ScimError */
export const checkedExternalId = (resource: JsonObject): string | undefined => {
  const value = text(resource, 'externalId')
  if (value !== undefined && value.length > longestName)
    throw invalidValue(`"externalId" can have at most ${longestName} characters`)
  return value
}

/** Reads a resource that a provider has sent. @throws ScimError */
export const readUserData = (body: Json): UserData => {
  const given = tidy(body)
  if (!isObject(given)) throw new ScimError(400, 'The body must be an object', 'invalidSyntax')
  const active = own(given, 'active')
  if (active !== undefined && typeof active !== 'boolean') throw invalidValue('"active" must be true or false')
  for (const [name, value] of Object.entries(given)) {
    if (lists.has(name) && !Array.isArray(value)) throw invalidValue(`"${name}" must be a list`)
  }
  const left = new Set([...ours, 'password', 'active'])
  const resource = Object.fromEntries(Object.entries(given).filter(([name]) => !left.has(name)))
  if (Buffer.byteLength(JSON.stringify(resource)) > largest) throw new ScimError(413, 'A user can have 64 KiB')
  return { userName: checkedName(given, 'userName'), externalId: checkedExternalId(given), active, resource }
}

const at = (resource: JsonObject, ...path: string[]): string | undefined => {
  let value: Json | undefined = resource
  for (const name of path) value = isObject(value) ? own(value, name) : undefined
  return typeof value === 'string' && value.trim() !== '' ? value : undefined
}

/** The primary value of a list, or else its first. */
const primary = (resource: JsonObject, name: string): string | undefined => {
  const value = own(resource, name)
  const all = Array.isArray(value) ? value.filter(isObject) : []
  return at(all.find((one) => one['primary'] === true) ?? all[0] ?? {}, 'value')
}

/**
 * What SCIM says of somebody, by the names that OpenID Connect has for it: the same rules and templates hold for both. All of it is there
 * under `scim`, too.
 * @see https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims
 */
export const claimsOf = (resource: JsonObject, groups: readonly GroupRow[]): Claims => {
  const [given, family] = [at(resource, 'name', 'givenName'), at(resource, 'name', 'familyName')]
  const whole = [given, family].filter((part) => part !== undefined).join(' ')
  const email = primary(resource, 'emails')
  const named: Record<string, string | undefined> = {
    preferred_username: at(resource, 'userName'),
    name: at(resource, 'displayName') ?? at(resource, 'name', 'formatted') ?? (whole === '' ? undefined : whole),
    given_name: given,
    family_name: family,
    middle_name: at(resource, 'name', 'middleName'),
    nickname: at(resource, 'nickName'),
    profile: at(resource, 'profileUrl'),
    email,
    picture: primary(resource, 'photos'),
    locale: at(resource, 'locale'),
    zoneinfo: at(resource, 'timezone'),
    phone_number: primary(resource, 'phoneNumbers'),
  }
  return {
    ...Object.fromEntries(Object.entries(named).filter((entry): entry is [string, string] => entry[1] !== undefined)),
    ...(email !== undefined && { email_verified: true }),
    groups: [
      ...new Set(groups.flatMap(({ display_name: name, external_id: id }) => [name, ...(id === null ? [] : [id])])),
    ],
    scim: resource,
  }
}

/** What is kept of a user. */
export const storedResource = (row: UserRow): JsonObject => JSON.parse(row.json) as JsonObject // written by the same folder

/** Which state of a resource it is, as in an ETag. */
export const versionOf = ({ version }: { version: number }): string => `W/"${version}"`

/** When and where, of any resource. */
export const metaOf = (
  resourceType: 'User' | 'Group',
  row: { id: string; created_ts: number; changed_ts: number; version: number },
  base: string,
): JsonObject => ({
  resourceType,
  created: new Date(row.created_ts).toISOString(),
  lastModified: new Date(row.changed_ts).toISOString(),
  location: `${base}/${resourceType}s/${row.id}`,
  version: versionOf(row),
})

/** A user as the provider gets to see it. */
export const userResource = (row: UserRow, groups: readonly GroupRow[], base: string): JsonObject => {
  const stored = storedResource(row)
  return {
    schemas: [userSchema, ...(own(stored, enterpriseSchema) === undefined ? [] : [enterpriseSchema])],
    id: row.id,
    ...stored,
    active: row.active === 1,
    ...(groups.length > 0 && {
      groups: groups.map(({ id, display_name: display }) => ({
        value: id,
        display,
        $ref: `${base}/Groups/${id}`,
        type: 'direct',
      })),
    }),
    meta: metaOf('User', row, base),
  }
}
