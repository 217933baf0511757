import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from './finding.ts'
import { defaultConfig } from './load.ts'
import { federates } from './schema-federation.ts'

test('federation is on where others could find the server by its name, unless the settings say otherwise', () => {
  for (const name of ['example.org', 'matrix.example.org:8448', '203.0.113.7'])
    assert.equal(federates(defaultConfig({ server_name: name })), true, name)
  for (const name of ['localhost', 'hs1', 'hs1.test', 'chat.local', '10.0.0.1', '127.0.0.1:8448', '[::1]:8448'])
    assert.equal(federates(defaultConfig({ server_name: name })), false, name)
  assert.equal(federates(defaultConfig({ server_name: 'hs1.test', federation: { enabled: true } })), true)
  assert.equal(federates(defaultConfig({ server_name: 'example.org', federation: { enabled: false } })), false)
})

test('settings of federation that cannot work are refused with a way out', () => {
  const refused = (input: Parameters<typeof defaultConfig>[0], pattern: RegExp): void =>
    assert.throws(
      () => defaultConfig(input),
      (error) => error instanceof ConfigError && pattern.test(error.message),
    )
  refused({ federation: { enabled: true } }, /"localhost" is the name of every machine/)
  refused({ federation: { hosts: { 'hs2.test': 'nowhere' } } }, /"hs2.test" that does not say where/)
  refused({ federation: { deny_domains: ['https://a.org'] } }, /Leave out "https:\/\/"/)
  refused({ listen: '0.0.0.0:8448 tls' }, /"tls.certificate_file" is missing/)
})
