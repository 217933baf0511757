import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from '../../matrix/json.ts'
import { alice, over, publicKey, type Who, type World } from '../fixture.test.ts'
import { isBetter } from './keys.ts'

const algorithm = 'm.megolm_backup.v1.curve25519-aes-sha2'
const method = {
  algorithm,
  auth_data: { public_key: publicKey('backup'), signatures: { [alice]: { 'ed25519:PHONE': 'x' } } },
}
const key = (more: object = {}): JsonObject => ({
  first_message_index: 1,
  forwarded_count: 0,
  is_verified: false,
  session_data: { ciphertext: 'x' },
  ...more,
})
const [one, two] = ['!one:one.test', '!two:one.test']

const create = async (world: World, who: Who = 'phone'): Promise<string> =>
  String((await world.ask(who, 'POST', '/room_keys/version', method)).body['version'])
const info = async (world: World): Promise<JsonObject> =>
  (await world.ask('phone', 'GET', '/room_keys/version')).body as JsonObject
const at = (path: string, version: string): string => `/room_keys/keys${path}?version=${version}`
const put = (world: World, version: string, rooms: Record<string, Record<string, object>>): Promise<string> =>
  world.outcome('phone', 'PUT', at('', version), {
    rooms: Object.fromEntries(Object.entries(rooms).map(([roomId, sessions]) => [roomId, { sessions }])),
  })
const get = async (world: World, version: string, path = ''): Promise<unknown> =>
  (await world.ask('phone', 'GET', at(path, version))).body

over('a backup is made, described, and given other auth_data', async (world) => {
  assert.equal(await world.outcome('phone', 'GET', '/room_keys/version'), '404 M_NOT_FOUND')
  assert.deepEqual([await create(world), await create(world)], ['1', '2'])
  const described = { ...method, count: 0, etag: '0' }
  assert.deepEqual(await info(world), { ...described, version: '2' })
  assert.deepEqual((await world.ask('laptop', 'GET', '/room_keys/version/1')).body, { ...described, version: '1' })
  const changed = { ...method, auth_data: { ...method.auth_data, signatures: {} } }
  assert.equal(await world.outcome('phone', 'PUT', '/room_keys/version/1', { ...changed, version: '1' }), '200')
  assert.equal(await world.outcome('phone', 'PUT', '/room_keys/version/2', changed), '200')
  assert.deepEqual((await world.ask('phone', 'GET', '/room_keys/version/1')).body, {
    ...described,
    ...changed,
    version: '1',
  })
  assert.equal(
    await world.outcome('phone', 'PUT', '/room_keys/version/1', { ...changed, version: '2' }),
    '400 M_INVALID_PARAM',
  )
  assert.equal(
    await world.outcome('phone', 'PUT', '/room_keys/version/1', { ...changed, algorithm: 'other' }),
    '400 M_INVALID_PARAM',
  )
  assert.equal(await world.outcome('phone', 'PUT', '/room_keys/version/3', changed), '404 M_NOT_FOUND')
  for (const version of ['3', '0', 'x', '01', '1.0', '-1', '99999999999999999999']) {
    assert.equal(await world.outcome('phone', 'GET', `/room_keys/version/${version}`), '404 M_NOT_FOUND', version)
  }
  assert.equal(await world.outcome('bob', 'GET', '/room_keys/version/1'), '404 M_NOT_FOUND', "it is alice's alone")
})

