import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { connect } from 'node:tls'
import { createAuthority } from '../../../test/harness/certificates.ts'
import { until } from '../../../test/harness/person.ts'
import { createHttp, type Outgoing } from '../index.ts'
import { acmeFiles } from './files.ts'
import { isDue, keepCertificate, type AcmeDeps } from './keep.ts'
import type { Order } from './order.ts'

const day = 24 * 60 * 60_000
const authority = createAuthority()
const settings = { email: 'a@example.org', directory: 'https://ca.test/dir', names: ['chat.test'], external: undefined }

function world(t: TestContext) {
  const folder = join(mkdtempSync(join(tmpdir(), 'latchkey-acme-')), 'acme')
  t.after(() => rmSync(join(folder, '..'), { recursive: true }))
  const lines: { level: string; details: Record<string, unknown> }[] = []
  const orders: Order[] = []
  const clock = { now: Date.now() }
  const outcome: { error?: Error } = {}
  const http = createHttp({
    routes: [],
    authenticate: () => assert.fail('nobody signs in'),
    log: { error: () => {}, info: () => {}, debug: () => {}, isLevelEnabled: () => false },
    now: () => clock.now,
    randomId: () => 'abcdefghijklmnopqrstuvwxyz',
    tls: { ...acmeFiles(folder), isPending: true },
  })
  const deps: AcmeDeps = {
    outgoing: undefined as unknown as Outgoing, // nobody is asked
    certificates: http.certificates,
    folder,
    now: () => clock.now,
    chance: () => 1,
    log: {
      info: (details) => void lines.push({ level: 'info', details: { ...details } }),
      error: (details) => void lines.push({ level: 'error', details: { ...details } }),
    },
    order: async (order) => {
      orders.push(order)
      assert.equal(await order.account(async () => 'a key'), 'a key')
      if (outcome.error) throw outcome.error
      const { cert, key } = authority.issue(order.names, 90)
      return { chain: cert, key }
    },
  }
  return { http, deps, folder, lines, orders, clock, outcome }
}

/** The serial number of what is shown there; undefined where nothing is. */
const shown = (url: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port), servername: 'chat.test', ca: authority.cert }, () => {
      resolve(socket.getPeerCertificate().serialNumber)
      socket.destroy()
    })
    socket.once('error', () => resolve(undefined))
  })

test('a listener waits for its first certificate, shows it at once, and the next one too', async (t) => {
  const { http, deps, folder, orders, clock } = world(t)
  await using _http = http
  const [url = ''] = await http.listen(['127.0.0.1:0 tls'])
  assert.equal(await shown(url), undefined)
  const first = await (async () => {
    await using _keeping = keepCertificate(deps, settings)
    return until('the certificate', () => shown(url))
  })()
  for (const name of ['account.pem', 'fullchain.pem', 'privkey.pem'])
    assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600)
  assert.equal(statSync(folder).mode & 0o777, 0o700)
  // A start on the next day asks for nothing.
  clock.now += day
  await keepCertificate(deps, settings)[Symbol.asyncDispose]()
  assert.equal(orders.length, 1)
  clock.now += 60 * day
  await using _keeping = keepCertificate(deps, settings)
  await until('another certificate', async () => (await shown(url)) !== first)
  assert.equal(orders.length, 2)
})

test('while it runs it looks twice a day, and renews when the last third of the life has begun', async (t) => {
  const { deps, orders, clock } = world(t)
  let look: (() => void) | undefined
  const later = (work: () => void, ms: number): NodeJS.Timeout => {
    assert.equal(ms, day / 2)
    look = work
    return setTimeout(() => {}, 0)
  }
  await using _keeping = keepCertificate({ ...deps, later }, settings)
  const halfDay = async (): Promise<void> => {
    const work = await until('it looks again later', () => look)
    look = undefined
    clock.now += day / 2
    work()
  }
  for (let half = 0; half < 110; half++) await halfDay()
  assert.equal(orders.length, 1)
  for (let half = 0; half < 20 && orders.length === 1; half++) await halfDay()
  assert.equal(orders.length, 2)
})

test('what an authority says against it is in the log, and the certificate that there is goes on', async (t) => {
  const { http, deps, folder, lines, clock, outcome } = world(t)
  await using _http = http
  const [url = ''] = await http.listen(['127.0.0.1:0 tls'])
  {
    await using _keeping = keepCertificate(deps, settings)
    await until('the certificate', () => shown(url))
  }
  const before = readFileSync(acmeFiles(folder).certificateFile, 'utf8')
  clock.now += 70 * day
  outcome.error = new Error('chat.test leads nowhere')
  await using _keeping = keepCertificate(deps, settings)
  const line = await until('a line', () => lines.find(({ level }) => level === 'error'))
  assert.deepEqual(line.details, {
    names: ['chat.test'],
    reason: 'chat.test leads nowhere',
    attempts: 1,
    againInMinutes: 15,
  })
  assert.equal(readFileSync(acmeFiles(folder).certificateFile, 'utf8'), before)
  assert.ok(await shown(url))
})

test('a certificate is due without one, for another name, and in its last third', () => {
  const certificate = new X509Certificate(authority.issue(['chat.test'], 90).cert)
  const begin = certificate.validFromDate.getTime()
  assert.ok(isDue(undefined, ['chat.test'], begin))
  assert.ok(!isDue(certificate, ['chat.test'], begin))
  assert.ok(isDue(certificate, ['chat.test', 'matrix.test'], begin))
  assert.ok(!isDue(certificate, ['chat.test'], begin + 50 * day))
  assert.ok(isDue(certificate, ['chat.test'], begin + 70 * day))
})
