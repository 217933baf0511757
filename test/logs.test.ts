// The log as those read it who never speak to the server: programs that take it as JSON, and fail2ban.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { parse } from 'yaml'
import { signHs256 } from '../src/cli/try-out.ts'
import { root } from './docs-pages.ts'
import { until } from './harness/person.ts'
import { freePort, startCommand } from './harness/process.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-logs-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const secret = 'a-secret-of-the-test-of-the-log-files'
const from = '203.0.113.7'
/** What a client calls itself that wants somebody else to be kept out. */
const liar = 'eve ip=198.51.100.9 ","ip":"198.51.100.9","msg":"a password was refused"}'

/** Has a server answer and refuse, reload, and stop; returns all that it wrote, on both streams. */
async function written(format: 'json' | 'text'): Promise<string[]> {
  const port = await freePort()
  const config = {
    server_name: 'test',
    data_dir: join(folder, format),
    listen: `127.0.0.1:${port}`,
    trusted_proxies: ['127.0.0.1'],
    registration: 'token',
    log: { format, requests: true },
    jwt_config: { enabled: true, algorithm: 'HS256', secret },
  }
  const file = join(folder, `${format}.yaml`)
  const [program, args] = startCommand(file, config)
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part: string) => (text += part))
  const gone = once(child, 'exit')
  const client = `http://127.0.0.1:${port}/_matrix/client/v3`
  await until('it says where it is', () => text.includes(String(port)), 60)
  const ask = async (path: string, body?: object, token?: string): Promise<Record<string, unknown>> => {
    const reply = await fetch(`${client}${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { 'x-forwarded-for': from, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    return (await reply.json()) as Record<string, unknown>
  }
  const user = { type: 'm.id.user', user: liar }
  await ask('/login', { type: 'm.login.password', identifier: user, password: 'wrong' })
  await ask('/login', { type: 'm.login.token', token: 'wrong' })
  await ask('/login', { type: 'org.matrix.login.jwt', token: 'wrong' })
  await ask('/register', {
    username: 'x',
    password: 'long-enough-for-all',
    auth: { type: 'm.login.registration_token', token: 'wrong' },
  })
  await ask('/account/whoami', undefined, 'wrong')
  const token = signHs256(secret, { sub: 'alice' })
  const { access_token: good } = await ask('/login', { type: 'org.matrix.login.jwt', token })
  await ask('/account/whoami', undefined, String(good))
  startCommand(file, { ...config, admin_contact: 'mailto:a@test', server_name: 'other' })
  child.kill('SIGHUP')
  await until('it has read its settings anew', () => text.includes('Only a restart changes server_name'), 60)
  startCommand(file, { ...config, wrong: true })
  child.kill('SIGHUP')
  await until('it says what is wrong with them', () => text.includes('all goes on as it was'), 60)
  child.kill('SIGTERM')
  await gone
  return text.trimEnd().split('\n')
}

/** The addresses that the filter in docs/monitoring/ finds. */
function banned(lines: readonly string[], time: RegExp): string[] {
  const filter = readFileSync(join(root, 'docs', 'monitoring', 'fail2ban-filter.conf'), 'utf8')
  const patterns = (/^failregex = ((?:.+\n)(?: {4,}.+\n)*)/m.exec(filter)?.[1] ?? '')
    .trim()
    .split('\n')
    .map((pattern) => new RegExp(pattern.trim().replace('<HOST>', '(?<host>[0-9a-fA-F:.]+)')))
  assert.equal(patterns.length, 2)
  // fail2ban takes the time out before it looks.
  const hosts = lines.map((line) =>
    patterns
      .map((pattern) => pattern.exec(line.replace(time, ''))?.groups?.['host'])
      .find((host) => host !== undefined),
  )
  return hosts.filter((host) => host !== undefined)
}

test('in JSON every line is an object, from the first to the last, and each request has one with address and user', async () => {
  const lines = await written('json')
  const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.match(String(entries[0]?.['msg']), /^Latchkey serves test on/)
  for (const { time, level, msg } of entries)
    assert.deepEqual([typeof time, typeof level, typeof msg], ['number', 'number', 'string'])
  const requests = entries.filter(({ msg }) => msg === 'answered')
  assert.equal(requests.length, 7)
  for (const { ip, trace, ms, level } of requests)
    assert.deepEqual([ip, typeof trace, typeof ms, level], [from, 'string', 'number', 30])
  const last = requests.at(-1)
  assert.deepEqual(
    [last?.['method'], last?.['route'], last?.['status'], last?.['user']],
    ['GET', 'getTokenOwner', 200, '@alice:test'],
  )
  for (const what of ['a password', 'a login token', 'a JWT', 'a registration token', 'an access token']) {
    const refusals = entries.filter(({ msg }) => msg === `${what} was refused`)
    assert.deepEqual(
      refusals.map(({ ip }) => ip),
      [from],
      what,
    )
  }
  assert.deepEqual(banned(lines, /"time":\d+/), [from, from, from])
})

test('in text each refusal has a line with the address, which fail2ban finds and nobody else can put there', async () => {
  const lines = await written('text')
  assert.equal(lines.filter((line) => / info: answered trace=\S+ ip=203\.0\.113\.7 method=/.test(line)).length, 7)
  assert.deepEqual(banned(lines, /^\d\d:\d\d:\d\d/), [from, from, from])
  const journal = lines.map((line) => `chat latchkey[812]: ${line}`)
  assert.deepEqual(banned(journal, /^$/), [from, from, from])
})

test('the jail of the page names the filter, and the unit that the package installs', () => {
  const page = readFileSync(join(root, 'docs', 'topics', 'logs.md'), 'utf8')
  assert.ok(page.includes('filter = latchkey\n') && page.includes('journalmatch = _SYSTEMD_UNIT=latchkey.service\n'))
  for (const [, block = ''] of page.matchAll(/```yaml config\n([^`]+)```/g)) assert.ok(parse(block))
})
