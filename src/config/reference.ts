import { expectedOf } from './expected.ts'
import { flagOf, variableOf } from './overrides.ts'
import { schema } from './schema.ts'
import type { Keys, Setting } from './setting.ts'

const code = (value: unknown): string => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``

const factsOf = (path: readonly string[], setting: Setting): string[] => {
  const key = path.at(-1) ?? ''
  const isValue = setting.kind !== 'group'
  const inList = path.some((step) => step.endsWith('[]'))
  return [
    ...(isValue
      ? [`Value: ${expectedOf(setting)}.`]
      : setting.off
        ? ['Value: a block of the settings below, or `off`.']
        : []),
    ...(setting.required ? ['Required.'] : []),
    ...(setting.default === undefined ? [] : [`Default: ${code(setting.default)}`]),
    ...(setting.secret
      ? [
          `Secret: never printed${setting.kind === 'text' && setting.redact ? ' but for the parts that are none' : ''}. ` +
            `Or ${code(`${key}_file`)}: the path of a file that holds it.`,
        ]
      : []),
    ...(isValue && !inList
      ? [`Environment: ${code(variableOf(path))}${path.length === 1 ? `, flag: ${code(flagOf(key))}` : ''}`]
      : []),
    ...(setting.reload ? ['A running server takes a new value.'] : []),
  ]
}

const section = (path: readonly string[], setting: Setting): string[] => {
  const facts = factsOf(path, setting)
  const head = [`${'#'.repeat(Math.min(path.length + 1, 4))} ${path.join('.')}`, setting.description]
  const own = facts.length === 0 ? head : [...head, facts.map((fact) => `- ${fact}`).join('\n')]
  if (setting.kind === 'group') return [...own, ...sections(setting.keys, path)]
  if (setting.kind !== 'list' || (setting.of.kind !== 'variants' && setting.of.kind !== 'group')) return own
  const list = [...path.slice(0, -1), `${path.at(-1)}[]`]
  if (setting.of.kind === 'group') return [...own, ...sections(setting.of.keys, list)]
  return [
    ...own,
    ...Object.entries(setting.of.variants).flatMap(([type, keys]) => [
      `${'#'.repeat(path.length + 2)} Type ${code(type)}`,
      ...sections(keys, list),
    ]),
  ]
}

const sections = (keys: Keys, above: readonly string[] = []): string[] =>
  Object.entries(keys).flatMap(([key, setting]) => section([...above, key], setting))

const intro = `# Configuration reference

<!-- Made from the schema in src/config/ by "latchkey config reference". -->

One YAML file, environment variables over it, flags over these. A name that is not on this page is refused, and so is a value that
does not fit; \`latchkey config check --config FILE\` says where and why. \`latchkey config example\` prints a file to start from.

In the environment a setting is called by its path in capitals, with \`LATCHKEY_\` in front and two underscores between the levels:
\`LATCHKEY_JWT_CONFIG__SECRET\`. On the command line, settings of the top level are flags (\`--server-name example.org\`), and every one can
be set by its path: \`--set jwt_config.enabled=true\`. Lists are parted by commas there; blocks are written as JSON. \`LATCHKEY_CONFIG\`
names the file when \`--config\` does not.

Relative paths in the file start from its folder, those in variables and flags from the current one. A change takes effect at the next
start, unless the setting says otherwise.`

/** The page `docs/reference/config.md`. */
export const referenceMarkdown = (): string => `${[intro, ...sections(schema)].join('\n\n')}\n`
