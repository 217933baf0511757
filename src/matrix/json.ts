import { isUtf8 } from 'node:buffer'
import { MatrixError } from './errors.ts'

/** A JSON value. */
export type Json = null | boolean | number | string | Json[] | JsonObject

/** A JSON object. Read it with {@link own} when the key comes from outside: `object['constructor']` is not JSON. */
export type JsonObject = { [key: string]: Json }

/** Whether the value is a JSON object (not null, not an array). */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The object's own value at a key, never one inherited from a prototype; undefined when absent or when it is no object. */
export const own = (object: unknown, key: string): Json | undefined =>
  isObject(object) && Object.hasOwn(object, key) ? object[key] : undefined

/** Nesting that a client may send. Every walk over a value is recursive, so this also bounds the stack. */
const maxDepth = 100

/** Values and keys that a client may send in one body: what they cost to read is a matter of their number more than of their bytes. */
const maxParts = 50_000

const bad = (message: string): MatrixError => new MatrixError('M_BAD_JSON', message)
const tooDeep = (): MatrixError => bad(`The JSON is nested deeper than ${maxDepth} levels`)
const tooMany = (depth: number): MatrixError =>
  depth > maxDepth ? tooDeep() : new MatrixError('M_TOO_LARGE', `The JSON has more than ${maxParts} keys and values`)

/**
 * Parses JSON from a client: UTF-8 and grammar (else M_NOT_JSON), and further no duplicate keys, no lone surrogates, no nesting
 * over 100 levels and no `__proto__` key (else M_BAD_JSON), and no more than 50,000 values and keys (else M_TOO_LARGE).
 * `__proto__` would be harmless in itself, since JSON.parse makes it an ordinary own property, but one careless assignment later
 * would turn it into a prototype; no client has a use for it.
 */
export function parseStrict(input: string | Uint8Array): Json {
  const text = typeof input === 'string' ? input : decode(input)
  const outline = outlineOf(text)
  const value = parse(text)
  if (typeof value === 'object' && value !== null) {
    if (outline.depth > maxDepth) throw tooDeep()
    // JSON.parse keeps the last of two equal keys, so fewer keys in the value than in the text means that some were equal.
    if (countKeys(value) !== outline.keys) throw bad('The JSON has an object with a duplicate key')
  }
  // Only an escape can hide a surrogate or spell `__proto__` in a way that a search of the text would miss.
  const escapes = text.includes('\\u')
  if (escapes || !text.isWellFormed()) checkStrings(value)
  if ((escapes || text.includes('__proto__')) && hasProtoKey(value)) throw bad('The JSON has a key __proto__')
  return value
}

/**
 * Parses JSON from another server: UTF-8 and grammar only (else M_NOT_JSON). One hostile event inside a large answer must not
 * cost the whole answer, so everything else is judged event by event, by `checkFormat`.
 */
export const parseRemote = (input: string | Uint8Array): Json =>
  parse(typeof input === 'string' ? input : decode(input))

function decode(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new MatrixError('M_NOT_JSON', 'The body is not UTF-8')
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json // what JSON.parse returns is JSON by definition
  } catch (error) {
    throw new MatrixError('M_NOT_JSON', 'The body is not JSON', { cause: error })
  }
}

/**
 * Keys and nesting of a text, if that is JSON at all: every colon outside a string belongs to a key.
 * @throws MatrixError M_TOO_LARGE, before anything is built of it
 */
function outlineOf(text: string): { keys: number; depth: number } {
  let [keys, level, depth, values] = [0, 0, 0, 0]
  const { length } = text
  for (let at = 0; at < length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // a quotation mark: skip the string
        for (at++; at < length && text.charCodeAt(at) !== 0x22; at++) if (text.charCodeAt(at) === 0x5c) at++
        break
      case 0x3a: // :
        keys++
        break
      case 0x2c: // ,
        if (++values + keys > maxParts) throw tooMany(depth)
        break
      case 0x5b: // [
      case 0x7b: // {
        if (++level > depth) depth = level
        if (++values + keys > maxParts) throw tooMany(depth)
        break
      case 0x5d: // ]
      case 0x7d: // }
        level--
        break
      default:
    }
  }
  return { keys, depth }
}

