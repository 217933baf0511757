import { parseArgs } from 'node:util'
import {
  ConfigError,
  describe,
  type Finding,
  formatFinding,
  loadConfig,
  type Loaded,
  readFlags,
} from '../config/index.ts'
import { configChecks } from './config-checks.ts'

export const help = `latchkey config check [--config FILE] [--json] [SETTINGS]

Says whether the server would start with this configuration, names every fault with its line, and prints what it understood.
Settings can be given as for "latchkey start": --server-name example.org, --set jwt_config.enabled=true.
The exit code is 0 when all is well, 1 when there is an error. A warning is no error.

  --config FILE   the YAML file; else the one that LATCHKEY_CONFIG names, else the defaults of a try-out
  --json          print the findings and the configuration, without its secrets, as JSON`

export const run = async (args: readonly string[]): Promise<number> => {
  const { file, flags, rest } = readFlags(args)
  const {
    values: { json = false },
  } = parseArgs({ args: [...rest], options: { json: { type: 'boolean' } } })
  try {
    const loaded = await loadConfig({ file, flags, env: process.env, cwd: process.cwd(), checks: configChecks })
    print(json ? asJson(loaded.warnings, loaded) : asText(loaded))
    return 0
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    print(
      json ? asJson(error.findings) : [...error.findings.map(formatFinding), '', countOf(error.findings)].join('\n'),
    )
    return 1
  }
}

const print = (text: string): void => void process.stdout.write(`${text}\n`)

const countOf = (findings: readonly Finding[]): string => {
  const errors = findings.filter(({ level }) => level === 'error').length
  return errors === 1 ? '1 error: the server would not start.' : `${errors} errors: the server would not start.`
}

const asJson = (findings: readonly Finding[], loaded?: Loaded): string =>
  JSON.stringify({ ok: loaded !== undefined, findings, ...(loaded && { config: describe(loaded.config) }) }, null, 2)

const asText = ({ config, warnings, file }: Loaded): string => {
  const jwt = config.jwt_config
  const ways = [
    jwt.enabled && `token (${jwt.algorithm}, user from "${jwt.subject_claim}")`,
    ...config.identity_providers.map(({ id, type }) => `${id} (${type})`),
    config.password_login && 'password',
  ].filter(Boolean)
  const rows = [
    ['server name', config.server_name],
    ['address', config.public_base_url ?? 'none set (public_base_url)'],
    ['listen', config.listen.join(', ')],
    ['database', String(describe(config).database)],
    ['data', config.data_dir],
    ['sign-in', ways.join(', ') || 'nobody can sign in'],
    ['registration', config.registration],
    ['rate limits', config.rate_limits === 'off' ? 'off' : 'on'],
  ] as const
  return [
    ...warnings.map(formatFinding),
    ...(warnings.length > 0 ? [''] : []),
    `ok: ${file ?? 'no file, the defaults of a try-out'}`,
    ...rows.map(([name, value]) => `  ${name.padEnd(13)} ${value}`),
  ].join('\n')
}
