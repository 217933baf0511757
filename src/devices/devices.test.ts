import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { databases } from '../../test/harness/postgres.ts'
import { openDatabase, type Database } from '../storage/index.ts'
import { openLog, type Entry, type Log } from '../streams/index.ts'
import { createUsers, type Users } from '../users/index.ts'
import { openDevices, type Devices, type WantedDevice } from './index.ts'

const fail = (error: unknown): void => {
  throw error
}

interface World {
  database: Database
  log: Log
  users: Users
  devices: Devices
  clock: { now: number }
  entries: Entry[]
  ensure(wanted: WantedDevice): Promise<{ nid: number; deviceId: string; created: boolean }>
}

const worldOn = async (database: Database): Promise<World> => {
  const log = await openLog(database, fail)
  const clock = { now: 500 }
  const users = createUsers({ database, log, serverName: 'one.test', now: () => clock.now })
  const devices = await openDevices({
    database,
    log,
    users,
    serverName: 'one.test',
    now: () => clock.now,
    randomId: () => randomBytes(32).toString('base64url'),
    sharers: (user) => [user + 1],
    onError: fail,
  })
  const entries: Entry[] = []
  log.listen((entry) => entries.push(entry))
  return {
    database,
    log,
    users,
    devices,
    clock,
    entries,
    ensure: (wanted) => log.write((tx) => devices.ensure(tx, wanted)),
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
        await world.devices[Symbol.asyncDispose]()
      }
      await dispose()
    })
  }
}

over(
  'a device is made once, listed, renamed and deleted, and those who share a room are told',
  async ({ devices, log, ensure, entries }) => {
    const phone = await ensure({
      user: 1,
      deviceId: 'PHONE',
      displayName: 'Phone',
      ip: '::1',
      userAgent: 'x'.repeat(600),
    })
    const other = await ensure({ user: 1 })
    assert.match(other.deviceId, /^[A-Z0-9]{10}$/)
    assert.deepEqual(await ensure({ user: 1, deviceId: 'PHONE', displayName: 'Other' }), {
      nid: phone.nid,
      deviceId: 'PHONE',
      created: false,
    })
    await ensure({ user: 2, deviceId: 'PHONE' })
    assert.deepEqual(
      (await devices.list(1)).map((device) => [device.deviceId, device.displayName]),
      [
        ['PHONE', 'Phone'],
        [other.deviceId, null],
      ],
    )
    assert.equal((await devices.get(1, 'PHONE'))?.userAgent?.length, 512)
    assert.equal(await devices.get(1, 'NONE'), undefined)

    const before = log.now
    using own = log.watch(1)
    using sharer = log.watch(2)
    assert.equal(await devices.rename(1, 'PHONE', 'New'), true)
    assert.equal(await devices.rename(1, 'NONE', 'New'), false)
    assert.equal((await devices.get(1, 'PHONE'))?.displayName, 'New')
    assert.deepEqual(await devices.listChanges(before, log.now), [1])
    assert.deepEqual(
      entries.slice(-2).map((entry) => [entry.kind, entry.user]),
      [
        ['device_list', 1],
        ['device_list', undefined],
      ],
    )
    await Promise.all([own.wait(60_000), sharer.wait(60_000)])

    const gone: number[][] = []
    devices.onDelete({
      within: async (_, nids) => void gone.push([...nids]),
      after: (nids) => void gone.push([-1, ...nids]),
    })
    assert.deepEqual(await log.write((tx) => devices.delete(tx, 1, ['PHONE', 'NONE', 'PHONE'])), [phone.nid])
    assert.deepEqual(gone, [[phone.nid], [-1, phone.nid]])
    assert.deepEqual(
      (await devices.list(1)).map((device) => device.deviceId),
      [other.deviceId],
    )
    assert.deepEqual(await log.write((tx) => devices.delete(tx, 1, ['NONE'])), [])
    assert.notEqual((await ensure({ user: 1, deviceId: 'PHONE' })).nid, phone.nid, 'a short id is never used again')
  },
)

