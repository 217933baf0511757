import { type Config, schema } from './schema.ts'
import type { Keys, Setting } from './setting.ts'

const hidden = '(hidden)'

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function describeSetting(setting: Setting, value: unknown): unknown {
  if (setting.secret) {
    if (Array.isArray(value)) return value.map(() => hidden)
    return setting.kind === 'text' && setting.redact && typeof value === 'string' ? setting.redact(value) : hidden
  }
  if (setting.kind === 'list' && Array.isArray(value)) return value.map((item) => describeSetting(setting.of, item))
  if (setting.kind === 'group' && isObject(value)) return describeKeys(setting.keys, value)
  if (setting.kind === 'variants' && isObject(value)) {
    return { type: value.type, ...describeKeys(setting.variants[String(value.type)] ?? {}, value) }
  }
  return value
}

const describeKeys = (keys: Keys, values: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(keys).flatMap(([key, setting]) =>
      values[key] === undefined ? [] : [[key, describeSetting(setting, values[key])]],
    ),
  )

/** The configuration as it may be logged or shown: the same shape, with every secret hidden. */
export const describe = (config: Config): Record<string, unknown> => describeKeys(schema, config)
