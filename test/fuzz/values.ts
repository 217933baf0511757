// Values that fit a schema, as far as it says what fits.
import type { Schema } from './operations.ts'
import type { Pools } from './pools.ts'
import { nastyNumber, nastyText, nastyValue } from './nasty.ts'
import type { Random } from './random.ts'

/** What values are made of. */
export interface Making {
  readonly random: Random
  readonly pools: Pools
}

const words = ['m.text', 'hello', 'public', 'private', 'invite', 'join', 'leave', 'b', 'f', 'en', 'abc', 'test', '1']

/** A text that would do where `name` stands. */
export function textFor({ random, pools }: Making, name: string): string {
  const kind = random.int(20)
  if (kind === 0) return nastyText(random)
  return (
    (kind < 16 ? pools.pick(random, name) : undefined) ??
    `${random.pick(words)}${random.chance(30) ? random.int(1000) : ''}`
  )
}

const most = 4
const deepest = 6

/** A value for `schema`, which stands under `name`. */
export function valueFor(making: Making, schema: Schema, name: string, depth = 0): unknown {
  const { random, pools } = making
  if (random.chance(1)) return nastyValue(random)
  if (schema.const !== undefined) return schema.const
  if (schema.enum && schema.enum.length > 0) return random.pick(schema.enum)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices && choices.length > 0) return valueFor(making, random.pick(choices), name, depth)
  if (schema.allOf) {
    const parts = schema.allOf.map((part) => valueFor(making, part, name, depth))
    return Object.assign({}, ...parts.filter((part) => typeof part === 'object')) as unknown
  }
  const type = typeof schema.type === 'string' ? schema.type : random.pick(schema.type ?? ['unknown'])
  switch (type) {
    case 'string':
      if (schema.example !== undefined && random.chance(30)) return schema.example
      return textFor(making, name)
    case 'integer':
    case 'number':
      return random.chance(15) ? nastyNumber(random) : random.int(random.pick([2, 20, 1000, 100_000]))
    case 'boolean':
      return random.chance(50)
    case 'null':
      return null
    case 'array':
      if (depth >= deepest) return []
      return Array.from({ length: random.int(most) }, () => valueFor(making, schema.items ?? {}, name, depth + 1))
    case 'object':
      return depth >= deepest ? {} : objectFor(making, schema, depth)
    default:
      if (schema.properties) return objectFor(making, schema, depth)
      return random.chance(50) ? (pools.pick(random, name) ?? {}) : nastyValue(random)
  }
}

function objectFor(making: Making, schema: Schema, depth: number): Record<string, unknown> {
  const { random, pools } = making
  const made: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(schema.properties ?? {}))
    if (random.chance(schema.required?.includes(name) ? 98 : 45)) made[name] = valueFor(making, field, name, depth + 1)
  const pattern = Object.values(schema.patternProperties ?? {})[0]
  const more = pattern ?? (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined)
  for (let left = more ? random.int(most) : 0; left > 0; left--) {
    const key = pools.pick(random, random.pick(['user_id', 'room_id', 'event_id', 'device_id', 'type'])) ?? 'key'
    made[key] = valueFor(making, more ?? {}, key, depth + 1)
  }
  return made
}
