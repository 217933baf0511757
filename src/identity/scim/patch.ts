import { isObject, type Json, type JsonObject, own } from '../../matrix/json.ts'
import { type AttributePath, blockOf, enterpriseSchema, lists, ours, tidyAs } from './attributes.ts'
import { invalidValue, ScimError } from './error.ts'
import { type Filter, matches, parseTarget, type Target } from './filter.ts'

type Operation = 'add' | 'replace' | 'remove'

const mostOperations = 1000

/** Whether two values of a list are one: by what they name, where they name something. */
const keyOf = (value: Json): string => {
  const { value: named, type } = isObject(value) ? value : { value, type: undefined }
  return typeof named === 'string' ? JSON.stringify([named, type ?? null]) : JSON.stringify(value)
}

const asList = (value: Json | undefined): Json[] =>
  value === undefined || value === null ? [] : Array.isArray(value) ? value : [value]

/** At most one is the primary one: the newest that says so. */
const onePrimary = (values: Json[], fresh: ReadonlySet<Json>): Json[] => {
  if (![...fresh].some((one) => isObject(one) && one['primary'] === true)) return values
  return values.map((one) =>
    isObject(one) && one['primary'] === true && !fresh.has(one) ? { ...one, primary: false } : one,
  )
}

/** What a filter of plain equalities says of a value that it would find: `type eq "work"` makes a `{type: "work"}`. */
const madeBy = (filter: Filter): JsonObject | undefined => {
  if (filter.kind === 'and') {
    const parts = filter.filters.map(madeBy)
    return parts.every((part) => part !== undefined) ? (Object.assign({}, ...parts) as JsonObject) : undefined
  }
  return filter.kind === 'compare' && filter.by === 'eq' && filter.path.sub === undefined
    ? { [filter.path.name]: filter.value }
    : undefined
}

const put = (block: JsonObject, name: string, value: Json | undefined): void => {
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) delete block[name]
  else block[name] = value
}

/** A change of those values of a list that a filter finds. */
const changeSome = (
  operation: Operation,
  values: Json[],
  filter: Filter,
  sub: string | undefined,
  value: Json | undefined,
): Json[] => {
  const found = new Set(values.filter((one) => isObject(one) && matches(filter, one)))
  if (operation === 'remove' || value === null) {
    if (sub === undefined) return values.filter((one) => !found.has(one))
    return values.map((one) =>
      isObject(one) && found.has(one) ? Object.fromEntries(Object.entries(one).filter(([key]) => key !== sub)) : one,
    )
  }
  const made = found.size === 0 && operation === 'add' ? madeBy(filter) : undefined
  if (found.size === 0 && !made)
    throw new ScimError(400, 'No value is what the filter of the path looks for', 'noTarget')
  const changed = (one: JsonObject): JsonObject => {
    if (sub !== undefined) return { ...one, [sub]: value ?? null }
    if (!isObject(value)) throw invalidValue('A value of a list is an object')
    return operation === 'add' ? { ...one, ...value } : value
  }
  const fresh = new Set<Json>()
  const next = (one: JsonObject): JsonObject => {
    const result = changed(one)
    fresh.add(result)
    return result
  }
  const all = values.map((one) => (isObject(one) && found.has(one) ? next(one) : one))
  return onePrimary(made ? [...all, next(made)] : all, fresh)
}

/** A change of a list as a whole. */
const changeList = (operation: Operation, values: Json[], value: Json | undefined): Json[] => {
  const given = asList(value)
  // Entra ID names what is to go as the value, and not in the path.
  if (operation === 'remove') {
    const gone = new Set(given.map((one) => (isObject(one) ? one['value'] : one)))
    return given.length === 0 ? [] : values.filter((one) => !gone.has(isObject(one) ? one['value'] : one))
  }
  const fresh = operation === 'replace' ? given : [...new Map(given.map((one) => [keyOf(one), one])).values()]
  if (operation === 'replace') return onePrimary(fresh, new Set(fresh.slice(-1)))
  const known = new Set(values.map(keyOf))
  const added = fresh.filter((one) => !known.has(keyOf(one)))
  return onePrimary([...values, ...added], new Set(added))
}

