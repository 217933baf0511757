import { nearest } from './nearest.ts'
import { flagOf, type Override } from './overrides.ts'
import { schema } from './schema.ts'
import { type Keys, namesIn } from './setting.ts'

/** What a command line says of the configuration, and what is left of it for the command itself. */
export interface ConfigFlags {
  /** The file that `--config` names. */
  readonly file: string | undefined
  readonly flags: readonly Override[]
  readonly rest: readonly string[]
}

/** The command line cannot be understood; `message` says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const keys: Keys = schema
const keyOfFlag = new Map(namesIn(keys).map((key) => [flagOf(key), key]))

/** The value of a flag: behind its "=", or the next word. A setting that is true or false needs none. */
const valueAfter = (
  name: string,
  inline: string | undefined,
  next: string | undefined,
): { text: string; words: number } => {
  if (inline !== undefined) return { text: inline, words: 1 }
  const isSwitch = keys[keyOfFlag.get(name) ?? '']?.kind === 'boolean'
  if (isSwitch && next !== 'true' && next !== 'false') return { text: 'true', words: 1 }
  if (next === undefined || next.startsWith('--')) throw new UsageError(`${name} needs a value.`)
  return { text: next, words: 2 }
}

/**
 * Takes the flags of the configuration out of a command line: `--config FILE`, `--set a.b=value`, and each setting of the top
 * level by its name (`--server-name x`, `--listen=…`). Everything behind `--` is left alone.
 * @throws {UsageError} when a value is missing.
 */
export const readFlags = (args: readonly string[]): ConfigFlags => {
  const flags: Override[] = []
  const rest: string[] = []
  let file: string | undefined
  for (let index = 0; index < args.length;) {
    const word = args[index] ?? ''
    if (word === '--') {
      rest.push(...args.slice(index))
      break
    }
    const [, name = '', inline] = /^(--[a-z-]+)(?:=(.*))?$/s.exec(word) ?? []
    const key = keyOfFlag.get(name)
    if (key === undefined && name !== '--config' && name !== '--set') {
      rest.push(word)
      index += 1
      continue
    }
    const { text, words } = valueAfter(name, inline, args[index + 1])
    index += words
    if (name === '--config' && text === '') throw new UsageError('--config needs a value.')
    if (name === '--config') file = text
    else flags.push(key === undefined ? assignment(text) : { name, path: [key], text })
  }
  return { file, flags, rest }
}

const assignment = (text: string): Override => {
  const [, path, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (path === undefined || value === undefined)
    throw new UsageError('--set needs a setting and its value: --set log.level=debug')
  return { name: `--set ${path}`, path: path.split('.'), text: value }
}

/** The flag that was most likely meant, or undefined: one of the command's own, or of a setting where it takes these. */
export const nearestFlag = (word: string, own: readonly string[]): string | undefined =>
  nearest(word, own.includes('--config') ? [...own, ...keyOfFlag.keys(), '--set'] : own)
