import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-cli-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const main = join(import.meta.dirname, 'main.ts')

const latchkey = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [main, ...args], { cwd: folder, encoding: 'utf8', env: { PATH: process.env.PATH } })

test('help lists the commands, and each command explains itself', () => {
  for (const args of [[], ['--help'], ['help']]) {
    const { status, stdout } = latchkey(...args)
    assert.equal(status, 0)
    assert.match(stdout, /latchkey config check +say whether/)
  }
  const { status, stdout } = latchkey('config', 'check', '--help')
  assert.equal(status, 0)
  assert.match(stdout, /--config FILE/)
  assert.match(latchkey('--version').stdout, /^\d+\.\d+\.\d+\n$/)
})

test('an unknown command is refused with the nearest one', () => {
  const { status, stdout, stderr } = latchkey('config', 'chekc')
  assert.equal(status, 2)
  assert.equal(stdout, '')
  assert.match(stderr, /^"config chekc" is not a command. Did you mean "config check"\?/)
  assert.match(latchkey('config').stderr, /wants a second word:\n\n {2}latchkey config check/)
})

test('an unknown flag is refused with the nearest one', () => {
  const { status, stderr } = latchkey('config', 'check', '--confg', 'x')
  assert.equal(status, 2)
  assert.match(
    stderr,
    /^"--confg" is not a flag. Did you mean "--config"\?\n"latchkey config check --help" explains the command.\n$/,
  )
  assert.equal(latchkey('config', 'example', '--nonsense').status, 2)
  for (const command of [['config', 'check'], ['start']]) {
    assert.match(latchkey(...command, 'x.yaml').stderr, /write --config x.yaml/)
    assert.match(latchkey(...command, '--lisen', '1').stderr, /Did you mean "--listen"\?/)
  }
  assert.match(latchkey('auth', 'sign', '--sbu', 'alice').stderr, /^"--sbu" is not a flag. Did you mean "--sub"\?/)
})

test('config check says what it understood', () => {
  writeFileSync(join(folder, 'good.yaml'), 'server_name: example.org\nregistration_tokens: [geheim]\n')
  const { status, stdout } = latchkey('config', 'check', '--config', 'good.yaml', '--listen', '[::1]:1')
  assert.equal(status, 0)
  assert.match(
    stdout,
    /^good.yaml:2: warning: "registration_tokens" has no effect. Write registration: token.\n\nok: good.yaml\n/,
  )
  assert.match(stdout, /server name +example.org\n/)
  assert.match(stdout, /listen +\[::1\]:1\n/)
  assert.doesNotMatch(stdout, /geheim/)
})

test('config check lists every fault and fails', () => {
  writeFileSync(join(folder, 'bad.yaml'), 'sever_name: example.org\npresence: "yes"\n')
  const { status, stdout } = latchkey('config', 'check', '--config', 'bad.yaml')
  assert.equal(status, 1)
  assert.equal(
    stdout,
    `bad.yaml:1: "sever_name" is not a setting. Did you mean "server_name"?
bad.yaml:2: "presence" must be true or false, not "yes". Write true, without quotes.

2 errors: the server would not start.
`,
  )
})

test('config check speaks JSON to programs', () => {
  const bad = latchkey('config', 'check', '--config', 'bad.yaml', '--json')
  assert.equal(bad.status, 1)
  const { ok, findings } = JSON.parse(bad.stdout) as {
    ok: boolean
    findings: { key: string; line: number; column: number }[]
  }
  assert.equal(ok, false)
  assert.deepEqual(
    findings.map(({ key, line, column }) => [key, line, column]),
    [
      ['sever_name', 1, 1],
      ['presence', 2, 11],
    ],
  )
  const good = latchkey('config', 'check', '--json', '--registration-shared-secret', 'geheim')
  assert.equal(good.status, 0)
  assert.match(good.stdout, /"registration_shared_secret": "\(hidden\)"/)
  assert.doesNotMatch(good.stdout, /geheim/)
})

test('config example prints what config check takes', () => {
  writeFileSync(join(folder, 'example.yaml'), latchkey('config', 'example').stdout)
  assert.equal(latchkey('config', 'check', '--config', 'example.yaml').status, 0)
})

test('config check warns of a short secret, and refuses a public key under an HMAC algorithm', () => {
  const block = (secret: string): string =>
    `server_name: example.org\njwt_config:\n  enabled: true\n  algorithm: HS256\n  secret: ${secret}\n`
  writeFileSync(join(folder, 'weak.yaml'), block('my-secret-token'))
  const weak = latchkey('config', 'check', '--config', 'weak.yaml')
  assert.equal(weak.status, 0)
  assert.match(weak.stdout, /^weak.yaml:5: warning: .*RFC 7518/)
  const pem = 'MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE='
  writeFileSync(
    join(folder, 'confused.yaml'),
    block(`|\n    -----BEGIN PUBLIC KEY-----\n    ${pem}\n    -----END PUBLIC KEY-----`),
  )
  const confused = latchkey('config', 'check', '--config', 'confused.yaml')
  assert.equal(confused.status, 1)
  assert.match(confused.stdout, /^confused.yaml:5: .*public key, under an HMAC algorithm/)
})
