// Certificates by ACME, from the authority that Let's Encrypt has for tests.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { pino } from 'pino'
import { createHomeserver, type HomeserverOptions } from '../../../src/server/index.ts'
import { until } from '../../harness/person.ts'
import { freePort } from '../../harness/process.ts'
import { noPebble, startPebble, type Pebble } from './pebble.ts'

const day = 24 * 60 * 60_000

async function world(t: TestContext, pebble: Pebble, port: number) {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-acme-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const lines: Record<string, unknown>[] = []
  const logger = pino(
    { level: 'info' },
    { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  )
  const start = (acme: object, options: HomeserverOptions = {}) =>
    createHomeserver(
      {
        server_name: 'chat.example.test',
        data_dir: folder,
        database: `sqlite:${join(folder, 'latchkey.db')}`,
        federation: { enabled: false },
        listen: `127.0.0.1:${port} tls`,
        ca_file: pebble.caFile,
        acme: { email: 'admin@example.org', directory: pebble.directory, ...acme },
      },
      { logger, ...options },
    )
  return { folder, lines, start }
}

/** Asks by TLS, believing the authority alone: what came, and the serial number of the certificate. */
const ask = (port: number, name: string, ca: string): Promise<{ status: number | undefined; serial: string }> =>
  new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, servername: name, ca, path: '/_matrix/client/versions', agent: false }
    request(options, (response) => {
      const { serialNumber } = (response.socket as TLSSocket).getPeerCertificate()
      response.resume()
      resolve({ status: response.statusCode, serial: serialNumber })
    })
      .on('error', reject)
      .end()
  })

test(
  'a server gets a certificate for its names, keeps it over a restart, and renews it',
  { skip: noPebble },
  async (t) => {
    const port = await freePort()
    await using pebble = await startPebble(port)
    const { folder, start } = await world(t, pebble, port)
    const acme = { names: ['chat.example.test', 'example.test'] }
    const answer = async (name: string) => {
      const ca = await pebble.root()
      return until('an answer by TLS', () => ask(port, name, ca).catch(() => undefined), 60)
    }
    let first: string
    {
      await using _server = await start(acme)
      const { status, serial } = await answer('chat.example.test')
      assert.equal(status, 200)
      assert.deepEqual(await answer('example.test'), { status, serial })
      first = serial
    }
    for (const name of ['fullchain.pem', 'privkey.pem', 'account.pem'])
      assert.equal(statSync(join(folder, 'acme', name)).mode & 0o777, 0o600)
    {
      await using _server = await start(acme)
      assert.equal((await answer('chat.example.test')).serial, first)
    }
    // By a clock that is further on, the last third of its life has begun.
    await using _server = await start(acme, { now: () => Date.now() + 80 * day })
    const ca = await pebble.root()
    await until('another certificate', async () => (await ask(port, 'chat.example.test', ca)).serial !== first, 60)
  },
)

test(
  'an authority that wants to know its customers first gets their key, and says so of others',
  { skip: noPebble },
  async (t) => {
    const port = await freePort()
    const key = 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W'
    await using pebble = await startPebble(port, { known: 'kid-1', key })
    const { start, lines } = await world(t, pebble, port)
    {
      await using _server = await start({})
      const line = await until('a line', () => lines.find(({ level }) => level === 50), 60)
      assert.match(String(line['reason']), /externalAccountBinding/)
    }
    await using _server = await start({ key_id: 'kid-1', key })
    const ca = await pebble.root()
    const { status } = await until('an answer', () => ask(port, 'chat.example.test', ca).catch(() => undefined), 60)
    assert.equal(status, 200)
  },
)