function countKeys(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) count += countKeys(item)
  } else {
    const keys = Object.keys(value)
    count = keys.length
    for (const key of keys) count += countKeys(value[key] as Json) // the key is the object's own
  }
  return count
}

function checkStrings(value: Json): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw bad('The JSON has half a surrogate pair')
  } else if (Array.isArray(value)) {
    for (const item of value) checkStrings(item)
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) {
      checkStrings(key)
      checkStrings(item)
    }
  }
}

function hasProtoKey(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some(hasProtoKey)
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(hasProtoKey)
}

/**
 * Refuses (M_BAD_JSON) what canonical JSON cannot express: numbers that are not integers within ±(2^53 − 1), lone surrogates;
 * and nesting deeper than `depth` levels. A negative zero is written as 0 and therefore allowed.
 * @see https://spec.matrix.org/v1.19/appendices/#canonical-json
 */
export function checkCanonical(value: Json, depth: number = maxDepth): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw bad('Events cannot carry half a surrogate pair')
  } else if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw bad('Numbers in events must be integers between -(2^53)+1 and (2^53)-1')
  } else if (typeof value === 'object' && value !== null) {
    if (depth === 0) throw bad('The event is nested too deep')
    if (Array.isArray(value)) {
      for (const item of value) checkCanonical(item, depth - 1)
    } else {
      for (const key of Object.keys(value)) {
        if (!key.isWellFormed()) throw bad('Events cannot carry half a surrogate pair')
        checkCanonical(value[key] as Json, depth - 1) // the key is the object's own
      }
    }
  }
}

/** Refuses (M_BAD_JSON) nesting deeper than `depth` levels, and looks at nothing else. */
export function checkDepth(value: Json, depth: number): void {
  if (typeof value !== 'object' || value === null) return
  if (depth === 0) throw bad('The event is nested too deep')
  for (const item of Array.isArray(value) ? value : Object.values(value)) checkDepth(item, depth - 1)
}

/**
 * The canonical JSON of a value: shortest form, keys sorted by code point. Undefined members are left out, as JSON.stringify
 * does. The value is not checked; see {@link checkCanonical}.
 * @see https://spec.matrix.org/v1.19/appendices/#canonical-json
 */
export const canonicalJson = (value: Json): string => (inOrder(value) ? JSON.stringify(value) : encode(value))

/** Whether every object yields its keys in canonical order already, as what was stored canonically does: then JSON.stringify is right. */
function inOrder(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) {
    for (const item of value) if (!inOrder(item)) return false
    return true
  }
  let previous: string | undefined
  for (const key of Object.keys(value)) {
    if (previous !== undefined && compareKeys(previous, key) > 0) return false
    if (!inOrder(value[key] as Json)) return false // the key is the object's own
    previous = key
  }
  return true
}

function encode(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  let text = ''
  if (Array.isArray(value)) {
    for (const item of value) text += (text === '' ? '' : ',') + encode(item)
    return `[${text}]`
  }
  for (const key of Object.keys(value).sort(compareKeys)) {
    const item: Json | undefined = value[key]
    if (item !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${encode(item)}`
  }
  return `{${text}}`
}

/** Orders by code point. UTF-16 order differs from it only in that surrogates (U+10000 and up) stand below U+E000–U+FFFF. */
function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)]
    if (x !== y) return x >= 0xd800 && y >= 0xd800 ? rank(x) - rank(y) : x - y
  }
  return a.length - b.length
}

const rank = (unit: number): number => (unit < 0xe000 ? unit + 0x10000 : unit)
