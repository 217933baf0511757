import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { databases } from '../../test/harness/postgres.ts'
import { mount, sessionOf, type Mounted } from '../../test/harness/routes.ts'
import { MatrixError } from '../matrix/errors.ts'
import { openDatabase } from '../storage/index.ts'
import { openLog, type Log } from '../streams/index.ts'
import { createUsers } from '../users/index.ts'
import { devicesRoutes, openDevices, type Devices, type ToConfirm } from './index.ts'

interface World extends Pick<Mounted, 'ask' | 'outcome'> {
  devices: Devices
  log: Log
  asked: ToConfirm[]
  /** Alice's first device. */
  phone: number
}

const over = (name: string, body: (world: World) => Promise<void>): void => {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      {
        const fail = (error: unknown): void => {
          throw error
        }
        await using database = await openDatabase({ url, serverName: 'one.test' })
        const log = await openLog(database, fail)
        const users = createUsers({ database, log, serverName: 'one.test', now: () => 1000 })
        await using devices = await openDevices({
          database,
          log,
          users,
          serverName: 'one.test',
          now: () => 1000,
          randomId: () => randomBytes(32).toString('base64url'),
          sharers: () => [],
          onError: fail,
        })
        const asked: ToConfirm[] = []
        const confirm = async (request: ToConfirm): Promise<void> => {
          asked.push(request)
          if (!request.body['auth'])
            throw new MatrixError('M_UNAUTHORIZED', 'Confirm', { status: 401, extra: { flows: [], session: 's' } })
        }
        const [alice, bob] = [await users.intern('@alice:one.test'), await users.intern('@bob:one.test')]
        const phone = await log.write((tx) =>
          devices.ensure(tx, { user: alice, deviceId: 'PHONE', displayName: 'Phone', ip: '192.0.2.1' }),
        )
        await log.write((tx) => devices.ensure(tx, { user: bob, deviceId: 'BOB' }))
        await using http = mount(
          devicesRoutes({ devices, log, confirm, keyChanges: async () => ({ changed: [], left: [] }) }),
          {
            alice: sessionOf(alice, '@alice:one.test', { device: phone.nid, deviceId: 'PHONE' }),
            bob: sessionOf(bob, '@bob:one.test'),
          },
        )
        await body({ devices, log, asked, phone: phone.nid, ask: http.ask, outcome: http.outcome })
        assert.deepEqual(http.errors, [])
      }
      await dispose()
    })
  }
}

over('a user sees and names their own devices alone', async ({ ask, outcome }) => {
  const phone = { device_id: 'PHONE', display_name: 'Phone', last_seen_ip: '192.0.2.1', last_seen_ts: 1000 }
  assert.deepEqual((await ask('alice', 'GET', '/devices')).body, { devices: [phone] })
  assert.deepEqual((await ask('alice', 'GET', '/devices/PHONE')).body, phone)
  assert.deepEqual((await ask('bob', 'GET', '/devices')).body, { devices: [{ device_id: 'BOB', last_seen_ts: 1000 }] })
  assert.equal(await outcome('bob', 'GET', '/devices/PHONE'), '404 M_NOT_FOUND')
  assert.equal(await outcome('bob', 'PUT', '/devices/PHONE', { display_name: 'Mine' }), '404 M_NOT_FOUND')
  assert.equal(await outcome('bob', 'PUT', '/devices/PHONE', {}), '404 M_NOT_FOUND')
  assert.equal(await outcome('alice', 'PUT', '/devices/PHONE', { display_name: 'New' }), '200')
  assert.equal(await outcome('alice', 'PUT', '/devices/PHONE', {}), '200')
  assert.equal((await ask('alice', 'GET', '/devices/PHONE')).body['display_name'], 'New')
  assert.equal(await outcome('alice', 'PUT', '/devices/PHONE', { display_name: 'x'.repeat(256) }), '400 M_BAD_JSON')
  assert.equal(await outcome('alice', 'PUT', '/devices/PHONE', { display_name: 7 }), '400 M_BAD_JSON')
  for (const path of ['/devices', '/devices/PHONE'])
    assert.equal(await outcome(undefined, 'GET', path), '401 M_MISSING_TOKEN')
})