over('auth_data that is malformed, or too much, is refused', async (world) => {
  const wrong: Array<[body: object, expected: string]> = [
    [{ algorithm, auth_data: { public_key: 'short' } }, '400 M_INVALID_PARAM'],
    [{ algorithm, auth_data: {} }, '400 M_INVALID_PARAM'],
    [{ algorithm, auth_data: 'x' }, '400 M_BAD_JSON'],
    [{ algorithm }, '400 M_MISSING_PARAM'],
    [{ auth_data: {} }, '400 M_MISSING_PARAM'],
    [{ algorithm: '', auth_data: {} }, '400 M_BAD_JSON'],
    [{ algorithm: 'a\0', auth_data: {} }, '400 M_BAD_JSON'],
    [{ algorithm: 'x', auth_data: { x: 0.5 } }, '400 M_BAD_JSON'],
    [{ algorithm: 'x', auth_data: { x: 'x'.repeat(40_000) } }, '413 M_TOO_LARGE'],
  ]
  for (const [body, expected] of wrong)
    assert.equal(
      await world.outcome('phone', 'POST', '/room_keys/version', body),
      expected,
      JSON.stringify(body).slice(0, 80),
    )
  for (let count = 0; count < 20; count++) await create(world)
  assert.equal(await world.outcome('phone', 'POST', '/room_keys/version', method), '403 M_RESOURCE_LIMIT_EXCEEDED')
  assert.equal(await create(world, 'bob'), '1')
})

over('a deleted backup is gone with its keys, and its version never comes again', async (world) => {
  await create(world)
  await create(world)
  await put(world, '2', { [one]: { s: key() } })
  assert.equal(await world.outcome('phone', 'DELETE', '/room_keys/version/2'), '200')
  assert.equal(await world.outcome('phone', 'DELETE', '/room_keys/version/2'), '200', 'as often as one likes')
  assert.equal((await info(world))['version'], '1', 'the one before is the newest again')
  assert.equal(await world.outcome('phone', 'GET', '/room_keys/version/2'), '404 M_NOT_FOUND')
  assert.equal(await world.outcome('phone', 'GET', at('', '2')), '404 M_NOT_FOUND')
  assert.equal((await world.database.read.selectFrom('backed_up_keys').selectAll().execute()).length, 0)
  for (const version of ['3', 'x', '0'])
    assert.equal(await world.outcome('phone', 'DELETE', `/room_keys/version/${version}`), '404 M_NOT_FOUND')
  assert.equal(await create(world), '3')
  for (const version of ['3', '1', '2'])
    assert.equal(await world.outcome('phone', 'DELETE', `/room_keys/version/${version}`), '200')
  assert.equal((await world.database.read.selectFrom('key_backups').selectAll().execute()).length, 1)
  assert.equal(await create(world), '4')
})

over('keys are put and got for all rooms, a room, and a session', async (world) => {
  const version = await create(world)
  assert.deepEqual(await get(world, version), { rooms: {} })
  assert.deepEqual(await get(world, version, `/${one}`), { sessions: {} })
  assert.deepEqual(
    (
      await world.ask('phone', 'PUT', at('', version), {
        rooms: { [one]: { sessions: { a: key(), b: key() } }, [two]: { sessions: { c: key() } } },
      })
    ).body,
    { etag: '1', count: 3 },
  )
  assert.deepEqual((await world.ask('phone', 'PUT', at(`/${one}`, version), { sessions: { d: key() } })).body, {
    etag: '2',
    count: 4,
  })
  assert.deepEqual((await world.ask('laptop', 'PUT', at(`/${two}/e`, version), key({ is_verified: true }))).body, {
    etag: '3',
    count: 5,
  })
  const ones = { sessions: { a: key(), b: key(), d: key() } }
  const twos = { sessions: { c: key(), e: key({ is_verified: true }) } }
  assert.deepEqual(await get(world, version), { rooms: { [one]: ones, [two]: twos } })
  assert.deepEqual(await get(world, version, `/${two}`), twos)
  assert.deepEqual(await get(world, version, `/${two}/e`), key({ is_verified: true }))
  assert.equal(await world.outcome('phone', 'GET', at(`/${two}/a`, version)), '404 M_NOT_FOUND')
  const { count, etag } = await info(world)
  assert.deepEqual([count, etag], [5, '3'])
  assert.deepEqual((await world.ask('phone', 'DELETE', at(`/${two}/e`, version))).body, { etag: '4', count: 4 })
  assert.deepEqual((await world.ask('phone', 'DELETE', at(`/${two}/e`, version))).body, { etag: '4', count: 4 })
  assert.deepEqual((await world.ask('phone', 'DELETE', at(`/${one}`, version))).body, { etag: '5', count: 1 })
  assert.deepEqual(await get(world, version), { rooms: { [two]: { sessions: { c: key() } } } })
  assert.deepEqual((await world.ask('phone', 'DELETE', at('', version))).body, { etag: '6', count: 0 })
  assert.deepEqual(await get(world, version), { rooms: {} })
  for (const path of ['', `/${one}`, `/${one}/a`]) {
    assert.equal(await world.outcome('phone', 'DELETE', at(path, '7')), '404 M_NOT_FOUND')
    assert.equal(await world.outcome('phone', 'GET', at(path, '7')), '404 M_NOT_FOUND')
    assert.equal(await world.outcome('bob', 'GET', at(path, version)), '404 M_NOT_FOUND')
    assert.equal(await world.outcome('phone', 'GET', `/room_keys/keys${path}`), '400 M_MISSING_PARAM')
    assert.equal(await world.outcome(undefined, 'GET', at(path, version)), '401 M_MISSING_TOKEN')
  }
})

