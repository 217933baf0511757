// What there is to ask: the server's own table of routes with the schemas in it, and what the specification says more where it lies
// beside the checkout.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse } from 'yaml'
import type { Route } from '../../src/http/index.ts'

/** As much of JSON Schema as TypeBox and the specification write. */
export interface Schema {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly example?: unknown
  readonly additionalProperties?: Schema | boolean
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly $ref?: string
}

/** One thing that can be asked of the server. */
export interface Operation {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly auth: string
  /** Names and schemas of what may stand in the query. */
  readonly query: Readonly<Record<string, Schema>>
  /** Several where the server and the specification describe it both. */
  readonly bodies: readonly Schema[]
  /** What it takes is not JSON. */
  readonly raw: boolean
}

const data = join(import.meta.dirname, '..', '..', '..', 'shared', 'spec', 'data', 'api', 'client-server')
/** Whether the specification's own description is there. */
export const hasSpec = existsSync(data)

interface Described {
  readonly query: Record<string, Schema>
  readonly body: Schema | undefined
}

const files = new Map<string, unknown>()
const load = (file: string): unknown => {
  if (!files.has(file)) files.set(file, parse(readFileSync(file, 'utf8')))
  return files.get(file)
}

/** The schema with what it refers to in its place, as deep as anybody would send. */
function resolve(schema: unknown, file: string, depth = 0): Schema {
  if (typeof schema !== 'object' || schema === null || depth > 12) return {}
  if (Array.isArray(schema)) return schema.map((one) => resolve(one, file, depth + 1)) as Schema
  const { $ref, ...rest } = schema as Record<string, unknown>
  if (typeof $ref === 'string') {
    const [path = '', pointer = ''] = $ref.split('#')
    const target = path === '' ? file : join(dirname(file), path)
    const found = pointer
      .split('/')
      .filter(Boolean)
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], load(target))
    return resolve(found, target, depth + 1)
  }
  return Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [
      key,
      typeof value === 'object' && key !== 'example' ? resolve(value, file, depth + 1) : value,
    ]),
  )
}

interface Document {
  readonly servers?: readonly { readonly variables?: { readonly basePath?: { readonly default?: string } } }[]
  readonly paths?: Record<string, Record<string, Endpoint>>
}

interface Endpoint {
  readonly parameters?: readonly Record<string, unknown>[]
  readonly requestBody?: { readonly content?: Record<string, { readonly schema?: unknown }> }
}

function describeByFile(file: string, found: Map<string, Described>): void {
  const document = load(file) as Document
  const base = document.servers?.[0]?.variables?.basePath?.default ?? ''
  for (const [path, methods] of Object.entries(document.paths ?? {})) {
    for (const [method, endpoint] of Object.entries(methods)) {
      const parameters = (endpoint.parameters ?? []).map((one) => resolve(one, file) as Record<string, unknown>)
      const json = endpoint.requestBody?.content?.['application/json']?.schema
      found.set(`${method.toUpperCase()} ${(base + path).replaceAll(/\{\w+\}/g, ':')}`, {
        query: Object.fromEntries(
          parameters
            .filter((one) => one['in'] === 'query')
            .map((one) => [String(one['name']), one['schema'] as Schema]),
        ),
        body: json === undefined ? undefined : resolve(json, file),
      })
    }
  }
}

function described(): Map<string, Described> {
  const found = new Map<string, Described>()
  if (hasSpec) for (const name of readdirSync(data)) if (name.endsWith('.yaml')) describeByFile(join(data, name), found)
  return found
}

/** Everything that these routes answer, but for what only other servers may ask. */
export function operationsOf(routes: readonly Route[]): Operation[] {
  const known = described()
  return routes
    .filter(({ path }) => !path.includes('*'))
    .flatMap(({ id, method, path, paths, auth, query, body, rawBody }) =>
      [path, ...paths].map((one) => {
        const more = known.get(`${method} ${one.replaceAll(/:\w+/g, ':')}`)
        return {
          id,
          method,
          path: one,
          auth,
          query: { ...more?.query, ...query?.properties },
          bodies: [body, more?.body].filter((schema) => schema !== undefined),
          raw: rawBody,
        }
      }),
    )
}