over(
  'a device is deleted only when that was confirmed, and the confirmation is bound to the device',
  async ({ ask, outcome, devices, asked, phone }) => {
    const gone: number[] = []
    devices.onDelete({ after: (nids) => gone.push(...nids) })
    assert.equal((await ask('alice', 'DELETE', '/devices/PHONE', {})).status, 401)
    assert.equal((await ask('alice', 'DELETE', '/devices/PHONE')).status, 401)
    assert.equal((await ask('alice', 'POST', '/delete_devices', { devices: ['PHONE'] })).status, 401)
    assert.equal((await ask('alice', 'GET', '/devices/PHONE')).status, 200)
    assert.equal(await outcome('bob', 'DELETE', '/devices/PHONE', { auth: { type: 'x' } }), '200')
    assert.equal((await ask('alice', 'GET', '/devices/PHONE')).status, 200)
    assert.equal(await outcome('alice', 'DELETE', '/devices/PHONE', { auth: { type: 'x' } }), '200')
    assert.equal(await outcome('alice', 'DELETE', '/devices/PHONE', { auth: { type: 'x' } }), '200')
    assert.equal(await outcome('alice', 'GET', '/devices/PHONE'), '404 M_NOT_FOUND')
    assert.equal(
      await outcome('bob', 'POST', '/delete_devices', { devices: ['BOB', 'NONE'], auth: { type: 'x' } }),
      '200',
    )
    assert.equal(await outcome('bob', 'POST', '/delete_devices', { devices: 'BOB' }), '400 M_BAD_JSON')
    assert.equal(await outcome('bob', 'POST', '/delete_devices', {}), '400 M_MISSING_PARAM')
    assert.deepEqual([gone.length, gone[0]], [2, phone])
    assert.equal(new Set(asked.map((request) => request.operation)).size, 3)
  },
)

over('messages go from one device to another', async ({ outcome, devices, log, phone }) => {
  const send = (messages: unknown, txn: string): Promise<string> =>
    outcome('bob', 'PUT', `/sendToDevice/m.room_key/${txn}`, { messages })
  assert.equal(await send({ '@alice:one.test': { PHONE: { n: 1 } } }, '1'), '200')
  assert.equal(await send({ '@alice:one.test': { PHONE: { n: 1 } } }, '1'), '200')
  assert.equal(await send({ '@alice:one.test': { '*': { n: 2 } } }, '2'), '200')
  assert.deepEqual(
    await devices.toDevice.take(phone, undefined, log.now),
    [1, 2].map((n) => ({ sender: '@bob:one.test', type: 'm.room_key', content: { n } })),
  )
  for (const junk of [{ '@alice:one.test': 'x' }, { '@alice:one.test': { PHONE: 'x' } }, [], 'x'])
    assert.equal(await send(junk, 'junk'), '400 M_BAD_JSON')
  assert.equal(await outcome('bob', 'PUT', '/sendToDevice/t/1', {}), '400 M_MISSING_PARAM')
  assert.equal(
    await outcome('bob', 'PUT', `/sendToDevice/t/${'x'.repeat(256)}`, { messages: {} }),
    '400 M_INVALID_PARAM',
  )
  assert.equal(await outcome(undefined, 'PUT', '/sendToDevice/t/1', { messages: {} }), '401 M_MISSING_TOKEN')
})

over('nothing that a client can send makes the server stumble', async ({ outcome }) => {
  const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((part) => part.isWellFormed())
  const part = text.filter((name) => name !== '' && name !== '.' && name !== '..').map(encodeURIComponent)
  const messages = fc.dictionary(
    fc.oneof(
      text,
      text.map((name) => `@${name}:one.test`),
      fc.constant('@alice:one.test'),
    ),
    fc.dictionary(fc.oneof(text, fc.constant('PHONE')), fc.jsonValue()),
  )
  await fc.assert(
    fc.asyncProperty(part, messages, fc.jsonValue(), async (name, sent, value) => {
      assert.match(await outcome('bob', 'PUT', `/sendToDevice/${name}/${name}`, { messages: sent }), /^[24]/)
      assert.match(await outcome('bob', 'PUT', `/devices/${name}`, { display_name: value }), /^[24]/)
      assert.match(await outcome('bob', 'DELETE', `/devices/${name}`, { auth: value }), /^[24]/)
      assert.match(
        await outcome('bob', 'POST', '/delete_devices', {
          auth: { type: 'x' },
          devices: [decodeURIComponent(name), value],
        }),
        /^[24]/,
      )
    }),
    { numRuns: 60 },
  )
})
