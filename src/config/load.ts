import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type Check, ownChecks } from './checks.ts'
import { ConfigError, type Finding, findingAt, type Origin, sortFindings } from './finding.ts'
import { applyOverrides, fileVariable, type Override, readEnvironment } from './overrides.ts'
import { isBlank, placeOf, type RawMap, rawOf } from './raw.ts'
import { readKeys, whyUnreadable } from './read.ts'
import { type Config, type ConfigInput, schema } from './schema.ts'
import { readYaml } from './yaml.ts'

export interface LoadOptions {
  /** The YAML file; else the one that LATCHKEY_CONFIG names; else there is none, and the defaults are those of a try-out. */
  readonly file?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** From {@link readFlags}. */
  readonly flags?: readonly Override[]
  /** The folder that relative paths in flags and variables start from. */
  readonly cwd: string
  /** Checks of other folders, run once the shape is right. */
  readonly checks?: readonly Check[]
}

export interface Loaded {
  readonly config: Config
  readonly warnings: readonly Finding[]
  /** The file that was read, as it was named. */
  readonly file: string | undefined
}

/**
 * Reads the configuration: the file, the environment over it, flags over that.
 * @throws {ConfigError} with every fault that was found, when there is one.
 */
export async function loadConfig(options: LoadOptions): Promise<Loaded> {
  const { env, cwd } = options
  const file = options.file ?? (env[fileVariable] || undefined)
  const base = file === undefined ? cwd : dirname(resolve(cwd, file))
  const findings: Finding[] = []
  const empty: RawMap = {
    kind: 'map',
    entries: new Map(),
    at: { base, form: 'object', ...(file !== undefined && { file }) },
  }
  const written = file === undefined ? empty : await readFileTree(file, base, cwd, findings)
  const withEnvironment = applyOverrides(written ?? empty, readEnvironment(env), schema, cwd, findings)
  const root = applyOverrides(withEnvironment, options.flags ?? [], schema, cwd, findings)
  if (!written) throw new ConfigError(sortFindings(findings))
  return { ...finish(root, base, findings, options.checks, file === undefined ? [] : unnamed(root)), file }
}

/** A try-out may go by any name; whoever writes a file has a server in mind, whose name cannot be changed later. */
const unnamed = (root: RawMap): Finding[] => {
  const entry = root.entries.get('server_name')
  return entry && !isBlank(entry.value)
    ? []
    : [
        {
          level: 'error',
          key: 'server_name',
          message: '"server_name" is missing.',
          fix: 'It ends every Matrix ID here, as in @alice:example.org, and cannot be changed later.',
        },
      ]
}

async function readFileTree(file: string, base: string, cwd: string, findings: Finding[]): Promise<RawMap | undefined> {
  let text
  try {
    text = await readFile(resolve(cwd, file), 'utf8')
  } catch (error) {
    const fix = 'Make one with "latchkey config example > FILE".'
    findings.push(
      findingAt({ file, base, form: 'yaml' }, 'error', '', `The file cannot be read: ${whyUnreadable(error)}.`, fix),
    )
    return undefined
  }
  const yaml = readYaml(text, file, base)
  findings.push(...yaml.findings)
  return yaml.root
}

/**
 * The configuration for a server inside another program: whatever is given, checked by the same schema, and defaults for the
 * rest. A {@link Config} given whole comes back equal.
 * @throws {ConfigError} with every fault that was found, when there is one.
 */
export function defaultConfig(overrides: ConfigInput = {}, options: { checks?: readonly Check[] } = {}): Config {
  const base = process.cwd()
  const at: Origin = { base, form: 'object' }
  const raw = rawOf(overrides, at)
  if (raw.kind !== 'map') throw new ConfigError([findingAt(at, 'error', '', 'The configuration must be an object.')])
  return finish(raw, base, [], options.checks).config
}

function finish(
  root: RawMap,
  base: string,
  findings: Finding[],
  checks: readonly Check[] = [],
  before: readonly Finding[] = [],
): { config: Config; warnings: Finding[] } {
  // The one cast from what the schema read to the type that was made from that same schema.
  const values = readKeys({ schema, findings, base, refused: 0 }, schema, root, '') as Config | undefined
  const config = values && settle(values)
  const run = (some: readonly Check[]): Finding[] => (config ? some.flatMap((check) => check(config)) : [])
  for (const more of [before, run(ownChecks), run(checks)]) {
    // What was found to be wrong needs no second opinion, and what is misspelt is not missing.
    const news = more.filter(
      (one) => !findings.some(({ key, fix }) => key === one.key || fix?.includes(`"${one.key}"`)),
    )
    // What a check has found in another file has its place already.
    findings.push(
      ...news.map((one) =>
        one.file === undefined ? findingAt(placeOf(root, one.key), one.level, one.key, one.message, one.fix) : one,
      ),
    )
  }
  const sorted = sortFindings(findings)
  if (!config || findings.some(({ level }) => level === 'error')) throw new ConfigError(sorted)
  return { config: freeze(config), warnings: sorted }
}

/** Puts what is relative to `data_dir` there. */
const settle = (config: Config): Config => {
  const path = config.database.startsWith('sqlite:') ? config.database.slice('sqlite:'.length) : ':memory:'
  return {
    ...config,
    database: path === ':memory:' ? config.database : `sqlite:${resolve(config.data_dir, path)}`,
    signing_key_file: resolve(config.data_dir, config.signing_key_file),
  }
}

const freeze = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze)
  return value
}
