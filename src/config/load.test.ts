import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ConfigError, type Finding, formatFinding } from './finding.ts'
import { loadConfig, type Loaded, type LoadOptions } from './load.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-config-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const load = (yaml: string, options: Partial<LoadOptions> = {}): Promise<Loaded> => {
  writeFileSync(join(folder, 'latchkey.yaml'), yaml)
  return loadConfig({ file: 'latchkey.yaml', env: {}, cwd: folder, ...options })
}

const errorsOf = async (yaml: string, options: Partial<LoadOptions> = {}): Promise<readonly Finding[]> => {
  try {
    await load(yaml, options)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.findings
  }
  return assert.fail('the configuration was taken')
}

/** What is said of a file, with a server name behind it so that this is not what is missing. */
const saidOf = async (yaml: string): Promise<string[]> =>
  (await errorsOf(`${yaml}\nserver_name: a.org\n`)).map(formatFinding)

test('a file with a name alone has every default', async () => {
  const { config, warnings } = await load('server_name: example.org')
  assert.deepEqual(warnings, [])
  assert.equal(config.server_name, 'example.org')
  assert.deepEqual(config.listen, ['127.0.0.1:8008'])
  assert.equal(config.data_dir, join(folder, 'data'))
  assert.equal(config.database, `sqlite:${join(folder, 'data', 'latchkey.db')}`)
  assert.equal(config.signing_key_file, join(folder, 'data', 'signing.key'))
  assert.equal(config.access_token_lifetime, 3_600_000)
  assert.deepEqual(config.jwt_config, { enabled: false, subject_claim: 'sub' })
  assert.equal(config.registration_shared_secret, undefined)
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.jwt_config))
})

test('the block that operators paste from their present homeserver works unchanged', async () => {
  const { config, warnings } = await load(`
server_name: example.org
jwt_config:
    enabled: true
    secret: "my-secret-token"
    algorithm: "HS256"
    subject_claim: "sub"
    display_name_claim: "display_name"
    issuer: "provided-by-your-issuer"
    audiences:
        - "provided-by-your-issuer"
`)
  assert.deepEqual(warnings, [])
  assert.deepEqual(config.jwt_config, {
    enabled: true,
    secret: 'my-secret-token',
    algorithm: 'HS256',
    subject_claim: 'sub',
    display_name_claim: 'display_name',
    issuer: 'provided-by-your-issuer',
    audiences: ['provided-by-your-issuer'],
  })
})

test('an unknown setting is refused with its line and the nearest name', async () => {
  assert.deepEqual(await errorsOf('\n\nserver_name: a.org\nsever_name: b.org'), [
    {
      level: 'error',
      key: 'sever_name',
      message: '"sever_name" is not a setting.',
      fix: 'Did you mean "server_name"?',
      file: 'latchkey.yaml',
      line: 4,
      column: 1,
    },
  ])
  assert.deepEqual(await saidOf('jwt_config:\n  secert: x'), [
    'latchkey.yaml:2: "jwt_config.secert" is not a setting. Did you mean "jwt_config.secret"?',
  ])
})

test('a setting that lost or gained its indentation is sent to its place', async () => {
  assert.deepEqual(await saidOf('jwt_config:\nsubject_claim: x'), [
    'latchkey.yaml:2: "subject_claim" is not a setting. "subject_claim" is part of "jwt_config": indent it below "jwt_config:".',
  ])
  assert.match(
    (await saidOf('log:\n  presence: true'))[0] ?? '',
    /"presence" is not part of "log": write it at the start of a line/,
  )
})

test('a name from another homeserver is translated', async () => {
  assert.match((await saidOf('enable_registration: true'))[0] ?? '', /Write registration: open, closed or token/)
})

test('all faults are told at once, in the order of the lines', async () => {
  const findings = await errorsOf(
    'listen: 8008\nregistration: opne\njwt_config:\n  enabled: "yes"\n  algorithm: HS255\nmax_request_size: big',
  )
  assert.deepEqual(
    findings.map(({ key, line }) => [key, line]),
    [
      ['server_name', 1],
      ['listen', 1],
      ['registration', 2],
      ['jwt_config.enabled', 4],
      ['jwt_config.algorithm', 5],
      ['max_request_size', 6],
    ],
  )
})