over(
  'what others hold of a deleted device goes only when the deletion is committed',
  async ({ devices, log, ensure }) => {
    const { nid } = await ensure({ user: 1, deviceId: 'PHONE' })
    const after: number[] = []
    devices.onDelete({ after: (nids) => after.push(...nids) })
    await assert.rejects(
      log.write(async (tx) => {
        await devices.delete(tx, 1, ['PHONE'])
        throw new Error('undone')
      }),
      /undone/,
    )
    assert.deepEqual(after, [])
    assert.ok(await devices.get(1, 'PHONE'))
    await ensure({ user: 1, deviceId: 'B' })
    assert.deepEqual((await log.write((tx) => devices.deleteAll(tx, 1, nid))).length, 1)
    assert.deepEqual(
      (await devices.list(1)).map((device) => device.deviceId),
      ['PHONE'],
    )
    assert.deepEqual(await log.write((tx) => devices.deleteAll(tx, 1)), [nid])
  },
)

over('device ids that are none are refused, and names are cut', async ({ devices, ensure }) => {
  for (const deviceId of ['', 'x'.repeat(513), 'a\0b'])
    await assert.rejects(ensure({ user: 1, deviceId }), { errcode: 'M_INVALID_PARAM' })
  await ensure({ user: 1, deviceId: 'x'.repeat(512), displayName: `a\0b${'😀'.repeat(300)}` })
  const name = (await devices.list(1))[0]?.displayName ?? ''
  assert.ok(name.length === 255 && name.startsWith('ab😀') && name.isWellFormed())
})

over(
  'one who has as many devices as one may have loses the one seen longest ago',
  async ({ database, devices, clock, ensure }) => {
    await database.write(async (tx) => {
      await tx
        .insertInto('devices')
        .values(
          Array.from({ length: 499 }, (_, index) => ({
            nid: 9_000_000 + index,
            user_nid: 1,
            device_id: `D${index}`,
            display_name: null,
            created_ts: 0,
            last_seen_ts: index === 7 ? 1 : 500,
            last_seen_ip: null,
            user_agent: null,
            cut_token: null,
            cut_position: null,
          })),
        )
        .execute()
    })
    clock.now = 900
    await ensure({ user: 1, deviceId: 'LAST' })
    assert.ok(await devices.get(1, 'D7'))
    await ensure({ user: 1, deviceId: 'MORE' })
    assert.equal(await devices.get(1, 'D7'), undefined)
    assert.equal((await devices.list(1)).length, 500)
  },
)

over(
  'when a device was seen is known at once, and written down in the end',
  async ({ devices, database, clock, ensure }) => {
    const { nid } = await ensure({ user: 1, deviceId: 'PHONE', ip: '::1' })
    clock.now = 5000
    devices.seen(nid, '192.0.2.1', 'test')
    const { lastSeenTs, lastSeenIp, userAgent } = (await devices.list(1))[0] ?? {}
    assert.deepEqual([lastSeenTs, lastSeenIp, userAgent], [5000, '192.0.2.1', 'test'])
    const stored = async (): Promise<number | undefined> =>
      (await database.read.selectFrom('devices').select('last_seen_ts').executeTakeFirst())?.last_seen_ts
    assert.equal(await stored(), 500)
    await devices[Symbol.asyncDispose]()
    assert.equal(await stored(), 5000)
  },
)

over('device list changes are the same from memory and from the tables', async ({ devices, log, ensure, database }) => {
  const first = log.now
  await ensure({ user: 1 })
  const second = log.now
  await ensure({ user: 2 })
  await ensure({ user: 2 })
  const later = await worldOn(database)
  for (const world of [devices, later.devices]) {
    const changes = async (since: number, until: number): Promise<number[]> =>
      [...(await world.listChanges(since, until))].sort((a, b) => a - b)
    assert.deepEqual(await changes(first, log.now), [1, 2])
    assert.deepEqual(await changes(first, second), [1])
    assert.deepEqual(await changes(second, log.now), [2])
    assert.deepEqual(await changes(log.now, log.now + 5), [])
  }
})
