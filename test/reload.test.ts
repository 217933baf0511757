// A server that takes a new configuration while it runs.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { signHs256 } from '../src/cli/try-out.ts'
import { freePort, startCommand, startProcess, type ServerProcess } from './harness/process.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-reload-'))
const main = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts')
const file = join(folder, 'latchkey.yaml')
const [first, second] = ['first-secret-of-32-bytes-or-more!!', 'second-secret-of-32-bytes-or-more!']
let [url, port] = ['', 0]
let server: ServerProcess

const settings = (secret: string, more: object = {}): Record<string, unknown> => ({
  server_name: 'test',
  data_dir: folder,
  listen: `127.0.0.1:${port}`,
  rate_limits: 'off',
  jwt_config: { enabled: true, algorithm: 'HS256', secret },
  ...more,
})

const write = (config: object): void => writeFileSync(file, JSON.stringify(config))
const reload = (): Promise<{ status: number; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [main, 'reload', '--config', file], (error, stdout, stderr) =>
      resolve({ status: error ? 1 : 0, stdout, stderr }),
    )
  })

async function login(secret: string): Promise<{ status: number; access_token?: string }> {
  const body = JSON.stringify({ type: 'org.matrix.login.jwt', token: signHs256(secret, { sub: 'alice' }) })
  const answer = await fetch(`${url}/_matrix/client/v3/login`, { method: 'POST', body })
  return { status: answer.status, ...((await answer.json()) as object) }
}

const whoami = async (token: string): Promise<number> =>
  (await fetch(`${url}/_matrix/client/v3/account/whoami`, { headers: { authorization: `Bearer ${token}` } })).status

before(async () => {
  port = await freePort()
  url = `http://127.0.0.1:${port}`
  server = await startProcess(url, startCommand(file, settings(first)))
})
after(async () => {
  await server.end('SIGTERM')
  rmSync(folder, { recursive: true, force: true })
})

test('a new key takes effect, people stay signed in, and no request is refused meanwhile', async () => {
  const { access_token: token = '' } = await login(first)
  const over = new AbortController()
  const asking = (async () => {
    let answers = 0
    for (; !over.signal.aborted; answers++) assert.equal(await whoami(token), 200)
    return answers
  })()
  write(settings(second))
  const { stdout, stderr } = await reload()
  assert.match(stdout, /^New, and taken: jwt_config\.$/m, stderr)
  over.abort()
  assert.ok((await asking) > 0)
  assert.deepEqual([(await login(first)).status, (await login(second)).status], [403, 200])
  assert.equal(await whoami(token), 200)
})

test('SIGHUP does the same, and does not end the server', async () => {
  write(settings(first))
  server.child.kill('SIGHUP')
  while ((await login(first)).status !== 200);
  assert.equal(server.child.exitCode, null)
})

test('what only a restart changes is named, and a fault changes nothing', async () => {
  write(settings(first, { listen: '127.0.0.1:1', password_login: false }))
  assert.match((await reload()).stdout, /^New, and taken: password_login\. Only a restart changes listen\.$/m)
  write(settings(first, { password_logn: false }))
  const wrong = await reload()
  assert.equal(wrong.status, 1)
  assert.match(wrong.stderr, /"password_logn" is not a setting/)
  write(settings(first, { password_login: false, media: { retention: 'x' } }))
  assert.notEqual((await reload()).status, 0)
  assert.equal((await login(first)).status, 200)
})

test('a bridge that is registered while the server runs is known', async () => {
  const registration = join(folder, 'bridge.yaml')
  const bridge = {
    id: 'b',
    url: null,
    as_token: 'bridge-token',
    hs_token: 'h',
    sender_localpart: 'bot',
    namespaces: {},
  }
  writeFileSync(registration, JSON.stringify(bridge))
  write(settings(first, { app_service_config_files: [registration] }))
  assert.match((await reload()).stdout, /app_service_config_files/)
  assert.equal(await whoami('bridge-token'), 200)
  writeFileSync(registration, JSON.stringify({ ...bridge, as_token: 'another-token' }))
  assert.match((await reload()).stdout, /what lies in the files it names/)
  assert.deepEqual([await whoami('bridge-token'), await whoami('another-token')], [401, 200])
})
