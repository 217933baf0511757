import assert from 'node:assert/strict'
import { test } from 'node:test'
import { databases } from '../../test/harness/postgres.ts'
import { openDatabase, type Database } from '../storage/index.ts'
import { openLog, type Log } from '../streams/index.ts'
import { createUsers } from '../users/index.ts'
import { openDevices, type Devices, type Messages } from './index.ts'

const fail = (error: unknown): void => {
  throw error
}

interface World {
  database: Database
  log: Log
  devices: Devices
  bob: number
  /** Short ids of bob's devices A and B. */
  a: number
  b: number
  send(messages: Messages, txnId?: string): Promise<void>
  /** A sync: what it hands over, as numbers, and the token it answers. */
  sync(device: number, since: number | undefined, limit?: number): Promise<{ got: unknown[]; token: number }>
}

let txn = 0

const worldOn = async (database: Database): Promise<World> => {
  const log = await openLog(database, fail)
  const users = createUsers({ database, log, serverName: 'one.test', now: () => 1 })
  const devices = await openDevices({
    database,
    log,
    users,
    serverName: 'one.test',
    now: () => txn,
    randomId: () => 'random',
    sharers: () => [],
    onError: fail,
  })
  const bob = await users.intern('@bob:one.test')
  const ensure = async (deviceId: string): Promise<number> =>
    (await log.write((tx) => devices.ensure(tx, { user: bob, deviceId }))).nid
  return {
    database,
    log,
    devices,
    bob,
    a: await ensure('A'),
    b: await ensure('B'),
    send: (messages, txnId = `t${++txn}`) =>
      devices.toDevice.send('@alice:one.test', 'm.test', messages, { sender: 77, txnId }),
    sync: async (device, since, limit) => {
      const token = log.now
      const events = await devices.toDevice.take(device, since, token, limit)
      return { got: events.map((event) => (event['content'] as { n: unknown }).n), token }
    },
  }
}

const over = (name: string, body: (world: World) => Promise<void>): void => {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      {
        await using database = await openDatabase({ url, serverName: 'one.test' })
        const world = await worldOn(database)
        await body(world)
      }
      await dispose()
    })
  }
}

const toBob = (n: number, device = 'A'): Messages => ({ '@bob:one.test': { [device]: { n } } })
const rows = async (database: Database): Promise<number> =>
  (await database.read.selectFrom('to_device').selectAll().execute()).length

over(
  'a message is handed over once the client has said that it arrived, and not before it is deleted',
  async ({ database, devices, a, b, send, sync, log }) => {
    assert.deepEqual(await devices.toDevice.take(a, log.now, log.now), [])
    assert.ok(!(devices.toDevice.take(a, log.now, log.now) instanceof Promise), 'nothing waits, and no table is asked')
    const start = log.now
    await send(toBob(1))
    await send(toBob(2))
    const first = await sync(a, start)
    assert.deepEqual(first.got, [1, 2])
    assert.deepEqual((await sync(a, start)).got, [1, 2], 'the answer was lost, and is asked for again')
    await send(toBob(3))
    const second = await sync(a, first.token)
    assert.deepEqual(second.got, [3])
    assert.equal(await rows(database), 1)
    assert.deepEqual((await sync(a, second.token)).got, [])
    assert.equal(await rows(database), 0)
    assert.deepEqual((await sync(b, start)).got, [])
    assert.deepEqual(await devices.toDevice.take(4711, undefined, log.now), [])
  },
)

over('the event says who sent it and what it is', async ({ devices, a, send, log }) => {
  await send(toBob(1))
  assert.deepEqual(await devices.toDevice.take(a, undefined, log.now), [
    { sender: '@alice:one.test', type: 'm.test', content: { n: 1 } },
  ])
})

over('a star reaches every device, and one named beside it gets its own', async ({ a, b, send, sync }) => {
  await send({
    '@bob:one.test': { '*': { n: 1 }, B: { n: 2 }, C: { n: 3 }, 'D\0': { n: 4 } },
    '@nobody:one.test': { '*': { n: 5 } },
    '@far:two.test': { A: { n: 6 } },
    junk: {},
  })
  assert.deepEqual((await sync(a, undefined)).got, [1])
  assert.deepEqual((await sync(b, undefined)).got, [2])
})

over('the same transaction does nothing the second time', async ({ a, send, sync, database }) => {
  await Promise.all([send(toBob(1), 'same'), send(toBob(1), 'same')])
  await send(toBob(1), 'same')
  assert.deepEqual((await sync(a, undefined)).got, [1])
  const again = await worldOn(database)
  await again.send(toBob(1), 'same')
  assert.deepEqual((await again.sync(a, undefined)).got, [1])
})

over(
  'many messages come in parts, each exactly once, whatever answers get lost',
  async ({ a, send, sync, log, database, bob }) => {
    const start = log.now
    for (let n = 1; n <= 7; n++) await send(toBob(n))
    using watch = log.watch(bob)
    const one = await sync(a, start, 3)
    assert.deepEqual(one.got, [1, 2, 3])
    await watch.wait(60_000)
    const two = await sync(a, one.token, 3)
    assert.deepEqual(two.got, [4, 5, 6])
    assert.deepEqual((await sync(a, one.token, 3)).got, [4, 5, 6], 'that answer was lost')
    const again = await sync(a, one.token, 3)
    await send(toBob(8))
    const three = await sync(a, again.token, 3)
    assert.deepEqual(three.got, [7, 8])
    // That answer is lost. After a restart the client tries again.
    const later = await worldOn(database)
    assert.deepEqual((await later.sync(a, again.token, 3)).got, [7, 8])
    assert.deepEqual((await later.sync(a, three.token, 3)).got, [])
    assert.equal(await rows(database), 0)
  },
)

