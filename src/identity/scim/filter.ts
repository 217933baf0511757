import { isObject, type Json, type JsonObject } from '../../matrix/json.ts'
import { type AttributePath, enterpriseSchema, groupSchema, spelling, userSchema, valuesOf } from './attributes.ts'
import { ScimError } from './error.ts'

const comparisons = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'] as const
type Comparison = (typeof comparisons)[number]

/** What is looked for. @see https://www.rfc-editor.org/rfc/rfc7644#section-3.4.2.2 */
export type Filter =
  | { readonly kind: 'and' | 'or'; readonly filters: readonly Filter[] }
  | { readonly kind: 'not'; readonly filter: Filter }
  | {
      readonly kind: 'compare'
      readonly path: AttributePath
      readonly by: Comparison
      readonly value: string | number | boolean | null
    }
  | { readonly kind: 'present'; readonly path: AttributePath }
  /** Some value of a list is like that. */
  | { readonly kind: 'some'; readonly path: AttributePath; readonly filter: Filter }

/** Where a change applies: an attribute, or those values of a list that a filter finds, or a part of either. */
export interface Target {
  readonly path: AttributePath
  readonly filter: Filter | undefined
}

const longest = 4000
const deepest = 20

/** The attribute that a name leads to. Attributes of the core schemas stand in the resource itself, whether or not their schema is named. */
const pathOf = (text: string, fail: (detail: string) => never): AttributePath => {
  const whole = spelling(text)
  if (whole === enterpriseSchema) return { urn: undefined, name: whole, sub: undefined }
  const colon = /^urn:/i.test(text) ? text.lastIndexOf(':') : -1
  const schema = colon < 0 ? undefined : spelling(text.slice(0, colon))
  const [name = '', sub, ...more] = text.slice(colon + 1).split('.')
  if (
    ![name, ...(sub === undefined ? [] : [sub])].every((one) => /^[A-Za-z$][A-Za-z0-9_$-]*$/.test(one)) ||
    more.length > 0
  )
    fail(`"${text.slice(0, 100)}" is not the name of an attribute`)
  const urn = schema === userSchema || schema === groupSchema ? undefined : schema
  return { urn, name: spelling(name), sub: sub === undefined ? undefined : spelling(sub) }
}

/** Reads a filter, or the path of a change, from left to right. */
class Reader {
  readonly #text: string
  readonly #type: 'invalidFilter' | 'invalidPath'
  #at = 0
  #depth = 0

  constructor(text: string, type: 'invalidFilter' | 'invalidPath') {
    this.#text = text
    this.#type = type
    if (text.length > longest) this.fail(`it has more than ${longest} characters`)
  }

  readonly fail = (detail: string): never => {
    throw new ScimError(
      400,
      `The ${this.#type === 'invalidPath' ? 'path' : 'filter'} cannot be read: ${detail}`,
      this.#type,
    )
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const [found] = pattern.exec(this.#text) ?? []
    if (found !== undefined) this.#at += found.length
    return found?.trim()
  }

  #path(): AttributePath {
    return pathOf(
      this.#match(/\s*[A-Za-z0-9:._$-]+/y) ?? this.fail(`an attribute should stand at character ${this.#at + 1}`),
      this.fail,
    )
  }

