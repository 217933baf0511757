import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-user-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const main = join(import.meta.dirname, 'main.ts')
const env = { PATH: process.env['PATH'] }
writeFileSync(
  join(folder, 'latchkey.yaml'),
  `server_name: example.org
listen: 127.0.0.1:0
rate_limits: off
identity_providers:
  - { id: corp, type: jwt, secret: ${'k'.repeat(32)}, issuer: https://c.example, audiences: chat, bearer: true }
`,
)
const latchkey = (args: string[], input = ''): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [main, 'user', ...args, '--config', 'latchkey.yaml'], {
    cwd: folder,
    encoding: 'utf8',
    input,
    env,
  })
/** The same without holding up this process, which reads what the server says. */
const ask = (args: string[], input = ''): Promise<string> =>
  new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [main, 'user', ...args, '--config', 'latchkey.yaml'],
      { cwd: folder, env },
      (_error, stdout, stderr) => resolve(stdout + stderr),
    )
    child.stdin?.end(input)
  })

const start = async (): Promise<{ server: ChildProcess; url: string }> => {
  const server = spawn(process.execPath, [main, 'start', '--config', 'latchkey.yaml'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said] = (await once(server.stdout, 'data')) as [Buffer]
  const url = /http:\/\/[^\s,]+/.exec(said.toString())?.[0]
  assert.ok(url, said.toString())
  return { server, url }
}
const login = async (url: string, user: string, password: string): Promise<number> =>
  (
    await globalThis.fetch(`${url}/_matrix/client/v3/login`, {
      method: 'POST',
      body: JSON.stringify({ type: 'm.login.password', user, password }),
    })
  ).status

test('accounts are made, listed and ended while no server runs', () => {
  const done = (args: string[], input?: string): string => {
    const { status, stdout, stderr } = latchkey(args, input)
    assert.deepEqual([status, stderr], [0, ''])
    return stdout
  }
  assert.equal(
    done(['create', 'alice', '--admin', '--display-name', 'Alice A.'], 'correct horse\n'),
    '@alice:example.org is there.\n',
  )
  assert.equal(done(['create', 'bob', '--no-password']), '@bob:example.org is there.\n')
  assert.equal(done(['deactivate', '@bob:example.org', '--erase']), '@bob:example.org is deactivated.\n')
  assert.equal(done(['list']), '@alice:example.org\tAlice A.\tadmin\n@bob:example.org\t\tdeactivated\n')
  assert.equal(done(['list', '--search', 'ali']), '@alice:example.org\tAlice A.\tadmin\n')
  const [line = ''] = done(['list', '--json']).split('\n')
  assert.equal((JSON.parse(line) as { userId: string }).userId, '@alice:example.org')
})

test('where there is no database, nothing but a new account makes one', () => {
  const empty = mkdtempSync(join(tmpdir(), 'latchkey-empty-'))
  const run = (args: string[]) =>
    spawnSync(process.execPath, [main, 'user', ...args], {
      cwd: empty,
      encoding: 'utf8',
      input: '',
      env: { ...env, LATCHKEY_SERVER_NAME: 'example.org' },
    })
  for (const args of [['list'], ['deactivate', 'alice'], ['links', 'alice']]) {
    const { status, stderr } = run(args)
    assert.equal(status, 1, stderr)
    assert.match(stderr, /There is no database at /)
  }
  assert.equal(existsSync(join(empty, 'data', 'latchkey.db')), false)
  assert.equal(run(['create', 'alice', '--no-password']).stdout, '@alice:example.org is there.\n')
  assert.equal(run(['list']).stdout, '@alice:example.org\n')
  rmSync(empty, { recursive: true })
})

test('what cannot be done is said in a sentence, and the exit code is 1', () => {
  for (const [args, input, pattern] of [
    [['create', 'alice', '--no-password'], '', /taken/],
    [['create', 'Not A Name', '--no-password'], '', /can only have/],
    [['password', 'nobody'], 'x\n', /no user "nobody"/],
    [['password', 'alice'], '', /cannot be empty/],
    [['password', 'bob'], 'x\n', /deactivated/],
    [['deactivate', '@alice:elsewhere.org'], '', /not a user of example.org/],
    [['create', 'dave'], 'short\n', /8 characters/],
    [['password', 'alice'], 'short\n', /8 characters/],
  ] as const) {
    const { status, stderr } = latchkey([...args], input)
    assert.equal(status, 1, stderr)
    assert.match(stderr, pattern)
  }
  assert.equal(latchkey(['create']).status, 2)
  assert.equal(latchkey(['list', 'alice']).status, 2)
})

test('links are made, listed, imported and taken away', () => {
  const link = ['--provider', 'corp', '--subject', '4711']
  assert.equal(latchkey(['link', 'alice', ...link]).stdout, '@alice:example.org is 4711 of corp.\n')
  const [provider, subject, by] = latchkey(['links', 'alice']).stdout.split('\t')
  assert.deepEqual([provider, subject, by], ['corp', '4711', 'operator'])
  assert.match(latchkey(['link', 'bob', ...link]).stderr, /linked to another account/)
  assert.match(
    latchkey(['link', 'alice', '--provider', 'nobody', '--subject', 'x']).stderr,
    /no identity provider "nobody"/,
  )
  writeFileSync(
    join(folder, 'links'),
    '# moved ' +
      `over\nalice\tcorp\t1\n\n${JSON.stringify({ user: '@bob:example.org', provider: 'corp', subject: 'with\ttab' })}\nnobody\tcorp\t2\nalice\tcorp\t4711\n`,
  )
  const imported = latchkey(['link', '--file', join(folder, 'links')])
  assert.deepEqual([imported.status, imported.stdout], [1, '2 linked, 1 there already, 1 refused.\n'])
  assert.match(imported.stderr, /^line 5: There is no user "nobody"/)
  assert.equal((JSON.parse(latchkey(['links', 'bob', '--json']).stdout) as { subject: string }).subject, 'with\ttab')
  assert.equal(latchkey(['unlink', 'alice', ...link]).stdout, '@alice:example.org is not 4711 of corp any more.\n')
  assert.match(latchkey(['unlink', 'alice', ...link]).stderr, /no such link/)
  writeFileSync(join(folder, 'links'), 'alice corp 1\n')
  for (const args of [
    ['link', '--file', join(folder, 'links')],
    ['link', 'alice'],
    ['link', 'alice', '--file', 'x'],
    ['unlink', 'alice', '--provider', 'corp'],
  ])
    assert.equal(latchkey(args).status, 2, args.join(' '))
})

test('while a server runs it does the work itself, and the effect is there at once', async () => {
  const { server, url } = await start()
  try {
    assert.equal(await login(url, 'alice', 'correct horse'), 200)
    assert.equal(await ask(['create', 'carol'], 'battery staple\n'), '@carol:example.org is there.\n')
    assert.equal(await login(url, 'carol', 'battery staple'), 200)
    assert.match(await ask(['create', 'carol'], 'long enough\n'), /taken/)
    assert.match(await ask(['password', 'carol'], 'another one\n'), /new password/)
    assert.equal(await login(url, 'carol', 'battery staple'), 403)
    assert.equal(await login(url, 'carol', 'another one'), 200)
    assert.match(await ask(['link', 'carol', '--provider', 'corp', '--subject', 'c']), /is c of corp/)
    assert.match(await ask(['links', 'carol']), /^corp\tc\t/)
    assert.equal(await ask(['notice', 'carol', 'Down', 'at', 'noon']), '@carol:example.org has been told.\n')
    assert.match(await ask(['notice', 'carol'], '\n'), /1 to/)
    assert.match(await ask(['deactivate', 'carol']), /is deactivated/)
    assert.equal(await login(url, 'carol', 'another one'), 403)
    assert.match(await ask(['list']), /@carol:example.org\t\tdeactivated\n/)
    assert.equal(statSync(join(folder, 'data', 'control.sock')).mode & 0o777, 0o600)
  } finally {
    server.kill('SIGTERM')
    await once(server, 'exit')
  }
  assert.match(latchkey(['list']).stdout, /carol/, 'and without it again')
})