test('a part that is asked for with the token of the part before, while the log stands still, waits', async () => {
  const { url, dispose } = await databases[0]!.open()
  {
    await using database = await openDatabase({ url, serverName: 'one.test' })
    const { devices, a, send, log } = await worldOn(database)
    for (let n = 1; n <= 3; n++) await send(toBob(n))
    const token = log.now
    assert.equal((await devices.toDevice.take(a, undefined, token, 2)).length, 2)
    assert.equal((await devices.toDevice.take(a, token, token, 2)).length, 0)
    assert.equal((await devices.toDevice.take(a, token, log.now, 2)).length, 1)
  }
  await dispose()
})

over('an older token than that of a part that was lost loses nothing', async ({ a, send, sync, log }) => {
  const start = log.now
  for (let n = 1; n <= 5; n++) await send(toBob(n))
  const one = await sync(a, start, 2)
  await send(toBob(6))
  const two = await sync(a, one.token, 2)
  assert.deepEqual(
    [one.got, two.got],
    [
      [1, 2],
      [3, 4],
    ],
  )
  const again = await sync(a, one.token, 2)
  assert.deepEqual(again.got, [3, 4])
  assert.deepEqual((await sync(a, again.token, 10)).got, [5, 6])
})

over('a device that is never heard of again keeps the newest messages only', async ({ database, a, send }) => {
  await database.write(async (tx) => {
    for (let start = 0; start < 10_000; start += 1000) {
      await tx
        .insertInto('to_device')
        .values(
          Array.from({ length: 1000 }, (_, index) => ({
            device_nid: a,
            position: -20_000 + start + index,
            json: '{}',
          })),
        )
        .execute()
    }
  })
  await Promise.all(Array.from({ length: 256 }, (_, n) => send(toBob(n))))
  assert.equal(await rows(database), 10_000)
})

over('transactions are remembered for a while, not for ever', async ({ database, send }) => {
  for (let round = 0; round < 6; round++) await Promise.all(Array.from({ length: 256 }, () => send({})))
  const kept = (await database.read.selectFrom('to_device_txns').selectAll().execute()).length
  assert.ok(kept >= 1000 && kept < 1300, String(kept))
})

over('a message that is too large is refused', async ({ send }) => {
  await assert.rejects(send({ '@bob:one.test': { A: { text: 'x'.repeat(65_536) } } }), {
    errcode: 'M_TOO_LARGE',
    status: 413,
  })
})

over('messages go with their device', async ({ database, devices, log, bob, send }) => {
  await send(toBob(1))
  await log.write((tx) => devices.delete(tx, bob, ['A']))
  assert.equal(await rows(database), 0)
})

over('what is for all devices is stored once, and goes when the last of them has it', async (world) => {
  const { database, devices, log, bob, a, b, send, sync } = world
  const text = 'x'.repeat(10_000)
  const more = await log.write((tx) => devices.ensure(tx, { user: bob, deviceId: 'C' }))
  const start = log.now
  const bytes = async (): Promise<number> => {
    const rows = [
      ...(await database.read.selectFrom('to_device').select('json').execute()),
      ...(await database.read.selectFrom('to_device_shared').select('json').execute()),
    ]
    return rows.reduce((sum, { json }) => sum + json.length, 0)
  }
  for (let n = 0; n < 5; n++) await send({ '@bob:one.test': { '*': { n, text }, B: { n: 10 + n } } })
  assert.ok((await bytes()) < 5 * 11_000, String(await bytes()))
  const first = await sync(a, start)
  assert.deepEqual(first.got, [0, 1, 2, 3, 4])
  assert.deepEqual((await sync(a, first.token)).got, [])
  const second = await sync(b, start)
  assert.deepEqual(second.got, [10, 11, 12, 13, 14])
  assert.deepEqual((await sync(b, second.token)).got, [])
  assert.ok((await bytes()) > 50_000)
  const looked = await devices.toDevice.look(more.nid, 0, 100)
  assert.deepEqual(
    looked.events.map((event) => (event['content'] as { n: number }).n),
    [0, 1, 2, 3, 4],
  )
  await log.write((tx) => devices.delete(tx, bob, ['C']))
  assert.equal(await bytes(), 0)
})

over('what waits for an account is bounded in bytes, and the newest stay', async ({ database, a, send, sync, log }) => {
  const text = 'x'.repeat(60_000)
  const start = log.now
  for (let n = 0; n < 1300; n++) await send({ '@bob:one.test': { [n % 2 ? 'A' : 'B']: { n, text } } })
  const rows = await database.read.selectFrom('to_device').select('json').execute()
  const bytes = rows.reduce((sum, { json }) => sum + json.length, 0)
  assert.ok(bytes < 72 * 1024 * 1024 && bytes > 50 * 1024 * 1024, String(bytes))
  // One answer is bounded as well, and the next goes on from there.
  const first = await sync(a, start)
  assert.ok(first.got.length > 20 && first.got.length < 40, String(first.got.length))
  const second = await sync(a, first.token)
  assert.equal(second.got[0], (first.got.at(-1) as number) + 2)
})

over('one request reaches so many devices, and no more', async ({ send }) => {
  const many = Object.fromEntries(Array.from({ length: 2001 }, (_, index) => [`D${index}`, {}]))
  await assert.rejects(send({ '@bob:one.test': many }), { errcode: 'M_TOO_LARGE' })
})
