import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ConfigError, formatFinding } from './finding.ts'
import { readFlags, UsageError } from './flags.ts'
import { loadConfig } from './load.ts'
import type { Config } from './schema.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-overrides-'))
after(() => rmSync(folder, { recursive: true, force: true }))
writeFileSync(join(folder, 'secret'), 'from-a-file')
writeFileSync(
  join(folder, 'latchkey.yaml'),
  `
server_name: file.org
listen: 127.0.0.1:1
rate_limits: off
registration_shared_secret_file: secret
log: { level: warn, format: json }
`,
)

const load = async (
  env: Record<string, string>,
  args: string[] = [],
  file: string | undefined = 'latchkey.yaml',
): Promise<Config> => (await loadConfig({ file, env, flags: readFlags(args).flags, cwd: folder })).config
const refusal = async (env: Record<string, string>, args: string[] = []): Promise<string[]> => {
  const error = await load(env, args).catch((thrown: unknown) => thrown)
  return error instanceof ConfigError ? error.findings.map(formatFinding) : assert.fail('it was taken')
}

test('the environment goes over the file, and flags over the environment', async () => {
  assert.equal((await load({})).server_name, 'file.org')
  assert.equal((await load({ LATCHKEY_SERVER_NAME: 'env.org' })).server_name, 'env.org')
  assert.equal((await load({ LATCHKEY_SERVER_NAME: 'env.org' }, ['--server-name', 'flag.org'])).server_name, 'flag.org')
  assert.equal(
    (await load({ LATCHKEY_SERVER_NAME: 'env.org' }, ['--set', 'server_name=set.org'])).server_name,
    'set.org',
  )
  assert.equal((await load({ LATCHKEY_SERVER_NAME: '' })).server_name, 'file.org')
})

test('a name from the environment is enough for a file that has none', async () => {
  writeFileSync(join(folder, 'nameless.yaml'), 'presence: false')
  assert.equal(
    (await load({ LATCHKEY_SERVER_NAME: 'env.org', LATCHKEY_CONFIG: 'nameless.yaml' }, [], undefined)).server_name,
    'env.org',
  )
})

test('text from outside becomes what the setting wants', async () => {
  const config = await load({
    LATCHKEY_LISTEN: '0.0.0.0:80, [::1]:8008',
    LATCHKEY_PRESENCE: 'False',
    LATCHKEY_MAX_REQUEST_SIZE: '1M',
    LATCHKEY_DEFAULT_ROOM_VERSION: '11',
    LATCHKEY_JWT_CONFIG__SUBJECT_CLAIM: 'uid',
    LATCHKEY_RATE_LIMITS__LOGIN__BURST: '7',
    LATCHKEY_WELL_KNOWN__EXTRA: '{"a":{"b":1}}',
    LATCHKEY_IDENTITY_PROVIDERS:
      '[{"id":"a","type":"jwt","secret":"s","algorithms":"HS256","issuer":"i","audiences":["x"]}]',
    LATCHKEY_DATA_DIR: 'elsewhere',
  })
  assert.deepEqual(config.listen, ['0.0.0.0:80', '[::1]:8008'])
  assert.equal(config.presence, false)
  assert.equal(config.max_request_size, 1_048_576)
  assert.equal(config.default_room_version, '11')
  assert.equal(config.jwt_config.subject_claim, 'uid')
  assert.ok(config.rate_limits !== 'off' && config.rate_limits.login !== 'off')
  assert.deepEqual(config.rate_limits.login, { per_second: 50, burst: 7 })
  assert.deepEqual(config.well_known.extra, { a: { b: 1 } })
  assert.equal(config.identity_providers[0]?.id, 'a')
  assert.equal(config.data_dir, join(folder, 'elsewhere'))
})

test('a block keeps what is not overridden', async () => {
  assert.deepEqual((await load({ LATCHKEY_LOG__LEVEL: 'debug' })).log, {
    level: 'debug',
    format: 'json',
    requests: false,
  })
  assert.equal((await load({ LATCHKEY_RATE_LIMITS: 'off' })).rate_limits, 'off')
})

test('a secret from outside replaces the file that held it, and the other way round', async () => {
  assert.equal((await load({})).registration_shared_secret, 'from-a-file')
  assert.equal((await load({ LATCHKEY_REGISTRATION_SHARED_SECRET: 'env' })).registration_shared_secret, 'env')
  assert.equal(
    (await load({ LATCHKEY_REGISTRATION_SHARED_SECRET: 'env' }, ['--registration-shared-secret-file=secret']))
      .registration_shared_secret,
    'from-a-file',
  )
})

test('faults from outside name the variable or the flag', async () => {
  assert.deepEqual(await refusal({ LATCHKEY_LISTEN: '80' }, ['--set', 'log.levle=debug', '--presence=maybe']), [
    '--set log.levle: There is no setting "log.levle". Did you mean "log.level"?',
    'LATCHKEY_LISTEN: "listen" must be a host and a port such as 127.0.0.1:8008 or [::1]:8008, not "80".' +
      ' Write 127.0.0.1:80 for this machine alone, or 0.0.0.0:80 for everybody.',
    '--presence: "presence" must be true or false, not "maybe".',
  ])
})

test('a variable that is near a setting is refused, one that is near none earns a warning', async () => {
  assert.match((await refusal({ LATCHKEY_SEVER_NAME: 'a' }))[0] ?? '', /Did you mean "LATCHKEY_SERVER_NAME"/)
  assert.match(
    (await refusal({ LATCHKEY_JWT_CONFIG_ENABLED: 'true' }))[0] ?? '',
    /Did you mean "LATCHKEY_JWT_CONFIG__ENABLED"/,
  )
  const { warnings } = await loadConfig({
    file: 'latchkey.yaml',
    cwd: folder,
    env: { LATCHKEY_SOMETHING_OF_MINE: '1', LATCHKEY_SERVICE_HOST: '10.0.0.1', LATCHKEY_PORT: 'tcp://10.0.0.1:80' },
  })
  assert.deepEqual(
    warnings.map(({ level, via }) => [level, via]),
    [['warning', 'LATCHKEY_SOMETHING_OF_MINE']],
  )
})

test('flags of the configuration are parted from those of the command', () => {
  assert.deepEqual(
    readFlags([
      '--json',
      '--config',
      'a.yaml',
      'alice',
      '--presence',
      '--query-access-token',
      'false',
      '--',
      '--listen',
    ]),
    {
      file: 'a.yaml',
      flags: [
        { name: '--presence', path: ['presence'], text: 'true' },
        { name: '--query-access-token', path: ['query_access_token'], text: 'false' },
      ],
      rest: ['--json', 'alice', '--', '--listen'],
    },
  )
  assert.throws(() => readFlags(['--listen']), UsageError)
  assert.throws(() => readFlags(['--config', '--json']), UsageError)
  assert.throws(() => readFlags(['--set', 'presence']), /--set log.level=debug/)
})