over('keys go into the newest backup alone', async (world) => {
  assert.equal(await put(world, '1', { [one]: { a: key() } }), '404 M_NOT_FOUND')
  await create(world)
  await create(world)
  const refused = await world.ask('phone', 'PUT', at(`/${one}/a`, '1'), key())
  assert.deepEqual(
    [refused.status, refused.body['errcode'], refused.body['current_version']],
    [403, 'M_WRONG_ROOM_KEYS_VERSION', '2'],
  )
  assert.equal(await put(world, '3', { [one]: { a: key() } }), '404 M_NOT_FOUND')
  assert.equal(await put(world, 'x', { [one]: { a: key() } }), '404 M_NOT_FOUND')
  assert.equal(await put(world, '2', { [one]: { a: key() } }), '200')
  assert.equal(await put(world, '2', {}), '200')
})

over('of two keys for a session the better one stays', async (world) => {
  const version = await create(world)
  const steps: Array<[key: object, stays: object]> = []
  const say = (next: object, kept: object): void => void steps.push([next, kept])
  const worst = { is_verified: false, first_message_index: 5, forwarded_count: 5, session_data: { n: 1 } }
  say(worst, worst)
  say({ ...worst, session_data: { n: 2 } }, worst)
  say({ ...worst, first_message_index: 6, forwarded_count: 0 }, worst)
  const lessForwarded = { ...worst, forwarded_count: 4, session_data: { n: 3 } }
  say(lessForwarded, lessForwarded)
  const earlier = { ...worst, first_message_index: 4, forwarded_count: 9, session_data: { n: 4 } }
  say(earlier, earlier)
  const verified = { ...worst, is_verified: true, first_message_index: 9, forwarded_count: 9, session_data: { n: 5 } }
  say(verified, verified)
  say({ ...worst, first_message_index: 0, forwarded_count: 0 }, verified)
  const best = { ...verified, first_message_index: 0, session_data: { n: 6 } }
  say(best, best)
  let etag = 0
  let last: object | undefined
  for (const [next, kept] of steps) {
    if (kept !== last) etag++
    assert.deepEqual((await world.ask('phone', 'PUT', at(`/${one}/a`, version), next)).body, {
      etag: String(etag),
      count: 1,
    })
    assert.deepEqual(await get(world, version, `/${one}/a`), kept)
    last = kept
  }
})

