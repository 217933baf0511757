// Starting and stopping as an operator does it: files, signals, and what is said of a start that cannot be.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { jwtConfig } from './harness/jwt.ts'
import { freePort, startCommand, startProcess } from './harness/process.ts'

const root = join(import.meta.dirname, '..')
const main = join(root, 'src', 'cli', 'main.ts')
const folder = mkdtempSync(join(tmpdir(), 'latchkey-start-'))
after(() => rmSync(folder, { recursive: true }))

const configOf = (port: number, dataDir: string) => ({
  server_name: 'start.test',
  listen: `127.0.0.1:${port}`,
  data_dir: dataDir,
  jwt_config: jwtConfig,
  log: { level: 'error' },
})

const command = (...args: string[]): { status: number | null; said: string } => {
  // Whatever the umask lets through: what is made is for this account alone.
  const { status, stdout, stderr } = spawnSync('sh', [
    '-c',
    'umask 0; exec "$@"',
    'sh',
    process.execPath,
    main,
    ...args,
  ])
  return { status, said: stdout.toString() + stderr.toString() }
}

const answers = async (url: string): Promise<boolean> =>
  (await fetch(`${url}/_matrix/client/versions`).catch(() => undefined))?.ok ?? false

/** Everything in a folder that others may look at. */
const openToOthers = (path: string): string[] => {
  const { mode } = statSync(path)
  const inside = statSync(path).isDirectory() ? readdirSync(path).flatMap((name) => openToOthers(join(path, name))) : []
  return (mode & 0o077) === 0 ? inside : [path, ...inside]
}

test('what a first command or a first start makes is for this account alone; SIGHUP ends nothing', async () => {
  const [dataDir, file, port] = [join(folder, 'a', 'data'), join(folder, 'a.json'), await freePort()]
  const start = startCommand(file, configOf(port, dataDir))
  assert.equal(command('user', 'create', 'ann', '--no-password', '--config', file).status, 0)
  assert.deepEqual(openToOthers(join(folder, 'a')), [])
  const url = `http://127.0.0.1:${port}`
  const server = await startProcess(url, start)
  for (let count = 0; count < 3; count++) {
    server.child.kill('SIGHUP')
    await sleep(50)
  }
  assert.ok(await answers(url))
  assert.deepEqual(openToOthers(join(folder, 'a')), [])
  await server.end('SIGTERM')
  assert.equal(server.child.exitCode, 0)
})

test('a lost signing key keeps the server from starting, unless a new one is wanted', async () => {
  const [dataDir, file, port] = [join(folder, 'b'), join(folder, 'b.json'), await freePort()]
  const [program, args] = startCommand(file, configOf(port, dataDir))
  const url = `http://127.0.0.1:${port}`
  const first = await startProcess(url, [program, args])
  const { signJwt } = await import('./harness/jwt.ts')
  const login = await fetch(`${url}/_matrix/client/v3/login`, {
    method: 'POST',
    body: JSON.stringify({ type: 'org.matrix.login.jwt', token: signJwt({ sub: 'ann' }) }),
  })
  const { access_token: token } = (await login.json()) as { access_token: string }
  const made = await fetch(`${url}/_matrix/client/v3/createRoom`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: '{}',
  })
  assert.equal(made.status, 200)
  await first.end('SIGTERM')
  rmSync(join(dataDir, 'signing.key'))
  const { status, said } = command('start', '--config', file)
  assert.equal(status, 1)
  assert.match(said, /^There is no key at .*signing\.key, .*--new-signing-key.*\n$/)
  assert.ok(!existsSync(join(dataDir, 'signing.key')))
  const again = await startProcess(url, [program, [...args, '--new-signing-key']])
  assert.ok(existsSync(join(dataDir, 'signing.key')))
  await again.end('SIGTERM')
})

test('what stands in the way of a start is said in a sentence', async () => {
  const file = join(folder, 'c.json')
  const wrong = join(folder, 'a-file')
  writeFileSync(wrong, 'no database')
  const port = await freePort()
  const configs = {
    'data_dir is a file': configOf(port, wrong),
    'data_dir is in a file': configOf(port, join(wrong, 'data')),
    'the database is none': { ...configOf(port, join(folder, 'c')), database: `sqlite:${wrong}` },
    'the disk is full': { ...configOf(port, join(folder, 'd')), database: 'sqlite:/dev/full' },
  }
  for (const [what, config] of Object.entries(configs)) {
    writeFileSync(file, JSON.stringify(config))
    for (const args of [['start'], ['user', 'create', 'ann', '--no-password']]) {
      const { status, said } = command(...args, '--config', file)
      assert.equal(status, 1, what)
      assert.match(said, /^[^\n]+\n$/, `${what}: ${said}`)
    }
  }
})

const old = ['/usr/bin/node', '/usr/local/bin/node'].find(
  (path) => existsSync(path) && Number(/^v(\d+)/.exec(spawnSync(path, ['-v']).stdout.toString())?.[1]) < 26,
)

test('however the launcher ends, the server ends with it', { skip: old ? false : 'no older Node here' }, async () => {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const [file, port] = [join(folder, 'e.json'), await freePort()]
    writeFileSync(file, JSON.stringify(configOf(port, join(folder, 'e'))))
    const child = spawn(old ?? '', [join(root, 'bin', 'latchkey'), 'start', '--config', file], { stdio: 'ignore' })
    const url = `http://127.0.0.1:${port}`
    for (let turn = 0; turn < 1000 && !(await answers(url)); turn++) await sleep(20)
    child.kill('SIGHUP')
    await sleep(200)
    assert.ok(await answers(url), 'SIGHUP ends nothing')
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
    for (let turn = 0; turn < 300 && (await answers(url)); turn++) await sleep(20)
    assert.ok(!(await answers(url)), `${signal} leaves nobody behind`)
  }
})
