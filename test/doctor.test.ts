// What `latchkey doctor` finds, and what it says to do about it.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startServer } from './harness/server.ts'

const main = join(import.meta.dirname, '..', 'src', 'cli', 'main.ts')

interface Found {
  state: string
  about: string
  says: string
  cure?: string
}

const doctor = (file: string): Promise<{ status: number; found: Found[] }> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      [main, 'doctor', '--json', '--config', file],
      { env: { PATH: process.env['PATH'] } },
      (error, stdout) => {
        const found = stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Found)
        resolve({ status: error ? 1 : 0, found })
      },
    )
  })

test('the doctor names what is wrong with its cure, and nothing else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-doctor-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const server = stack.use(await startServer())
  const provider = createServer((_request, response) => {
    response.setHeader('date', new Date(Date.now() + 3_600_000).toUTCString()).end('{}')
  }).listen(0, '127.0.0.1')
  await once(provider, 'listening')
  stack.defer(() => void provider.close())
  const issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`
  const data = join(folder, 'data')
  mkdirSync(data, { mode: 0o700 })
  const key = join(data, 'signing.key')
  writeFileSync(key, 'x', { mode: 0o600 })
  const file = join(folder, 'latchkey.yaml')
  const clientId = { client_id: 'a', client_secret: 'b' }
  const gone = { id: 'gone', type: 'oidc', issuer: 'http://127.0.0.1:1/', ...clientId }
  const config = {
    server_name: 'nowhere.invalid',
    public_base_url: server.url,
    data_dir: data,
    identity_providers: [{ id: 'fine', type: 'oidc', issuer, ...clientId }, gone],
  }
  writeFileSync(file, JSON.stringify(config))

  const first = await doctor(file)
  const at = (about: string): Found | undefined => first.found.find((one) => one.about.includes(about))
  assert.equal(first.status, 1)
  for (const about of [`data in ${data}`, 'signing key', '"fine"', 'name 127.0.0.1'])
    assert.equal(at(about)?.state, 'ok', about)
  assert.deepEqual([at('"gone"')?.state, at('clock')?.state, at('.well-known')?.state], ['error', 'error', 'warning'])
  assert.match(at('clock')?.says ?? '', /^it is 3\d{3} s behind/)
  assert.equal(first.found.find((one) => one.about === server.url)?.state, 'ok')
  for (const one of first.found) assert.equal(one.cure === undefined, one.state === 'ok', one.about)

  chmodSync(key, 0o644)
  assert.equal((await doctor(file)).found.find((one) => one.about.startsWith('signing key'))?.cure, `chmod 600 ${key}`)
})