const changePart = (block: JsonObject, { name }: AttributePath, sub: string, value: Json | undefined): void => {
  const before = own(block, name)
  if (Array.isArray(before)) {
    block[name] = before.map((one) => (isObject(one) ? { ...one, [sub]: value ?? null } : one))
    return
  }
  const part = isObject(before) ? { ...before } : {}
  put(part, sub, value)
  put(block, name, Object.keys(part).length === 0 ? undefined : part)
}

const changeOne = (operation: Operation, block: JsonObject, name: string, value: Json | undefined): void => {
  const before = own(block, name)
  if (operation === 'remove') put(block, name, undefined)
  else if (name === 'manager' && typeof value === 'string') put(block, name, value === '' ? undefined : { value })
  else put(block, name, isObject(value) && isObject(before) ? { ...before, ...value } : value)
}

const apply = (resource: JsonObject, operation: Operation, { path, filter }: Target, given: Json | undefined): void => {
  const { urn, name, sub } = path
  const value = given === undefined ? undefined : tidyAs(sub ?? name, given)
  if (urn !== undefined && !blockOf(resource, path)) {
    if (operation === 'remove') return
    resource[urn] = {}
  }
  const block = blockOf(resource, path) ?? resource
  if (filter) put(block, name, changeSome(operation, asList(own(block, name)), filter, sub, value))
  else if (sub !== undefined) changePart(block, path, sub, operation === 'remove' ? undefined : value)
  else if (lists.has(name) || Array.isArray(own(block, name)))
    put(block, name, changeList(operation, asList(own(block, name)), value))
  else changeOne(operation, block, name, value)
  if (urn !== undefined && Object.keys(block).length === 0) delete resource[urn]
}

/** The attributes that a change without a path names, in whichever way: nested, as `name.givenName`, or with their schema in front. */
const applyAll = (resource: JsonObject, operation: Operation, value: JsonObject): void => {
  for (const [key, inner] of Object.entries(value)) {
    const target = parseTarget(key)
    // Whoever sends a whole resource back does not mean to change what is not theirs.
    if (target.path.urn === undefined && ours.has(target.path.name)) continue
    if (target.path.name === enterpriseSchema && isObject(inner)) {
      for (const [name, part] of Object.entries(inner))
        apply(resource, operation, parseTarget(`${enterpriseSchema}:${name}`), part)
    } else apply(resource, operation, target, inner)
  }
}

/**
 * A resource after changes, in both dialects: as RFC 7644 has them, and as Entra ID and Okta send them.
 * @param body of a PATCH
 * @throws ScimError
 * @see https://www.rfc-editor.org/rfc/rfc7644#section-3.5.2
 */
export const patched = (resource: JsonObject, body: JsonObject): JsonObject => {
  const operations = Object.entries(body).find(([key]) => key.toLowerCase() === 'operations')?.[1]
  if (!Array.isArray(operations) || operations.length === 0)
    throw new ScimError(400, '"Operations" must be a list of changes', 'invalidSyntax')
  if (operations.length > mostOperations) throw new ScimError(413, `At most ${mostOperations} changes at once`)
  const result = structuredClone(resource)
  for (const one of operations) {
    const op = isObject(one) ? own(one, 'op') : undefined
    const operation = (['add', 'replace', 'remove'] as const).find(
      (known) => typeof op === 'string' && op.toLowerCase() === known,
    )
    if (!isObject(one) || !operation) throw new ScimError(400, '"op" must be add, replace or remove', 'invalidSyntax')
    const [path, value] = [own(one, 'path'), own(one, 'value')]
    if (path === undefined || path === null || path === '') {
      if (operation === 'remove') throw new ScimError(400, 'What is removed must be named by a path', 'noTarget')
      if (!isObject(value)) throw invalidValue('Without a path the value must be an object of attributes')
      applyAll(result, operation, value)
      continue
    }
    if (typeof path !== 'string') throw new ScimError(400, 'The path must be a string', 'invalidPath')
    const target = parseTarget(path)
    if (target.path.urn === undefined && ours.has(target.path.name))
      throw new ScimError(400, `"${target.path.name}" is not the provider's to change`, 'mutability')
    if (value === undefined && operation !== 'remove') throw invalidValue('"value" is missing')
    if (target.path.name === enterpriseSchema && isObject(value))
      applyAll(result, operation, { [enterpriseSchema]: value })
    else apply(result, operation, target, value)
  }
  return result
}