test('a wrong value is answered with what is expected and how to write it', async () => {
  const said: readonly (readonly [yaml: string, sentence: string])[] = [
    ['presence: "yes"', 'latchkey.yaml:1: "presence" must be true or false, not "yes". Write true, without quotes.'],
    ['presence: off', 'latchkey.yaml:1: "presence" must be true or false, not "off". Write false, without quotes.'],
    [
      'registration: opne',
      'latchkey.yaml:1: "registration" must be closed, open or token, not "opne". Did you mean "open"?',
    ],
    [
      'access_token_lifetime: 300',
      'latchkey.yaml:1: "access_token_lifetime" must be a time with its unit, such as 30s, 5m, 1h or 7d, or off, not 300.' +
        ' Add the unit: 300s are seconds, 300m minutes.',
    ],
    [
      'listen: 8008',
      'latchkey.yaml:1: "listen" must be a host and a port such as 127.0.0.1:8008 or [::1]:8008, not 8008.' +
        ' Write 127.0.0.1:8008 for this machine alone, or 0.0.0.0:8008 for everybody.',
    ],
    [
      'rate_limits: false',
      'latchkey.yaml:1: "rate_limits" must be a block with login, failed_login, registration, message, session, heavy, federation and default,' +
        ' or off, not false. Write off.',
    ],
    [
      'trusted_proxies: [10.0.0.0/8, nginx]',
      'latchkey.yaml:1: "trusted_proxies[1]" must be an address or a range such as 127.0.0.1 or 10.0.0.0/8,' +
        ' not "nginx".',
    ],
    [
      'default_room_version: 13',
      'latchkey.yaml:1: "default_room_version" must be 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 or 12, not 13.',
    ],
    [
      'admin_contact: ""',
      'latchkey.yaml:1: "admin_contact" must be a mail address or a Matrix ID, such as admin@example.org or @admin:example.org' +
        ' that is not empty, not "". Take the line out to leave it unset.',
    ],
    ['well_known:\n  extra: []', 'latchkey.yaml:2: "well_known.extra" must be an object, not a list.'],
  ]
  for (const [yaml, sentence] of said) assert.deepEqual((await saidOf(yaml))[0], sentence)
})

test('faults in the grammar are told in plain words, with line and column', async () => {
  const faults: readonly (readonly [yaml: string, line: number, message: RegExp])[] = [
    ['server_name: a.org\n\tlisten: b', 2, /indent|tab/i],
    ['server_name: "a.org\nlisten: b', 1, /quotation mark is not closed/],
    ['server_name: a.org\nserver_name: b.org', 2, /twice/],
    ['server_name: a: b', 1, /two colons/],
    ['just words', 1, /not a configuration/],
    ['server_name: a.org\n---\nlisten: b', 2, /second document/],
    ['server_name: *anchor', 1, /Put the value in quotes/],
    ['- a\n- b', 1, /not a configuration/],
    ['listen: [a', 1, /bracket/],
  ]
  for (const [yaml, line, message] of faults) {
    const [first] = await errorsOf(yaml)
    assert.equal(first?.line, line, yaml)
    assert.ok((first?.column ?? 0) > 0)
    assert.match(`${first?.message} ${first?.fix}`, message, yaml)
  }
})

test('a file that refers to itself, or swells, is refused', async () => {
  await errorsOf('listen: &a [*a]')
  const bomb = Array.from(
    { length: 30 },
    (_, level) =>
      `x${level}: &x${level} [${
        level === 0
          ? '1'
          : Array(9)
              .fill(`*x${level - 1}`)
              .join(', ')
      }]`,
  )
  assert.match((await errorsOf(bomb.join('\n')))[0]?.message ?? '', /too large/)
})

test('a missing file, a folder and an empty file are told apart', async () => {
  const said = async (file: string): Promise<string> => {
    const error = await loadConfig({ file, env: {}, cwd: folder }).catch((thrown: unknown) => thrown)
    return error instanceof ConfigError ? error.message : assert.fail('it was taken')
  }
  assert.match(
    await said('nowhere.yaml'),
    /^nowhere.yaml: The file cannot be read: there is no such file.*config example/,
  )
  assert.match(await said('.'), /it is a folder/)
  assert.deepEqual(
    (await errorsOf('# nothing yet\n')).map(({ key }) => key),
    ['server_name'],
  )
})

