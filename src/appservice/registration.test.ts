import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { ConfigError, formatFinding } from '../config/index.ts'
import { loadRegistrations, registrationChecks } from './registrations.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-registrations-'))
after(() => rmSync(folder, { recursive: true, force: true }))

let count = 0
const file = (text: string): string => {
  const path = join(folder, `${count++}.yaml`)
  writeFileSync(path, text)
  return path
}
const load = (...texts: string[]) =>
  loadRegistrations({ server_name: 'one.test', app_service_config_files: texts.map(file) })
/** What is said of the files, without the folder. */
const said = (...texts: string[]): string[] => {
  count = 0
  try {
    load(...texts)
    return []
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.findings.map((one) => formatFinding(one).replaceAll(`${folder}/`, ''))
  }
}

const irc = `id: irc
url: http://127.0.0.1:9999
as_token: "as-token-of-the-bridge"
hs_token: "hs-token-of-the-bridge"
sender_localpart: _irc_bot
namespaces:
  users:
    - exclusive: true
      regex: "@_irc_.*"
  aliases:
    - {exclusive: false, regex: "#_irc_.*"}
  rooms: []
rate_limited: false
protocols: [irc]
`

test('a registration is read as bridges write it', () => {
  const [irc0] = load(irc)
  assert.ok(irc0)
  const { users, aliases, rooms, ...rest } = irc0
  assert.deepEqual(rest, {
    id: 'irc',
    url: 'http://127.0.0.1:9999',
    asToken: 'as-token-of-the-bridge',
    hsToken: 'hs-token-of-the-bridge',
    senderLocalpart: '_irc_bot',
    rateLimited: false,
    protocols: ['irc'],
    ephemeralAs: [],
    encryption: false,
    withoutLogin: false,
  })
  assert.deepEqual(
    [users, aliases, rooms].map((all) => all.map((one) => one.exclusive)),
    [[true], [false], []],
  )
  const [mautrix] = load(
    `id: signal
url: http://localhost:29328/
as_token: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
hs_token: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
sender_localpart: 3kQ.x
rate_limited: false
namespaces: {users: [{regex: '^@signalbot:one\\.test$', exclusive: true}, {regex: ^@signal_.*:one\\.test$, exclusive: true}]}
de.sorunome.msc2409.push_ephemeral: true
receive_ephemeral: true
org.matrix.msc3202: true
io.element.msc4190: true
`.replace('3kQ.x', '3kq.x'),
  )
  assert.deepEqual(
    [mautrix?.url, mautrix?.ephemeralAs, mautrix?.encryption, mautrix?.withoutLogin],
    ['http://localhost:29328', ['ephemeral', 'de.sorunome.msc2409.ephemeral'], true, true],
  )
  assert.equal(load(irc.replace('http://127.0.0.1:9999', 'null'))[0]?.url, null)
})

test('what is wrong with a registration is said with its line and the way out', () => {
  const cases: Array<[from: string | RegExp, to: string, told: RegExp]> = [
    ['id: irc', '', /^0\.yaml:2: "id" is missing\. /],
    ['_irc_bot', 'Bot', /^0\.yaml:5: "sender_localpart" is no user name: "Bot"\. Use a-z/],
    ['http://127.0.0.1:9999', 'localhost:1', /^0\.yaml:2: "url" must be an address/],
    ['@_irc_.*', '@(_irc_.*', /^0\.yaml:9: "namespaces\.users\[0\]\.regex" cannot be used: A "\(" is not closed\. /],
    [
      'exclusive: true',
      'exclusive: yes please',
      /^0\.yaml:8: "namespaces\.users\[0\]\.exclusive" must be true or false\. /,
    ],
    ['"as-token-of-the-bridge"', '7', /^0\.yaml:3: "as_token" must be text\. /],
    ['protocols: [irc]', 'protocols: irc', /^0\.yaml:14: "protocols" must be a list\. /],
    ['rate_limited: false', 'rate_limited: "no"', /^0\.yaml:13: "rate_limited" must be true or false\. /],
    ['id: irc', 'id: "irc', /^0\.yaml:1: A quotation mark is not closed\. /],
    [/url.*\n/, '', /^0\.yaml:1: "url" is missing\. /],
  ]
  for (const [from, to, told] of cases) {
    const findings = said(irc.replace(from, to))
    assert.match(findings.join('\n'), told)
    assert.doesNotMatch(findings.join('\n'), /token-of-the-bridge/, 'no token is told')
  }
})

test('two services with the same id or token are refused, and so is a file that is not there', () => {
  assert.deepEqual(said(irc, irc.replace('id: irc', 'id: other')), [
    '1.yaml:3: "as_token" is that of 0.yaml, too. Each application service has its own: make this registration anew.',
    '1.yaml:4: "hs_token" is that of 0.yaml, too. Each application service has its own: make this registration anew.',
  ])
  assert.match(
    said(irc, irc.replaceAll('-of-the-bridge', '-of-the-other')).join(),
    /^1\.yaml:1: "id" is that of 0\.yaml, too/,
  )
  const [missing] = registrationChecks({
    server_name: 'one.test',
    app_service_config_files: [join(folder, 'nowhere.yaml')],
  } as unknown as Parameters<typeof registrationChecks>[0])
  assert.match(missing?.message ?? '', /nowhere\.yaml cannot be read: there is no such file/)
})

test('whatever stands in a file, it is read or refused with findings', () => {
  const value: fc.Arbitrary<unknown> = fc.oneof(
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.string(),
    fc.constant([]),
    fc.constant({}),
    fc.array(fc.record({ regex: fc.string(), exclusive: fc.boolean() })),
  )
  const keys = [
    'id',
    'url',
    'as_token',
    'hs_token',
    'sender_localpart',
    'rate_limited',
    'protocols',
    'namespaces',
    'receive_ephemeral',
  ] as const
  fc.assert(
    fc.property(
      fc.record(Object.fromEntries(keys.map((key) => [key, value])), { requiredKeys: [] }),
      (registration) => {
        count = 0
        try {
          load(JSON.stringify(registration))
        } catch (error) {
          assert.ok(error instanceof ConfigError && error.findings.length > 0)
        }
      },
    ),
  )
})
