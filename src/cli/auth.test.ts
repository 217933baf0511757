import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-auth-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const main = join(import.meta.dirname, 'main.ts')
const latchkey = (args: string[], input = ''): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [main, ...args], {
    cwd: folder,
    encoding: 'utf8',
    input,
    env: { PATH: process.env['PATH'] },
  })
const configure = (name: string, block: string): string[] => {
  writeFileSync(join(folder, name), `server_name: example.org\n${block}`)
  return ['--config', name]
}
const block = (more = ''): string =>
  `jwt_config:\n    enabled: true\n    secret: "my-secret-token"\n    algorithm: "HS256"\n${more}`
const pyJwt =
  'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0ZXN0LXVzZXIifQ.Ag71GT8v01UO3w80aqRPTeuVPBIBZkYhNTJJ-_-zQIc'

test('a good token is explained by its key, its checks and the user it signs in', () => {
  const { status, stdout } = latchkey(['auth', 'explain', pyJwt, ...configure('a.yaml', block())])
  assert.equal(status, 0)
  assert.match(stdout, /^This token signs in @test-user:example.org\n/)
  assert.match(stdout, /✓ signature +HMAC secret of 15 bytes/)
  assert.doesNotMatch(stdout, /my-secret-token/)
})

test('a refused token is explained by the check it fails and the way out, and the exit code says so', () => {
  const config = configure('b.yaml', block('    issuer: "https://id.example.org"\n'))
  const { status, stdout } = latchkey(['auth', 'explain', '-', ...config], `${pyJwt}\n`)
  assert.equal(status, 1)
  assert.match(stdout, /^This token is refused: The claim "iss" is missing\nWhat to do: Have the issuer put "iss"/)
  assert.match(stdout, /✗ issuer/)
  const json = JSON.parse(latchkey(['auth', 'explain', '--json', pyJwt, ...config]).stdout) as {
    code: string
    claims: object
  }
  assert.deepEqual([json.code, json.claims], ['issuer_missing', { sub: 'test-user' }])
  assert.match(latchkey(['auth', 'explain', 'nonsense', ...config]).stdout, /three parts/)
})

test('where no provider takes tokens, one is told how people come in', () => {
  const config = configure(
    'h.yaml',
    'public_base_url: https://m.example.org\nidentity_providers: [{ id: sso, type: cas, url: https://cas.example.org }]\n',
  )
  const { status, stderr } = latchkey(['auth', 'explain', pyJwt, ...config])
  assert.equal(status, 1)
  assert.match(
    stderr,
    /takes no tokens: people of "sso" \(cas\) come through the browser\. To take tokens too, add an entry of type jwt\./,
  )
})

test('auth sign makes a token that auth explain takes, with and without a configuration', () => {
  for (const config of [
    configure('c.yaml', block('    issuer: "i"\n    audiences: ["a"]\n    subject_claim: "name"\n')),
    [],
  ]) {
    const { status, stdout, stderr } = latchkey([
      'auth',
      'sign',
      '--sub',
      'Bob',
      '--claims',
      '{"groups":["staff"]}',
      ...config,
    ])
    assert.equal(status, 0, stderr)
    assert.match(
      latchkey(['auth', 'explain', stdout.trim(), ...config]).stdout,
      /^This token signs in @bob:[^]*"groups":\["staff"\]/,
    )
  }
  assert.ok(existsSync(join(folder, 'data', 'jwt-secret')), 'the secret of a try-out is kept for the start')
})

