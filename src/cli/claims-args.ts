import { UsageError } from '../config/index.ts'
import { parsePath } from '../identity/index.ts'
import { isObject } from '../matrix/json.ts'

const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The names that lead to the claim, and the JSON that it is to be. What is no JSON is a text. */
const readAssignment = (text: string): { path: readonly string[]; value: unknown } => {
  const at = text.indexOf('=')
  if (at <= 0)
    throw new UsageError(`--claim ${text}: write NAME=VALUE, such as name=Alice or realm_access.roles='["chat"]'.`)
  const written = text.slice(at + 1)
  const value = readJson(written)
  try {
    return { path: parsePath(text.slice(0, at)), value: value === undefined ? written : value }
  } catch (error) {
    throw new UsageError(
      `--claim ${text}: ${error instanceof Error ? error.message : ''}. A name that has dots itself stands in quotes: '"https://example.org/roles"=staff'.`,
    )
  }
}

/** Puts a value where a path leads, over what is there. */
const put = (
  claims: Record<string, unknown>,
  [name = '', ...rest]: readonly string[],
  value: unknown,
): Record<string, unknown> => {
  const there = Object.hasOwn(claims, name) ? claims[name] : undefined
  return { ...claims, [name]: rest.length === 0 ? value : put(isObject(there) ? there : {}, rest, value) }
}

/**
 * The claims that a command line asks for. One that is null is left out of the token, whoever else would put it in.
 * @param json what `--claims` says
 * @param assignments each `--claim`; they win over the former
 * @throws {UsageError} that says how it is written
 */
export const claimsOf = (json: string, assignments: readonly string[]): Record<string, unknown> => {
  const object = readJson(json)
  if (!isObject(object)) {
    throw new UsageError(
      object === undefined
        ? `--claims must be a JSON object, such as '{"name":"Alice"}', in single quotes so that the shell leaves it as it is.`
        : '--claims must be a JSON object, such as \'{"name":"Alice"}\'.',
    )
  }
  const all = assignments
    .map(readAssignment)
    .reduce<Record<string, unknown>>((claims, { path, value }) => put(claims, path, value), object)
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, value === null ? undefined : value]))
}
