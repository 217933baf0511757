import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { type ConfigInput, defaultConfig } from '../../config/index.ts'
import { policiesOf } from '../../identity/index.ts'
import { inWorld, refusal } from '../../../test/harness/login-world.ts'
import { DirectoryError } from './connection.ts'
import { createDirectory } from './directory.ts'
import { type LdapConfig, ldapChecks } from './settings.ts'

type Entry = Extract<NonNullable<ConfigInput['identity_providers']>, readonly unknown[]>[number] & { type: 'ldap' }
const search: Entry = {
  id: 'corp',
  type: 'ldap',
  urls: 'ldaps://ldap.example.org',
  bind_dn: 'cn=latchkey,dc=org',
  bind_password: 'x',
  base: 'dc=org',
}
const checks = (entry: Entry): string[] =>
  ldapChecks(defaultConfig({ identity_providers: [entry] })).map(
    ({ level, key }) => `${level} ${key.replace('identity_providers[0].', '')}`,
  )

test('settings that would let the wrong people in, or nobody, are refused with the reason', () => {
  const { bind_password: _, ...unarmed } = search
  const cases: [Entry, string[]][] = [
    [search, []],
    [unarmed, ['error bind_password']],
    [{ id: 'corp', type: 'ldap', urls: 'ldaps://x', base: 'dc=org' }, ['error identity_providers[0]']],
    [
      { id: 'corp', type: 'ldap', urls: 'ldaps://x', bind_password: 'x', base: 'dc=org' },
      ['error bind_dn', 'error identity_providers[0]'],
    ],
    [{ id: 'corp', type: 'ldap', urls: 'ldaps://x', user_dn: 'uid={username},dc=org' }, ['warning when_gone']],
    [{ id: 'corp', type: 'ldap', urls: 'ldaps://x', user_dn: 'uid={username},dc=org', when_gone: 'keep' }, []],
    [{ ...search, urls: 'ldap://ldap.example.org', start_tls: false }, ['warning start_tls']],
    [{ ...search, urls: 'ldap://localhost', start_tls: false }, []],
    [{ ...search, ca: 'no certificate' }, ['error ca[0]']],
    [{ ...search, filter: '(&(uid=x)' }, ['error filter']],
    [{ ...search, filter: '(uid={username})' }, ['error filter']],
    [{ ...search, group_filter: '(member={dn})' }, ['error group_base']],
    [{ ...search, group_base: 'ou=g,dc=org', group_filter: '(cn=*)' }, ['error group_filter']],
    [{ ...search, groups: { rooms: [{ group: 'a', room: '#a:b' }] } }, ['error group_base']],
    [{ ...search, groups: { claim: 'memberOf', rooms: [{ group: 'cn=a,dc=org', room: '#a:b' }] } }, []],
  ]
  for (const [entry, findings] of cases) assert.deepEqual(checks(entry), findings, JSON.stringify(entry))
})

const directoryOf = (entry: Entry) => {
  const config = defaultConfig({ identity_providers: [entry] })
  const policy = policiesOf(config).policies.get('corp')
  assert.ok(policy)
  return createDirectory(config.identity_providers[0] as LdapConfig, policy, () => 0)
}

test('without a password, or without a name, no directory is even connected to', async () => {
  let connections = 0
  const server = createServer(() => {
    connections++
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  for (const entry of [
    { ...search, urls: `ldap://127.0.0.1:${port}` },
    { id: 'corp', type: 'ldap', urls: `ldap://127.0.0.1:${port}`, user_dn: 'uid={username},dc=org' } as const,
  ]) {
    const directory = directoryOf(entry)
    for (const [username, password] of [
      ['ann', ''],
      ['ann', '\0'],
      ['ann', 'secret\0'],
      ['ann', 'x'.repeat(1025)],
      ['', 'secret'],
      [' ', 'secret'],
      ['a\0', 'secret'],
      ['\ud800', 'secret'],
      ['x'.repeat(256), 'secret'],
    ] as const) {
      const { person, refused } = await directory.verify({ username }, password)
      assert.equal(person, undefined)
      assert.ok(refused)
    }
  }
  assert.equal(connections, 0)
  server.close()
})

test('a server that says nothing is given up in time, and then the next is asked', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  const rude = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1')
  await Promise.all([silent, rude].map((server) => new Promise((resolve) => server.once('listening', resolve))))
  const urls = [silent, rude].map((server) => `ldap://127.0.0.1:${(server.address() as { port: number }).port}`)
  for (const start_tls of [true, false]) {
    const start = performance.now()
    await assert.rejects(
      directoryOf({ ...search, urls, timeout: 300, start_tls }).verify({ username: 'ann' }, 'secret'),
      (error: Error) => {
        assert.ok(error instanceof DirectoryError)
        for (const url of urls) assert.ok(error.message.includes(url), error.message)
        return true
      },
    )
    assert.ok(performance.now() - start < 3000)
  }
  silent.close()
  rude.close()
})

const gone = 'ldap://127.0.0.1:1'
inWorld(
  'while a directory cannot be asked, people with a password of their own come in, and others are told to come again',
  {
    registration: 'open',
    identity_providers: [{ ...search, urls: gone, timeout: 500 }],
  },
  async (world) => {
    await world.post('/register', { username: 'sam', password: 'correct horse', auth: { type: 'm.login.dummy' } })
    const login = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'sam' } }
    assert.equal((await world.post('/login', { ...login, password: 'correct horse' }))['user_id'], '@sam:one.test')
    // The harness takes no 503, which is what this is.
    await assert.rejects(world.ask('POST', '/login', { ...login, password: 'wrong' }), /503/)
    assert.equal(
      refusal(await world.ask('POST', '/login', { ...login, password: '' })),
      '403 M_FORBIDDEN Wrong user name or password',
    )
    assert.ok(
      world.said.some(({ details }) => details['code'] === 'directory_unreachable' && details['provider'] === 'corp'),
    )
    assert.ok(!JSON.stringify(world.said).includes('wrong'))
  },
)

inWorld(
  'with a directory there is sign-in by password, even where no password is kept here',
  {
    password_login: false,
    identity_providers: [{ ...search, urls: gone }],
  },
  async (world) => {
    const flows = (await world.ask('GET', '/login')).body['flows'] as { type: string }[]
    assert.ok(flows.some(({ type }) => type === 'm.login.password'))
  },
)
