import { createRequire } from 'node:module'
import type { TObject, TSchema } from 'typebox'
import type * as Schema from 'typebox/schema'
import { MatrixError, type ErrCode } from '../matrix/errors.ts'

interface Fault {
  readonly keyword: string
  readonly instancePath: string
  readonly message: string
  readonly params: object
}

const articles: Record<string, string> = { integer: 'an integer', object: 'an object', array: 'a list', null: 'null' }

/** `/content/0/x` as people write it: `content[0].x`. */
function fieldName(instancePath: string): string {
  return instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((name, part) => (/^\d+$/.test(part) ? `${name}[${part}]` : name ? `${name}.${part}` : part), '')
}

function sentence(fault: Fault, faults: readonly Fault[]): string {
  const field = fieldName(fault.instancePath)
  const subject = field ? `"${field}"` : 'The body'
  const params = fault.params as { requiredProperties?: string[]; type?: string | string[] }
  if (fault.keyword === 'required') {
    const missing = params.requiredProperties?.[0] ?? ''
    return `"${field ? `${field}.` : ''}${missing}" is missing`
  }
  if (typeof params.type === 'string') return `${subject} must be ${articles[params.type] ?? `a ${params.type}`}`
  if (fault.keyword === 'anyOf' || fault.keyword === 'const') {
    const allowed = faults
      .filter((other) => other.keyword === 'const' && other.instancePath === fault.instancePath)
      .map((other) => JSON.stringify((other.params as { allowedValue?: unknown }).allowedValue))
    return allowed.length > 0 ? `${subject} must be ${allowed.join(' or ')}` : `${subject} has the wrong shape`
  }
  return `${subject} ${fault.message}`
}

/** The fault nearest to the top says most about what is wrong; among equals the last sums up the ones before. */
function worst(faults: readonly Fault[]): Fault | undefined {
  const depth = (fault: Fault): number => fault.instancePath.split('/').length
  return faults.reduce<Fault | undefined>(
    (best, fault) => (!best || depth(fault) <= depth(best) ? fault : best),
    undefined,
  )
}

/** What JSON of the specification may have for an integer, and every column keeps. @see https://spec.matrix.org/v1.19/appendices/#canonical-json */
const largestInteger = Number.MAX_SAFE_INTEGER

/**
 * A record is written by TypeBox as a pattern `^.*$`, which a key with a line feed slips past unchecked. Rewritten so that
 * every key counts. An integer is one that every column keeps.
 */
function tightened(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(tightened)
  if (typeof schema !== 'object' || schema === null) return schema
  const closed = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, key === 'const' ? value : tightened(value)]),
  )
  if (closed['type'] === 'integer') return { minimum: -largestInteger, maximum: largestInteger, ...closed }
  const patterns = closed['patternProperties'] as Record<string, unknown> | undefined
  if (!patterns || Object.keys(patterns).join() !== '^.*$') return closed
  const { patternProperties: _, ...rest } = closed
  return { ...rest, additionalProperties: patterns['^.*$'] }
}

const load = createRequire(import.meta.url)

/** TypeBox's compiler is 160 modules: loaded with the first request that has something to check, or before, when there is nothing else to do. */
export const loadCompiler = (): typeof Schema => load('typebox/schema') as typeof Schema

/**
 * A check of a value against a schema, compiled when first used: a server has hundreds, and is up before any is needed.
 * @throws MatrixError: `missing` when a top-level property is absent, `wrong` for everything else
 */
function checker(schema: TSchema, wrong: ErrCode): (value: unknown) => void {
  let compiled: ReturnType<typeof Schema.Compile> | undefined
  return (value) => {
    compiled ??= loadCompiler().Compile(tightened(schema) as TSchema)
    if (compiled.Check(value)) return
    const faults: readonly Fault[] = compiled.Errors(value)[1]
    const fault = worst(faults)
    if (!fault) throw new MatrixError(wrong, 'The request has the wrong shape')
    const missing = fault.keyword === 'required' && fault.instancePath === ''
    throw new MatrixError(missing ? 'M_MISSING_PARAM' : wrong, sentence(fault, faults))
  }
}

/** Checks a body strictly: nothing is converted. Returns it as it is. */
export function bodyReader(schema: TSchema): (body: unknown) => unknown {
  const check = checker(schema, 'M_BAD_JSON')
  return (body) => {
    check(body)
    return body
  }
}

type Converter = (text: unknown) => unknown

const numeric = /^-?\d{1,16}(\.\d{1,16})?$/

function converter(schema: TSchema): Converter | undefined {
  const { type, items } = schema as { type?: string; items?: TSchema }
  switch (type) {
    case 'integer':
    case 'number':
      return (text) => (typeof text === 'string' && numeric.test(text) ? Number(text) : text)
    case 'boolean':
      return (text) => (text === 'true' ? true : text === 'false' ? false : text)
    case 'array': {
      const item = items && converter(items)
      return (value) => {
        const list: unknown[] = Array.isArray(value) ? value : [value]
        return item ? list.map(item) : list
      }
    }
    default:
      return undefined
  }
}

/**
 * Reads path or query parameters: text becomes the numbers, booleans and lists that the schema asks for; what the schema
 * doesn't name is left out.
 * @throws MatrixError M_MISSING_PARAM, M_INVALID_PARAM
 */
export function parameterReader(schema: TObject): (raw: Readonly<Record<string, unknown>>) => Record<string, unknown> {
  const check = checker(schema, 'M_INVALID_PARAM')
  const fields = Object.entries(schema.properties as Record<string, TSchema>).map(([name, field]) => ({
    name,
    convert: converter(field),
  }))
  return (raw) => {
    const values: Record<string, unknown> = {}
    for (const { name, convert } of fields) {
      const text = raw[name]
      if (text !== undefined) values[name] = convert ? convert(text) : text
    }
    check(values)
    return values
  }
}
