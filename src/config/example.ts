import { stringify } from 'yaml'
import { schema } from './schema.ts'
import type { Keys, Setting } from './setting.ts'

const width = 90

/** Breaks prose into comment lines. */
const comment = (text: string, indent: string): string[] => {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && indent.length + last.length + word.length < width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(`# ${word}`)
  }
  return lines.map((line) => indent + line)
}

const proseOf = (key: string, setting: Setting): string =>
  [
    setting.description,
    setting.secret && `Or write ${key}_file with the path of a file that holds it.`,
    setting.example !== undefined && setting.default === undefined && 'For example:',
    setting.example !== undefined &&
      setting.default !== undefined &&
      key !== 'server_name' &&
      'Empty unless set. For example:',
  ]
    .filter(Boolean)
    .join(' ')

const assignment = (key: string, setting: Setting, indent: string): string[] => {
  const value = setting.example ?? setting.default
  return value === undefined
    ? []
    : stringify({ [key]: value }, { lineWidth: 0 })
        .trimEnd()
        .split('\n')
        .map((line) => indent + line)
}

/** One setting, uncommented. */
const linesOf = (key: string, setting: Setting, indent: string): string[] => {
  const head = comment(proseOf(key, setting), indent)
  if (setting.kind !== 'group') return [...head, ...assignment(key, setting, indent)]
  const numbers = Object.entries(setting.keys)
  if (numbers.every(([, inner]) => inner.kind === 'number')) {
    return [
      ...head,
      `${indent}${key}: { ${numbers.map(([name, inner]) => `${name}: ${String(inner.default)}`).join(', ')} }`,
    ]
  }
  const inside = Object.entries(setting.keys).map(([name, inner]) => linesOf(name, inner, `${indent}  `))
  return [...head, `${indent}${key}:`, ...inside.flat()]
}

/** A setting as a comment: prose stays prose, the rest gets a "#" in front that one takes away to use it. */
const disabled = (lines: readonly string[]): string[] =>
  lines.map((line) => (line.startsWith('# ') ? line : `#${line}`))

const intro = `# Configuration of Latchkey. Lines that start with "#" and no blank show a setting with its
# default, or an example of it: take the "#" away to use it.
#
# Every setting can also come from the environment, as LATCHKEY_SERVER_NAME or
# LATCHKEY_JWT_CONFIG__SECRET, and from a flag, as --server-name or --set jwt_config.enabled=true.
# "latchkey config check --config FILE" says whether all is well.`

/** The commented configuration file that `latchkey config example` prints: every setting there is. */
export const exampleYaml = (): string => {
  const keys: Keys = schema
  const blocks = Object.entries(keys).map(([key, setting]) => {
    const lines = linesOf(key, setting, '')
    return (key === 'server_name' ? lines : disabled(lines)).join('\n')
  })
  return `${[intro, ...blocks].join('\n\n')}\n`
}
