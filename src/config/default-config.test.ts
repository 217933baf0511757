import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { describe } from './describe.ts'
import { ConfigError } from './finding.ts'
import { defaultConfig } from './load.ts'

test('a program gives any part of a configuration, and may give durations and sizes as numbers', () => {
  const config = defaultConfig({
    server_name: 'a.org',
    listen: '127.0.0.1:0',
    database: 'sqlite::memory:',
    access_token_lifetime: 5000,
    max_request_size: '1M',
    rate_limits: 'off',
    jwt_config: { enabled: true, secret: 'x', algorithm: 'HS256' },
    registration_shared_secret: undefined,
  })
  assert.deepEqual(config.listen, ['127.0.0.1:0'])
  assert.equal(config.database, 'sqlite::memory:')
  assert.equal(config.access_token_lifetime, 5000)
  assert.equal(config.max_request_size, 1_048_576)
  assert.equal(config.rate_limits, 'off')
  assert.equal(config.jwt_config.subject_claim, 'sub')
  assert.equal(defaultConfig().server_name, 'localhost')
})

test('a whole configuration comes back equal', () => {
  const config = defaultConfig({
    server_name: 'a.org',
    jwt_config: { enabled: true, secret: 'x', algorithm: 'HS256', audiences: 'y' },
    access_token_lifetime: 'off',
    rate_limits: { message: 'off' },
    registration: 'token',
    registration_tokens: ['a', 'b'],
    well_known: { extra: { a: [1, null] } },
    identity_providers: [{ id: 'a', type: 'jwt', secret: 's', algorithms: 'HS256', issuer: 'i', audiences: 'x' }],
  })
  assert.deepEqual(defaultConfig(config), config)
  assert.deepEqual(defaultConfig({ ...config, presence: false }), { ...config, presence: false })
})

test('what is wrong is refused as in a file', () => {
  assert.throws(
    // @ts-expect-error: a program in JavaScript may write anything
    () => defaultConfig({ sever_name: 'a.org', presence: 'yes' }),
    (error) =>
      error instanceof ConfigError &&
      error.message.startsWith('"sever_name" is not a setting. Did you mean "server_name"?\n"presence" must be'),
  )
  // @ts-expect-error: as above
  assert.throws(() => defaultConfig('a.org'), ConfigError)
  assert.throws(() => defaultConfig({ registration_shared_secret_file: '/nowhere' }), /cannot be read/)
})

test('a description shows everything but the secrets', () => {
  const config = defaultConfig({
    server_name: 'a.org',
    database: 'postgres://u:geheim@h/d',
    registration_shared_secret: 'geheim',
    registration: 'token',
    registration_tokens: ['geheim'],
    jwt_config: { enabled: true, secret: 'geheim', algorithm: 'HS256' },
    identity_providers: [
      {
        id: 'a',
        type: 'jwt',
        secret: ['geheim', 'geheim'],
        jwks: 'geheim',
        algorithms: ['HS256'],
        issuer: 'i',
        audiences: ['x'],
      },
    ],
  })
  const described = describe(config)
  assert.doesNotMatch(inspect(described, { depth: 9 }), /geheim/)
  assert.deepEqual(described.jwt_config, {
    enabled: true,
    secret: '(hidden)',
    algorithm: 'HS256',
    subject_claim: 'sub',
  })
  assert.deepEqual(described.registration_tokens, ['(hidden)'])
  assert.equal(described.database, 'postgres://u:hidden@h/d')
  assert.deepEqual(Object.keys(described), Object.keys(config))
})
