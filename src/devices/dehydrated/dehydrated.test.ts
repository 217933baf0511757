import assert from 'node:assert/strict'
import type { JsonObject } from '../../matrix/json.ts'
import { alice, bob, crossKeys, curveKeys, deviceKeys, over, publicKey, signed, type World } from '../fixture.test.ts'

const path = '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device'
const [dry, dryer] = [publicKey('dry'), publicKey('dryer')]
const data = { algorithm: 'm.dehydration.v2', device_pickle: 'secret' }
const device = (deviceId: string): JsonObject => ({
  device_id: deviceId,
  device_data: data,
  initial_device_display_name: 'Dehydrated device',
  device_keys: deviceKeys(alice, deviceId, { dehydrated: true }),
  one_time_keys: curveKeys(alice, deviceId, ['a']),
  fallback_keys: curveKeys(alice, deviceId, ['f'], { fallback: true }),
})
const put = (world: World, body: object): Promise<string> => world.outcome('phone', 'PUT', path, body)
const send = async (world: World, deviceId: string, ...numbers: number[]): Promise<void> => {
  for (const n of numbers)
    assert.equal(
      await world.outcome('bob', 'PUT', `/sendToDevice/m.test/${deviceId === dry ? 'a' : 'b'}${n}`, {
        messages: { [alice]: { [deviceId]: { n } } },
      }),
      '200',
    )
}
const read = async (world: World, deviceId: string, query = ''): Promise<{ n: unknown[]; next: unknown }> => {
  const { body } = await world.ask('laptop', 'GET', `${path}/${encodeURIComponent(deviceId)}/events${query}`)
  return {
    n: (body['events'] as Array<{ content: { n: number } }>).map((event) => event.content.n),
    next: body['next_batch'],
  }
}

over('a dehydrated device is a device like others to whoever writes to it', async (world) => {
  await world.outcome('phone', 'POST', '/keys/device_signing/upload', crossKeys(alice))
  const body = device(dry)
  const vouched = signed(body['device_keys'] as JsonObject, alice, publicKey(`${alice} self`), `${alice} self`)
  const before = world.log.now
  assert.equal(await world.outcome('phone', 'GET', path), '404 M_NOT_FOUND')
  assert.equal(await put(world, { ...body, device_keys: vouched }), '200')
  assert.deepEqual(await world.devices.listChanges(before, world.log.now), [world.nids.alice])
  assert.deepEqual((await world.ask('laptop', 'GET', path)).body, { device_id: dry, device_data: data })
  assert.equal(await world.outcome('bob', 'GET', path), '404 M_NOT_FOUND')
  assert.deepEqual((await world.query('bob', alice)).device_keys[alice]?.[dry], {
    ...vouched,
    unsigned: { device_display_name: 'Dehydrated device' },
  })
  assert.deepEqual(
    [await world.claim(alice, dry), await world.claim(alice, dry)],
    ['signed_curve25519:a', 'signed_curve25519:f'],
  )
  assert.ok((await world.devices.list(world.nids.alice)).some(({ deviceId }) => deviceId === dry))
})