test('without a file the defaults are those of a try-out', async () => {
  const { config, file } = await loadConfig({ env: {}, cwd: folder })
  assert.equal(config.server_name, 'localhost')
  assert.equal(config.data_dir, join(folder, 'data'))
  assert.equal(file, undefined)
})

test('a name with nothing behind it counts as not set', async () => {
  const { config } = await load('server_name: a.org\njwt_config:\nrate_limits:\npublic_base_url:\n')
  assert.equal(config.jwt_config.enabled, false)
  assert.notEqual(config.rate_limits, 'off')
})

test('secrets come from files, without the line break at their end', async () => {
  writeFileSync(join(folder, 'secret'), 'geheim \r\n')
  writeFileSync(join(folder, 'tokens'), 'one\n\ntwo\n')
  writeFileSync(join(folder, 'database'), 'postgres://u:geheim@h/d\n')
  const { config } = await load(`server_name: a.org
registration: token
registration_tokens_file: tokens
registration_shared_secret_file: ./secret
database_file: database
jwt_config: { enabled: true, algorithm: HS256, secret_file: ${join(folder, 'secret')} }`)
  assert.equal(config.registration_shared_secret, 'geheim ')
  assert.equal(config.jwt_config.secret, 'geheim ')
  assert.deepEqual(config.registration_tokens, ['one', 'two'])
  assert.equal(config.database, 'postgres://u:geheim@h/d')
  assert.ok(!('registration_shared_secret_file' in config))
})

test('a secret that is there twice, or whose file is missing or empty, is refused', async () => {
  writeFileSync(join(folder, 'empty'), '\n')
  assert.match(
    (await saidOf('registration_shared_secret: a\nregistration_shared_secret_file: secret'))[0] ?? '',
    /:2: .* are both set\./,
  )
  assert.match(
    (await saidOf('registration_shared_secret_file: nowhere'))[0] ?? '',
    /nowhere cannot be read: there is no such file/,
  )
  assert.match((await saidOf('registration_shared_secret_file: empty'))[0] ?? '', /not empty/)
})

test('no finding repeats a secret', async () => {
  const findings = await errorsOf(`
registration_shared_secret: [geheim]
registration: token
registration_tokens: ["geheim!"]
database: postgress://u:geheim@h/d
jwt_config: { enabled: true, secret: 1234567, algorithm: HS256 }
identity_providers: [{ id: a, type: jwt, secret: [7654321], algorithms: HS256, issuer: b, audiences: c }]`)
  assert.equal(findings.length, 6)
  assert.doesNotMatch(JSON.stringify(findings), /geheim|1234567|7654321/)
  const [broken] = await errorsOf('jwt_config:\n  secret: "geheim\n  a: b')
  assert.doesNotMatch(JSON.stringify(broken), /geheim/)
})

test('a key set that was pasted without quotes is taken as its text', async () => {
  const { config } = await load(
    'server_name: a.org\njwt_config:\n  enabled: true\n  algorithm: EdDSA\n  secret: {"kty":"OKP","crv":"Ed25519","x":"abc"}',
  )
  assert.equal(config.jwt_config.secret, '{"kty":"OKP","crv":"Ed25519","x":"abc"}')
})

test('sign-in by token that is enabled must be whole', async () => {
  assert.deepEqual(await saidOf('jwt_config:\n  enabled: true'), [
    'latchkey.yaml:1: "jwt_config.secret" is missing. Name the shared secret or the public key that tokens are verified with.',
    'latchkey.yaml:1: "jwt_config.algorithm" is missing. Name the algorithm that tokens are signed with, such as HS256.',
  ])
  assert.match((await saidOf('jwt_config:\n  audiences: []'))[0] ?? '', /is an empty list/)
})

test('what is filled in without effect is a warning', async () => {
  const { warnings } = await load(
    'server_name: a.org\nregistration_tokens: [one]\njwt_config:\n  secret: x\n  enabled: false',
  )
  assert.deepEqual(
    warnings.map(({ level, key, line }) => [level, key, line]),
    [
      ['warning', 'registration_tokens', 2],
      ['warning', 'jwt_config.enabled', 5],
    ],
  )
})