over('malformed keys are refused', async (world) => {
  const version = await create(world)
  const wrong: Array<[what: string, room: string, session: string, key: object, expected: string]> = [
    ['a room id that is none', 'x', 'a', key(), '400 M_INVALID_PARAM'],
    ['a session of no name', one, '', key(), '400 M_INVALID_PARAM'],
    ['U+0000', one, 'a\0', key(), '400 M_INVALID_PARAM'],
    ['a long name', one, 'x'.repeat(256), key(), '400 M_INVALID_PARAM'],
    ['a negative index', one, 'a', key({ first_message_index: -1 }), '400 M_BAD_JSON'],
    ['half an index', one, 'a', key({ first_message_index: 0.5 }), '400 M_BAD_JSON'],
    ['no count', one, 'a', key({ forwarded_count: '1' }), '400 M_BAD_JSON'],
    ['too high a count', one, 'a', key({ forwarded_count: 2 ** 60 }), '400 M_BAD_JSON'],
    ['no truth', one, 'a', key({ is_verified: 1 }), '400 M_BAD_JSON'],
    ['no data', one, 'a', key({ session_data: 'x' }), '400 M_BAD_JSON'],
    ['too much', one, 'a', key({ session_data: { x: 'x'.repeat(40_000) } }), '413 M_TOO_LARGE'],
  ]
  for (const [what, room, session, wrongKey, expected] of wrong)
    assert.equal(await put(world, version, { [room]: { [session]: wrongKey } }), expected, what)
  assert.equal((await info(world))['count'], 0)
  assert.equal(await world.outcome('phone', 'PUT', at(`/${one}`, version), { sessions: [] }), '400 M_BAD_JSON')
  assert.equal(await world.outcome('phone', 'PUT', at('', version), {}), '400 M_MISSING_PARAM')
})

over('a large backup comes in many parts, and whole', async (world) => {
  const version = await create(world)
  const rooms = Object.fromEntries(
    [one, two, '!three:one.test'].map((roomId, room) => [
      roomId,
      {
        sessions: Object.fromEntries(
          Array.from({ length: 500 * (room + 1) + room }, (_, index) => [
            `s${index}`,
            key({ session_data: { n: index, name: '"é\0\u{1F600}' } }),
          ]),
        ),
      },
    ]),
  )
  const { body } = await world.ask('phone', 'PUT', at('', version), { rooms })
  assert.equal(body['count'], 3003)
  assert.deepEqual(await get(world, version), { rooms })
  assert.deepEqual(await get(world, version, `/${two}`), rooms[two])
  assert.deepEqual((await world.ask('phone', 'DELETE', at(`/${two}`, version))).body['count'], 2002)
  const row = await world.database.read.selectFrom('key_backups').select(['keys', 'bytes']).executeTakeFirstOrThrow()
  const left = (await world.database.read.selectFrom('backed_up_keys').select('session_data').execute()).map((kept) =>
    Buffer.byteLength(kept.session_data),
  )
  assert.deepEqual([row.keys, row.bytes], [left.length, left.reduce((sum, size) => sum + size, 0)])
  assert.deepEqual((await world.ask('phone', 'DELETE', at('', version))).body['count'], 0)
  assert.deepEqual(await get(world, version), { rooms: {} })
  await put(world, version, { [two]: rooms[two]?.sessions ?? {}, [one]: rooms[one]?.sessions ?? {} })
  assert.equal(await world.outcome('phone', 'DELETE', `/room_keys/version/${version}`), '200')
  assert.equal((await world.database.read.selectFrom('backed_up_keys').selectAll().execute()).length, 0)
})

over('two devices that back up at the same time lose nothing', async (world) => {
  const version = await create(world)
  await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      world.outcome(index % 2 ? 'phone' : 'laptop', 'PUT', at('', version), {
        rooms: { [one]: { sessions: { [`s${index}`]: key(), same: key({ first_message_index: index }) } } },
      }),
    ),
  )
  const { count, etag } = await info(world)
  assert.equal(count, 41)
  assert.equal(etag, '40')
  assert.deepEqual(await get(world, version, `/${one}/same`), key({ first_message_index: 0 }))
})

test('better is a strict order, whatever the keys', () => {
  const row = fc.record({
    room_id: fc.constant(''),
    session_id: fc.constant(''),
    session_data: fc.constant(''),
    first_message_index: fc.nat(3),
    forwarded_count: fc.nat(3),
    is_verified: fc.nat(1),
  })
  fc.assert(
    fc.property(row, row, row, (a, b, c) => {
      assert.ok(!isBetter(a, a))
      assert.ok(!(isBetter(a, b) && isBetter(b, a)))
      if (isBetter(a, b) && isBetter(b, c)) assert.ok(isBetter(a, c))
    }),
  )
})
