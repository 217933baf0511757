import { type Finding, findingAt, type Origin } from './finding.ts'
import { nearest } from './nearest.ts'
import { overlay, type Raw, type RawMap, rawOf } from './raw.ts'
import { type Keys, namesIn, secretOfFileKey, type Setting } from './setting.ts'
import { isBlock } from './expected.ts'

/** A setting given outside the file: by a flag, or by an environment variable. */
export interface Override {
  /** As it was written, for messages: `--listen`, `--set log.level`, `LATCHKEY_LOG__LEVEL`. */
  readonly name: string
  readonly path: readonly string[]
  readonly text: string
}

const prefix = 'LATCHKEY_'
/** Names the configuration file; not a setting. */
export const fileVariable = 'LATCHKEY_CONFIG'
/** What Kubernetes puts into the environment of every container when a service is called "latchkey". */
const fromKubernetes = /^LATCHKEY_(SERVICE_(HOST|PORT(_.*)?)|PORT(_\d+_.*)?)$/

/** `LATCHKEY_JWT_CONFIG__SECRET` is `jwt_config.secret`. */
export const variableOf = (path: readonly string[]): string => prefix + path.join('__').toUpperCase()

/** `--server-name` is `server_name`. */
export const flagOf = (key: string): string => `--${key.replaceAll('_', '-')}`

/** The settings in the environment. An empty variable counts as none. */
export const readEnvironment = (env: Readonly<Record<string, string | undefined>>): Override[] =>
  Object.entries(env).flatMap(([name, text]) =>
    name.startsWith(prefix) && name !== fileVariable && text !== undefined && text !== '' && !fromKubernetes.test(name)
      ? [{ name, path: name.slice(prefix.length).toLowerCase().split('__'), text }]
      : [],
  )

type Target = { readonly setting: Setting } | { readonly secretFile: true } | undefined

const targetOf = (keys: Keys, path: readonly string[]): Target => {
  const [key = '', ...rest] = path
  if (rest.length === 0 && secretOfFileKey(keys, key) !== undefined) return { secretFile: true }
  const setting = Object.hasOwn(keys, key) ? keys[key] : undefined
  if (!setting || rest.length === 0) return setting && { setting }
  return setting.kind === 'group' ? targetOf(setting.keys, rest) : undefined
}

function* pathsIn(keys: Keys, above: readonly string[] = []): Generator<readonly string[]> {
  for (const name of namesIn(keys)) yield [...above, name]
  for (const [key, setting] of Object.entries(keys))
    if (setting.kind === 'group') yield* pathsIn(setting.keys, [...above, key])
}

const jsonIn = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Text becomes a list where one is wanted, at its commas or as JSON; blocks are JSON. */
const rawText = (setting: Setting | undefined, text: string, at: Origin): Raw => {
  const json =
    setting && (setting.kind === 'list' || isBlock(setting)) && /^\s*[[{]/.test(text) ? jsonIn(text) : undefined
  if (json !== undefined) return rawOf(json, { ...at, form: 'object' })
  if (setting?.kind !== 'list' || isBlock(setting.of)) return { kind: 'scalar', value: text, at }
  const [only, ...others] = text.split(',').map((item): Raw => ({ kind: 'scalar', value: item.trim(), at }))
  return only && others.length > 0
    ? { kind: 'list', items: [only, ...others], at }
    : { kind: 'scalar', value: text.trim(), at }
}

/** Lays the overrides over the tree, whole blocks before what is inside them. Unknown names become findings. */
export const applyOverrides = (
  root: RawMap,
  overrides: readonly Override[],
  schema: Keys,
  base: string,
  findings: Finding[],
): RawMap => {
  let tree = root
  for (const override of overrides.toSorted((a, b) => a.path.length - b.path.length)) {
    const at: Origin = { via: override.name, base, form: 'text' }
    const target = targetOf(schema, override.path)
    if (target)
      tree = overlay(tree, override.path, rawText('setting' in target ? target.setting : undefined, override.text, at))
    else findings.push(unknownOverride(override, at, schema))
  }
  return tree
}

/** A variable that is near no setting may be somebody else's, and only earns a warning. */
const unknownOverride = (override: Override, at: Origin, schema: Keys): Finding => {
  const isVariable = override.name.startsWith(prefix)
  const named = (path: readonly string[]): string => (isVariable ? variableOf(path) : path.join('.'))
  const meant = nearest(named(override.path), [...pathsIn(schema)].map(named))
  const level = isVariable && meant === undefined ? 'warning' : 'error'
  return findingAt(
    at,
    level,
    override.path.join('.'),
    `There is no setting "${override.path.join('.')}".`,
    meant && `Did you mean "${meant}"?`,
  )
}