test('identity providers are told apart by type', async () => {
  const jwt = '{ id: a, type: jwt, secret: x, algorithms: [HS256], issuer: b, audiences: c }'
  const { config } = await load(`server_name: a.org\nidentity_providers:\n  - ${jwt}`)
  const [provider] = config.identity_providers
  assert.ok(provider?.type === 'jwt')
  assert.deepEqual(
    [
      provider.id,
      provider.secret,
      provider.algorithms,
      provider.issuer,
      provider.audiences,
      provider.subject_claim,
      provider.mapping.display_name,
      provider.taken,
    ],
    ['a', ['x'], ['HS256'], 'b', ['c'], 'sub', ['{name}'], 'refuse'],
  )
  assert.match(
    (await saidOf('identity_providers:\n  - id: a\n    type: magic'))[0] ?? '',
    /"identity_providers\[0\].type" must be jwt, oidc, saml, cas or ldap, not "magic"/,
  )
  assert.match(
    (await saidOf('identity_providers:\n  - id: a'))[0] ?? '',
    /:2: "identity_providers\[0\].type" is missing/,
  )
  assert.match(
    (await saidOf(`identity_providers: ${jwt}`))[0] ?? '',
    /must be a list of blocks, not a block. Begin each block with "- "/,
  )
  assert.deepEqual(
    (await saidOf(`identity_providers:\n  - ${jwt}\n  - ${jwt}`)).map((text) => text.split(' ').slice(0, 2).join(' ')),
    ['latchkey.yaml:3: "identity_providers[1].id"', 'latchkey.yaml:3: "identity_providers[1].issuer"'],
  )
  assert.match(
    (await saidOf('identity_providers:\n  - { id: a, type: jwt, algorithms: HS256, issuer: b, audiences: c }'))[0] ??
      '',
    /has no key/,
  )
  const oidc = (more: string): Promise<string[]> =>
    saidOf(`identity_providers:\n  - { id: a, type: oidc, issuer: 'http://idp.test', client_id: c${more} }`)
  assert.match((await oidc(''))[0] ?? '', /"public_base_url" does not say where back is/)
  assert.match((await oidc(', scopes: profile')).join('\n'), /is without "openid"/)
})

test('checks of other folders get their lines, and say nothing twice', async () => {
  const check = (): Finding[] => [
    { level: 'error', key: 'jwt_config.secret', message: 'The secret is weak', fix: 'Make a longer one' },
    { level: 'warning', key: 'jwt_config.secret', message: 'It is old too', fix: 'Make a new one' },
    { level: 'warning', key: 'jwt_config.algorithm', message: 'Hm', fix: 'Choose' },
  ]
  const yaml = 'server_name: a.org\njwt_config:\n  enabled: true\n  algorithm: HS256\n  secret: x'
  assert.deepEqual((await errorsOf(yaml, { checks: [check] })).map(formatFinding), [
    'latchkey.yaml:4: warning: Hm. Choose.',
    'latchkey.yaml:5: The secret is weak. Make a longer one.',
    'latchkey.yaml:5: warning: It is old too. Make a new one.',
  ])
  const missing = await errorsOf('server_name: a.org\njwt_config:\n  enabled: true', { checks: [check] })
  assert.deepEqual(
    missing.map(({ key }) => key),
    ['jwt_config.secret', 'jwt_config.algorithm'],
  )
})

test('an unknown setting hides no other fault, and what is misspelt is not called missing too', async () => {
  const findings = await errorsOf('sever_name: a.org\njwt_config:\n  enabled: true\n  secert: x')
  assert.deepEqual(
    findings.map(({ key }) => key),
    ['sever_name', 'jwt_config.algorithm', 'jwt_config.secert'],
  )
})

test('names and values of another shape are sent to the right one', async () => {
  assert.match((await saidOf('log_level: debug'))[0] ?? '', /Did you mean "level" below "log:"\?/)
  assert.match((await saidOf('database:\n  name: psycopg2'))[0] ?? '', /Write one value behind "database:"/)
  assert.match((await saidOf('database: postgres://u:a#b@h/d'))[0] ?? '', /percent-encoded/)
  assert.match((await saidOf('database: latchkey.db'))[0] ?? '', /Write sqlite: in front/)
})
