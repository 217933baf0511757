import { type Json, own } from './json.ts'

/**
 * Splits a dot-separated property path into property names. `\.` is a dot in a name, `\\` a backslash; before anything else a
 * backslash is only itself. Every text is a path.
 * @see https://spec.matrix.org/v1.19/appendices/#dot-separated-property-paths
 */
export function parsePath(path: string): string[] {
  if (!path.includes('\\')) return path.split('.')
  const names: string[] = []
  let name = ''
  for (let index = 0; index < path.length; index++) {
    const character = path[index] ?? ''
    const next = path[index + 1]
    if (character === '.') {
      names.push(name)
      name = ''
    } else if (character === '\\' && (next === '.' || next === '\\')) {
      name += next
      index++
    } else name += character
  }
  return [...names, name]
}

/** The value that the names, from the given one on, lead to through objects; undefined when a step is missing. */
export function valueAt(root: Json | undefined, names: readonly string[], from = 0): Json | undefined {
  let value = root
  for (let index = from; index < names.length && value !== undefined; index++) value = own(value, names[index] ?? '')
  return value
}
