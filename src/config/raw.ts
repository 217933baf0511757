import type { Origin } from './finding.ts'

/** A value as it was written, with where: YAML, environment, flags and a program's objects all become this before they are read. */
export type Raw =
  | { readonly kind: 'scalar'; readonly value: unknown; readonly at: Origin }
  | { readonly kind: 'list'; readonly items: readonly Raw[]; readonly at: Origin }
  | RawMap
export interface RawMap {
  readonly kind: 'map'
  readonly entries: Map<string, RawEntry>
  readonly at: Origin
}
/** `at` is the place of the key. */
export interface RawEntry {
  readonly at: Origin
  readonly value: Raw
}

const maxDepth = 32

const isPlainObject = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

/** A program's value. What has no form in a configuration (a function, a date, a cycle) stays a scalar, which no setting takes. */
export const rawOf = (value: unknown, at: Origin, depth = 0): Raw => {
  if (typeof value !== 'object' || value === null || depth > maxDepth) return { kind: 'scalar', value, at }
  if (Array.isArray(value)) return { kind: 'list', items: Array.from(value, (item) => rawOf(item, at, depth + 1)), at }
  if (!isPlainObject(value)) return { kind: 'scalar', value, at }
  const entries = new Map<string, RawEntry>()
  for (const [key, entry] of Object.entries(value)) {
    if (entry !== undefined) entries.set(key, { at, value: rawOf(entry, at, depth + 1) })
  }
  return { kind: 'map', entries, at }
}

/** Whether nothing was written: `key:` with nothing behind it. */
export const isBlank = (raw: Raw): boolean => raw.kind === 'scalar' && (raw.value === null || raw.value === undefined)

/** The tree with another value at the path, on top of what stands there. A secret and its `_file` replace one another. */
export const overlay = (root: RawMap, path: readonly string[], value: Raw): RawMap => {
  const [key, ...rest] = path
  if (key === undefined) return root
  const entries = new Map(root.entries)
  if (rest.length === 0) entries.delete(key.endsWith('_file') ? key.slice(0, -'_file'.length) : `${key}_file`)
  const below = entries.get(key)?.value
  const inside: RawMap = below?.kind === 'map' ? below : { kind: 'map', entries: new Map(), at: value.at }
  entries.set(key, { at: value.at, value: rest.length === 0 ? value : overlay(inside, rest, value) })
  return { ...root, entries }
}

/** The place of a path such as `jwt_config.secret` or `identity_providers[0].id`, or of the nearest block around it. */
export const placeOf = (root: RawMap, path: string): Origin => {
  let [at, raw]: [Origin, Raw] = [root.at, root]
  for (const step of path.split(/[.[\]]+/).filter(Boolean)) {
    if (raw.kind === 'map') {
      const entry: RawEntry | undefined = raw.entries.get(step) ?? raw.entries.get(`${step}_file`)
      if (!entry) return at
      at = entry.at
      raw = entry.value
    } else if (raw.kind === 'list') {
      const item: Raw | undefined = raw.items[Number(step)]
      if (!item) return at
      at = item.at
      raw = item
    } else return at
  }
  return at
}
