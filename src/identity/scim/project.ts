import { isObject, type Json, type JsonObject, own } from '../../matrix/json.ts'
import { ScimError } from './error.ts'
import { parseTarget } from './filter.ts'
import type { AttributePath } from './attributes.ts'

/** Which attributes of a resource are wanted. @see https://www.rfc-editor.org/rfc/rfc7644#section-3.9 */
export interface Projection {
  readonly attributes: readonly AttributePath[] | undefined
  readonly excluded: readonly AttributePath[]
}

/** Sent whatever is asked for. */
const always: ReadonlySet<string> = new Set(['schemas', 'id'])
const most = 100

const pathsIn = (text: string): AttributePath[] => {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  if (names.length > most) throw new ScimError(400, `At most ${most} attributes can be named`, 'invalidValue')
  return names.map((name) => parseTarget(name).path)
}

/** Reads what a request asks for. @throws ScimError */
export const projectionOf = (attributes: string | undefined, excluded: string | undefined): Projection => ({
  attributes: attributes === undefined || attributes === '' ? undefined : pathsIn(attributes),
  excluded: excluded === undefined ? [] : pathsIn(excluded),
})

/** Whether an attribute of the resource is sent at all. */
export const wants = ({ attributes, excluded }: Projection, name: string): boolean =>
  (attributes === undefined || attributes.some((path) => path.name === name)) &&
  !excluded.some((path) => path.name === name && path.sub === undefined)

const each = (value: Json, work: (block: JsonObject) => JsonObject): Json =>
  Array.isArray(value) ? value.map((one) => (isObject(one) ? work(one) : one)) : isObject(value) ? work(value) : value

const pick = (resource: JsonObject, paths: readonly AttributePath[]): JsonObject => {
  const picked: JsonObject = {}
  for (const { urn, name, sub } of paths) {
    const from = urn === undefined ? resource : own(resource, urn)
    const value = isObject(from) ? own(from, name) : undefined
    if (value === undefined) continue
    const part =
      sub === undefined
        ? value
        : each(value, (block) => (own(block, sub) === undefined ? {} : { [sub]: own(block, sub) ?? null }))
    if (urn === undefined) picked[name] = part
    else picked[urn] = { ...(isObject(picked[urn]) ? picked[urn] : {}), [name]: part }
  }
  return picked
}

const without = (block: JsonObject, gone: string): JsonObject =>
  Object.fromEntries(Object.entries(block).filter(([key]) => key !== gone))

const drop = (resource: JsonObject, { urn, name, sub }: AttributePath): JsonObject => {
  if (urn === undefined && always.has(name)) return resource
  const change = (block: JsonObject): JsonObject => {
    const value = own(block, name)
    if (value === undefined) return block
    return sub === undefined ? without(block, name) : { ...block, [name]: each(value, (inner) => without(inner, sub)) }
  }
  if (urn === undefined) return change(resource)
  const block = own(resource, urn)
  return isObject(block) ? { ...resource, [urn]: change(block) } : resource
}

/** The resource, as far as it is wanted. */
export const projected = (resource: JsonObject, { attributes, excluded }: Projection): JsonObject => {
  const kept = Object.fromEntries(Object.entries(resource).filter(([name]) => always.has(name)))
  const picked = attributes ? { ...kept, ...pick(resource, attributes) } : resource
  return excluded.reduce(drop, picked)
}