test('claims are named one by one or as an object, nested ones by their path, and null leaves one out', () => {
  const config = configure(
    'g.yaml',
    'identity_providers: [{ id: b, type: jwt, secret: a-secret-of-thirty-two-bytes-or-more, issuer: i, audiences: [a] }]\n',
  )
  const sign = (...args: string[]): Record<string, unknown> => {
    const { stdout, stderr } = latchkey(['auth', 'sign', ...args, ...config])
    assert.equal(stderr, '')
    return JSON.parse(Buffer.from(stdout.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
  }
  const {
    iat: _iat,
    exp: _exp,
    ...claims
  } = sign(
    '--claims',
    '{"name":"A","realm":{"id":1}}',
    '--claim',
    'name=Alice = me',
    '--claim',
    'realm.roles=["chat"]',
    '--claim',
    'ok=true',
    '--claim',
    '"https://x.y/z"=1',
  )
  assert.deepEqual(claims, {
    sub: 'alice',
    iss: 'i',
    aud: 'a',
    name: 'Alice = me',
    realm: { id: 1, roles: ['chat'] },
    ok: true,
    'https://x.y/z': 1,
  })
  assert.deepEqual(Object.keys(sign('--claim', 'aud=null', '--claim', 'exp=null')).sort(), ['iat', 'iss', 'sub'])
  for (const [wrong, fix] of [
    ['name', /write NAME=VALUE/],
    ['=x', /write NAME=VALUE/],
    ['a..b=x', /stands in quotes/],
  ] as const) {
    const { status, stderr } = latchkey(['auth', 'sign', '--claim', wrong, ...config])
    assert.equal(status, 2)
    assert.match(stderr, fix)
  }
})

test('a server that has only a public key says that it cannot sign', () => {
  const pem = generateKeyPairSync('ed25519')
    .publicKey.export({ type: 'spki', format: 'pem' })
    .trim()
    .replaceAll('\n', '\n      ')
  const { status, stderr } = latchkey([
    'auth',
    'sign',
    ...configure('d.yaml', `jwt_config:\n    enabled: true\n    algorithm: EdDSA\n    secret: |\n      ${pem}\n`),
  ])
  assert.equal(status, 1)
  assert.match(stderr, /only a public key/)
})

test('what cannot be meant is refused with a sentence', () => {
  const config = configure('e.yaml', block())
  assert.equal(latchkey(['auth', 'explain', ...config]).status, 2)
  assert.match(latchkey(['auth', 'sign', '--hours', 'x', ...config]).stderr, /--hours must be a number/)
  assert.match(latchkey(['auth', 'sign', '--provider', 'x', ...config]).stderr, /no provider "x"/)
  for (const claims of ['x', '[]', '7'])
    assert.match(latchkey(['auth', 'sign', '--claims', claims, ...config]).stderr, /--claims must be a JSON object/)
  assert.equal(latchkey(['auth', 'revoke', '--provider', 'x', ...config]).status, 2)
  assert.match(latchkey(['user', 'create', 'ann', '--no-password', ...config]).stdout, /@ann:example\.org/)
  assert.match(
    latchkey(['auth', 'revoke', '--provider', 'x', '--sid', 's', ...config]).stderr,
    /no identity provider "x"/,
  )
  assert.match(latchkey(['auth', 'sign', ...configure('f.yaml', '')]).stderr, /takes no tokens/)
})

test('a token is explained by the accounts that there are, and one that would be refused for them is refused', () => {
  const config = configure(
    'k.yaml',
    `database: "sqlite:k.db"
data_dir: k
identity_providers: [{ id: b, type: jwt, secret: a-secret-of-thirty-two-bytes-or-more, issuer: i, audiences: [a] }]
`,
  )
  const explain = (sub: string) => {
    const token = latchkey(['auth', 'sign', '--sub', sub, ...config]).stdout.trim()
    return latchkey(['auth', 'explain', token, ...config])
  }
  assert.doesNotMatch(explain('carol').stdout, /account/, 'nobody looks where nothing is')
  assert.ok(!existsSync(join(folder, 'k.db')), 'and nothing is made by looking')
  assert.equal(latchkey(['user', 'create', 'carol', ...config], 'correct horse battery staple\n').status, 0)
  assert.match(explain('dave').stdout, /^This token signs in @dave[^]*✓ account +@dave:example.org. A new one is made/)
  const { status, stdout } = explain('carol')
  assert.equal(status, 1)
  assert.match(stdout, /^This token is refused: The name that you would have here belongs to another account\n/)
  assert.match(stdout, /What to do: .*latchkey user link carol --provider b --subject 'carol'/)
  assert.match(stdout, /✗ account/)
  assert.equal(latchkey(['user', 'link', 'carol', '--provider', 'b', '--subject', 'carol', ...config]).status, 0)
  assert.match(explain('carol').stdout, /✓ account +@carol:example.org. The one that this subject is linked to/)
})
