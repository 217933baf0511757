import { isObject, type Json, type JsonObject, own } from '../../matrix/json.ts'

export const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User'
export const groupSchema = 'urn:ietf:params:scim:schemas:core:2.0:Group'
export const enterpriseSchema = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

/** Attributes that are lists. */
export const lists: ReadonlySet<string> = new Set([
  'emails',
  'phoneNumbers',
  'ims',
  'photos',
  'addresses',
  'entitlements',
  'roles',
  'x509Certificates',
  'members',
  'schemas',
])
/** What only this server says. */
export const ours: ReadonlySet<string> = new Set(['id', 'meta', 'groups', 'schemas'])

const names = [
  'schemas',
  'id',
  'externalId',
  'meta',
  'userName',
  'name',
  'formatted',
  'familyName',
  'givenName',
  'middleName',
  'honorificPrefix',
  'honorificSuffix',
  'displayName',
  'nickName',
  'profileUrl',
  'title',
  'userType',
  'preferredLanguage',
  'locale',
  'timezone',
  'active',
  'password',
  'emails',
  'phoneNumbers',
  'ims',
  'photos',
  'addresses',
  'entitlements',
  'roles',
  'x509Certificates',
  'groups',
  'members',
  'value',
  'type',
  'primary',
  'display',
  '$ref',
  'streetAddress',
  'locality',
  'region',
  'postalCode',
  'country',
  'employeeNumber',
  'costCenter',
  'organization',
  'division',
  'department',
  'manager',
  'resourceType',
  'created',
  'lastModified',
  'location',
  'version',
  userSchema,
  groupSchema,
  enterpriseSchema,
]
const spelled = new Map(names.map((name) => [name.toLowerCase(), name]))

/** An attribute's name as the schemas spell it: letter case says nothing in SCIM. One that no schema has stays as it is. */
export const spelling = (name: string): string => spelled.get(name.toLowerCase()) ?? name

/** Which attribute: of the resource, or of an extension (`urn`), or a part of one (`sub`). */
export interface AttributePath {
  readonly urn: string | undefined
  readonly name: string
  readonly sub: string | undefined
}

/** A boolean, also in the words that Entra ID has for it. */
const flag = (value: Json): Json =>
  typeof value === 'string' && /^(true|false)$/i.test(value) ? value.toLowerCase() === 'true' : value
const flags: ReadonlySet<string> = new Set(['active', 'primary'])

/** A value with the names in it as the schemas spell them, and without what is null, which is as good as not there. */
export const tidy = (value: Json): Json => {
  if (Array.isArray(value)) return value.filter((one) => one !== null).map(tidy)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => {
        const name = spelling(key)
        return [name, flags.has(name) ? flag(inner) : tidy(inner)]
      }),
  )
}

/**
 * A resource after a PUT: what that names takes the place of what there was, with null nothing does, and what it leaves out stays.
 * @see https://www.rfc-editor.org/rfc/rfc7644#section-3.5.1
 */
export const replacedBy = (stored: JsonObject, body: JsonObject): JsonObject => {
  const gone = new Set(Object.entries(body).flatMap(([name, value]) => (value === null ? [spelling(name)] : [])))
  return {
    ...Object.fromEntries(Object.entries(stored).filter(([name]) => !gone.has(name))),
    ...(tidy(body) as JsonObject),
  }
}

/** As `tidy`, of a value that stands under this name. */
export const tidyAs = (name: string, value: Json): Json => (flags.has(name) ? flag(value) : tidy(value))

/** The block that an attribute is in; undefined where the resource does not have it. */
export const blockOf = (resource: JsonObject, { urn }: AttributePath): JsonObject | undefined => {
  const block = urn === undefined ? resource : own(resource, urn)
  return isObject(block) ? block : undefined
}

/** All values of an attribute, each of a list for itself. A part of an attribute that is a list is that part of each. */
export const valuesOf = (resource: JsonObject, path: AttributePath): Json[] => {
  const block = blockOf(resource, path)
  const value = block && own(block, path.name)
  const all = value === undefined ? [] : Array.isArray(value) ? value : [value]
  const { sub } = path
  return (sub === undefined ? all : all.map((one) => (isObject(one) ? own(one, sub) : undefined))).filter(
    (one) => one !== undefined && one !== null,
  )
}