over('what waits for it is read in parts, as often as one likes', async (world) => {
  await put(world, device(dry))
  assert.deepEqual(await read(world, dry), { n: [], next: undefined })
  await send(world, dry, 1, 2, 3)
  assert.deepEqual(await read(world, dry), { n: [1, 2, 3], next: undefined })
  const first = await read(world, dry, '?limit=2')
  assert.deepEqual(first.n, [1, 2])
  assert.deepEqual(await read(world, dry, `?limit=2&from=${String(first.next)}`), { n: [3], next: undefined })
  assert.deepEqual((await read(world, dry, '?limit=3')).n, [1, 2, 3], 'nothing is used up')
  const post = async (body: object): Promise<JsonObject> =>
    (await world.ask('laptop', 'POST', `${path}/${encodeURIComponent(dry)}/events`, body)).body as JsonObject
  const all = await post({})
  assert.equal((all['events'] as unknown[]).length, 3)
  assert.deepEqual(await post({ next_batch: all['next_batch'] ?? '' }), { events: [], next_batch: all['next_batch'] })
  assert.equal(
    await world.outcome('laptop', 'GET', `${path}/${encodeURIComponent(dry)}/events?from=x`),
    '400 M_INVALID_PARAM',
  )
  assert.equal(
    await world.outcome('laptop', 'GET', `${path}/${encodeURIComponent(dry)}/events?limit=0`),
    '400 M_INVALID_PARAM',
  )
  for (const who of ['phone', 'bob'] as const)
    assert.equal(await world.outcome(who, 'GET', `${path}/PHONE/events`), '403 M_FORBIDDEN')
  assert.equal(await world.outcome('bob', 'GET', `${path}/${encodeURIComponent(dry)}/events`), '403 M_FORBIDDEN')
})

over('another takes its place, and it can be deleted', async (world) => {
  await put(world, device(dry))
  await send(world, dry, 1)
  assert.equal(await put(world, device(dryer)), '200')
  assert.deepEqual(Object.keys((await world.query('bob', alice)).device_keys[alice] ?? {}), [dryer])
  assert.equal(await world.outcome('laptop', 'GET', `${path}/${encodeURIComponent(dry)}/events`), '403 M_FORBIDDEN')
  await send(world, dryer, 2)
  assert.equal(await put(world, device(dryer)), '200', 'the same id anew')
  assert.deepEqual((await read(world, dryer)).n, [], 'is another device')
  assert.deepEqual((await world.ask('laptop', 'DELETE', path)).body, { device_id: dryer })
  assert.equal(await world.outcome('laptop', 'DELETE', path), '404 M_NOT_FOUND')
  assert.deepEqual((await world.query('bob', alice)).device_keys[alice], {})
  await put(world, device(dry))
  await world.log.write((tx) => world.devices.deleteAll(tx, world.nids.alice))
  assert.equal(await world.outcome('laptop', 'GET', path), '404 M_NOT_FOUND', 'it goes with the others')
})

over("a device that is malformed, in use, or not the user's is refused", async (world) => {
  const good = device(dry)
  const without = (name: string): object => Object.fromEntries(Object.entries(good).filter(([key]) => key !== name))
  const wrong: Array<[what: string, body: object, expected: string]> = [
    ['keys of another device', { ...good, device_id: dryer }, '400 M_INVALID_PARAM'],
    ['keys of another user', { ...good, device_keys: deviceKeys(bob, dry) }, '400 M_INVALID_PARAM'],
    ['a device in use', device('LAPTOP'), '403 M_FORBIDDEN'],
    [
      'not signed',
      { ...good, device_keys: { ...(good['device_keys'] as object), signatures: {} } },
      '400 M_INVALID_SIGNATURE',
    ],
    ['no keys', without('device_keys'), '400 M_MISSING_PARAM'],
    ['no data', without('device_data'), '400 M_MISSING_PARAM'],
    ['no id', without('device_id'), '400 M_MISSING_PARAM'],
    ['data of no algorithm', { ...good, device_data: {} }, '400 M_BAD_JSON'],
    ['too much', { ...good, device_data: { ...data, x: 'x'.repeat(300_000) } }, '413 M_TOO_LARGE'],
  ]
  for (const [what, body, expected] of wrong) assert.equal(await put(world, body), expected, what)
  assert.equal(await world.outcome('phone', 'GET', path), '404 M_NOT_FOUND')
  assert.ok(
    (await world.devices.list(world.nids.alice)).some(({ deviceId }) => deviceId === 'LAPTOP'),
    'nothing was undone',
  )
  for (const method of ['GET', 'DELETE'] as const)
    assert.equal(await world.outcome(undefined, method, path), '401 M_MISSING_TOKEN')
})