  end<T>(value: T): T {
    if (this.#text.slice(this.#at).trim() !== '') this.fail(`nobody knows what to do at character ${this.#at + 1}`)
    return value
  }

  either(): Filter {
    if (++this.#depth > deepest) this.fail(`it is nested more than ${deepest} times`)
    const filter = this.#list('or', /\s+or(?=[\s(])/iy, () => this.#list('and', /\s+and(?=[\s(])/iy, () => this.#one()))
    this.#depth--
    return filter
  }

  #list(kind: 'and' | 'or', word: RegExp, read: () => Filter): Filter {
    const filters = [read()]
    while (this.#match(word) !== undefined) filters.push(read())
    const [only] = filters
    return filters.length === 1 && only ? only : { kind, filters }
  }

  #one(): Filter {
    const negated = this.#match(/\s*not(?=\s*\()/iy) !== undefined
    if (this.#match(/\s*\(/y) !== undefined) {
      const filter = this.either()
      if (this.#match(/\s*\)/y) === undefined) this.fail('a parenthesis is never closed')
      return negated ? { kind: 'not', filter } : filter
    }
    const path = this.#path()
    const filter = this.#bracket()
    if (filter) return { kind: 'some', path, filter }
    const by =
      this.#match(/\s+[a-z]{2}(?=\s|$|\)|\])/iy)?.toLowerCase() ??
      this.fail(`a comparison should stand at character ${this.#at + 1}`)
    if (by === 'pr') return { kind: 'present', path }
    const comparison = comparisons.find((one) => one === by) ?? this.fail(`"${by}" is no comparison`)
    return { kind: 'compare', path, by: comparison, value: this.#value() }
  }

  #bracket(): Filter | undefined {
    if (this.#match(/\[/y) === undefined) return undefined
    const filter = this.either()
    if (this.#match(/\s*\]/y) === undefined) this.fail('a bracket is never closed')
    return filter
  }

  #value(): string | number | boolean | null {
    const text =
      this.#match(/\s*("(?:[^"\\]|\\[\s\S])*"|true|false|null|-?[0-9.eE+-]+)/iy) ??
      this.fail(`a value should stand at character ${this.#at + 1}`)
    try {
      // The pattern lets nothing else pass.
      return JSON.parse(text.startsWith('"') ? text : text.toLowerCase()) as string | number | boolean | null
    } catch {
      return this.fail('a value is not written as in JSON')
    }
  }

  target(): Target {
    const path = this.#path()
    const filter = this.#bracket()
    const sub = filter && this.#match(/\.[A-Za-z$][A-Za-z0-9_$-]*/y)?.slice(1)
    return { path: sub === undefined ? path : { ...path, sub: spelling(sub) }, filter }
  }
}

/** @throws ScimError invalidFilter */
export const parseFilter = (text: string): Filter => {
  const reader = new Reader(text, 'invalidFilter')
  return reader.end(reader.either())
}

/** Reads where a change applies. @throws ScimError invalidPath */
export const parseTarget = (text: string): Target => {
  const reader = new Reader(text, 'invalidPath')
  return reader.end(reader.target())
}

/** Attributes whose letter case counts. */
const exact: ReadonlySet<string> = new Set(['id', 'externalId', 'value', '$ref', 'version'])

const compare = (by: Comparison, found: Json, wanted: string | number | boolean | null, isExact: boolean): boolean => {
  if (typeof found === 'boolean' || typeof wanted === 'boolean') {
    const isSame =
      !isObject(found) && !Array.isArray(found) && String(found).toLowerCase() === String(wanted).toLowerCase()
    return by === 'eq' ? isSame : by === 'ne' && !isSame
  }
  if (typeof found === 'number' && typeof wanted === 'number') return order(by, found - wanted)
  if (typeof found !== 'string' || typeof wanted !== 'string') return by === 'ne'
  const [one, other] = isExact ? [found, wanted] : [found.toLowerCase(), wanted.toLowerCase()]
  switch (by) {
    case 'co':
      return one.includes(other)
    case 'sw':
      return one.startsWith(other)
    case 'ew':
      return one.endsWith(other)
    default:
      return order(by, one < other ? -1 : one > other ? 1 : 0)
  }
}

const order = (by: Comparison, difference: number): boolean => {
  switch (by) {
    case 'eq':
      return difference === 0
    case 'ne':
      return difference !== 0
    case 'gt':
      return difference > 0
    case 'ge':
      return difference >= 0
    case 'lt':
      return difference < 0
    case 'le':
      return difference <= 0
    default:
      return false
  }
}

/** Of a list that is asked for as a whole it is the "value" of each that counts. */
const plain = (value: Json): Json => (isObject(value) ? (value['value'] ?? null) : value)

/** Whether a resource, or a value of a list, is what is looked for. */
export const matches = (filter: Filter, resource: JsonObject): boolean => {
  switch (filter.kind) {
    case 'and':
      return filter.filters.every((one) => matches(one, resource))
    case 'or':
      return filter.filters.some((one) => matches(one, resource))
    case 'not':
      return !matches(filter.filter, resource)
    case 'present':
      return valuesOf(resource, filter.path).some(
        (value) => value !== '' && !(Array.isArray(value) && value.length === 0),
      )
    case 'some':
      return valuesOf(resource, filter.path).some((value) => isObject(value) && matches(filter.filter, value))
    default: {
      const { path, by, value } = filter
      const values = valuesOf(resource, path).map(plain)
      if (value === null) return (values.length === 0) === (by === 'eq')
      // What is not there differs from everything.
      if (by === 'ne') return values.every((found) => compare('ne', found, value, isExactAt(path)))
      return values.some((found) => compare(by, found, value, isExactAt(path)))
    }
  }
}

const isExactAt = ({ name, sub }: AttributePath): boolean => exact.has(sub ?? name) && name !== 'emails'

/** What must be equal for a filter to match at all: to find the few rows that are worth looking at. */
export const equalities = (filter: Filter): { name: string; value: string }[] => {
  if (filter.kind === 'and') return filter.filters.flatMap(equalities)
  if (
    filter.kind !== 'compare' ||
    filter.by !== 'eq' ||
    typeof filter.value !== 'string' ||
    filter.path.sub !== undefined ||
    filter.path.urn !== undefined
  )
    return []
  return [{ name: filter.path.name, value: filter.value }]
}
