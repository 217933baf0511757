import { type JsonObject, isObject, own } from './json.ts'

/** The wanted properties of an object: whole, or some of their own properties. */
type Wanted = Map<string, Wanted | 'whole'>

/**
 * Compiles property paths to a function that makes a copy with only those properties. The copy shares its values with the
 * original, which is left as it is.
 */
export function compileProjection(paths: readonly (readonly string[])[]): (source: JsonObject) => JsonObject {
  const wanted: Wanted = new Map()
  for (const path of paths) if (!path.includes('__proto__')) add(wanted, path)
  return (source) => pick(source, wanted)
}

function add(wanted: Wanted, path: readonly string[]): void {
  let level = wanted
  for (const [index, name] of path.entries()) {
    const known = level.get(name)
    if (known === 'whole') return
    if (index === path.length - 1) level.set(name, 'whole')
    else {
      const next: Wanted = known ?? new Map()
      level.set(name, next)
      level = next
    }
  }
}

function pick(source: JsonObject, wanted: Wanted): JsonObject {
  const copy: JsonObject = {}
  for (const [name, part] of wanted) {
    const value = own(source, name)
    if (value === undefined) continue
    if (part === 'whole') copy[name] = value
    else if (isObject(value)) {
      const inner = pick(value, part)
      if (Object.keys(inner).length > 0) copy[name] = inner
    }
  }
  return copy
}
