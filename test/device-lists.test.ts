// Who is told of whose devices and keys: in syncs, and between two of their tokens.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crossKey, crossKeys, curveKeys, deviceKeys, publicKey, signed } from '../src/devices/fixture.test.ts'
import type { Client } from './harness/client.ts'
import { databases } from './harness/postgres.ts'
import { startServer, type TestServer } from './harness/server.ts'

interface Lists {
  changed: string[]
  left: string[]
}
interface Keys {
  device_one_time_keys_count?: Record<string, number>
  device_unused_fallback_key_types?: string[]
}

const publish = (client: Client): Promise<unknown> =>
  client.req('POST', '/keys/upload', { device_keys: deviceKeys(client.userId, client.deviceId) })
const sorted = ({ changed = [], left = [] }: Partial<Lists> = {}): Lists => ({
  changed: changed.toSorted(),
  left: left.toSorted(),
})

/** What a client is told in its next sync, and by `keys/changes` over the same stretch, which has to be the same. */
async function told(client: Client): Promise<Lists> {
  const from = client.since ?? ''
  const body = await client.sync()
  const lists = sorted(body.device_lists)
  const changes = await client.req<Lists & Record<string, unknown>>(
    'GET',
    `/keys/changes?from=${from}&to=${body.next_batch}`,
  )
  assert.deepEqual(sorted(changes), lists)
  return lists
}

/** A test on every database. `later`, if given, goes on after a restart with what `body` returned. */
const over = <T>(
  name: string,
  body: (server: TestServer) => Promise<T>,
  later?: (server: TestServer, before: T) => Promise<void>,
): void => {
  for (const db of databases) {
    test(`${name} (${db.name})`, async () => {
      const database = await db.open()
      const run = async <U>(part: (server: TestServer) => Promise<U>): Promise<U> => {
        await using server = await startServer({ database: database.url })
        return await part(server)
      }
      try {
        const before = await run(body)
        if (later) await run((server) => later(server, before))
      } finally {
        await database.dispose()
      }
    })
  }
}

const nobody: Lists = { changed: [], left: [] }

over("those who share a room hear of each other's devices and keys, and nobody else does", async (server) => {
  const [alice, bob, carol] = [await server.login('alice'), await server.login('bob'), await server.login('carol')]
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(roomId)
  for (const client of [alice, bob, carol]) {
    const { device_lists: lists } = await client.sync()
    assert.equal(lists, undefined, 'a first sync has none')
  }
  await publish(alice)
  assert.deepEqual(await told(alice), { changed: ['@alice:test'], left: [] })
  assert.deepEqual(await told(bob), { changed: ['@alice:test'], left: [] })
  assert.deepEqual(await told(carol), nobody)

  await alice.req('POST', '/keys/device_signing/upload', crossKeys('@alice:test'))
  assert.deepEqual(await told(bob), { changed: ['@alice:test'], left: [] })
  const phone = await server.login('alice')
  assert.deepEqual(await told(bob), { changed: ['@alice:test'], left: [] })
  await phone.req('POST', '/logout', {})
  assert.deepEqual(await told(bob), { changed: ['@alice:test'], left: [] })
  await alice.req('POST', '/keys/upload', { one_time_keys: curveKeys('@alice:test', alice.deviceId, ['a']) })
  assert.deepEqual(await told(bob), nobody, 'one-time keys are no news')
  assert.deepEqual(await told(carol), nobody)
})

over(
  'whoever comes into a room, or leaves the last one that is shared, is told of the others, and they of them',
  async (server) => {
    const [alice, bob, carol] = [await server.login('alice'), await server.login('bob'), await server.login('carol')]
    const [one, two] = [
      await alice.createRoom({ preset: 'public_chat' }),
      await alice.createRoom({ preset: 'public_chat' }),
    ]
    await bob.join(one)
    for (const client of [alice, bob, carol]) await client.sync()
    await carol.join(one)
    assert.deepEqual(await told(carol), { changed: ['@alice:test', '@bob:test'], left: [] })
    assert.deepEqual(await told(alice), { changed: ['@carol:test'], left: [] })
    await bob.join(two)
    await bob.leave(one)
    assert.deepEqual(await told(carol), { changed: [], left: ['@bob:test'] })
    assert.ok(!(await told(alice)).left.includes('@bob:test'), 'they share the other room')
    assert.ok((await told(bob)).left.includes('@carol:test'))
    await publish(carol)
    assert.deepEqual(await told(bob), nobody)
    await alice.req('POST', `/rooms/${encodeURIComponent(one)}/ban`, { user_id: '@carol:test' })
    assert.deepEqual(await told(alice), { changed: [], left: ['@carol:test'] })
    assert.deepEqual(await told(carol), { changed: ['@carol:test'], left: ['@alice:test'] })
  },
)

over(
  "whom a user trusts is told to the user's own devices, from memory and after a restart",
  async (server) => {
    const [alice, laptop, bob] = [await server.login('alice'), await server.login('alice'), await server.login('bob')]
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    for (const client of [alice, bob]) await client.req('POST', '/keys/device_signing/upload', crossKeys(client.userId))
    for (const client of [alice, laptop, bob]) await client.sync()
    const from = alice.since
    const waiting = laptop.syncUntil((body) => body.device_lists)
    const bobsMaster = signed(
      crossKey('@bob:test', 'master', '@bob:test master'),
      '@alice:test',
      publicKey('@alice:test user'),
      '@alice:test user',
    )
    assert.deepEqual(
      (
        await alice.req('POST', '/keys/signatures/upload', {
          '@bob:test': { [publicKey('@bob:test master')]: bobsMaster },
        })
      )['failures'],
      {},
    )
    assert.deepEqual(await waiting, { changed: ['@bob:test'], left: [] })
    assert.deepEqual(await told(alice), { changed: ['@bob:test'], left: [] })
    assert.deepEqual(await told(bob), nobody)
    return { token: alice.token, since: from }
  },
  async (server, before) => {
    const alice = Object.assign(server.client(), before)
    assert.deepEqual(await told(alice), { changed: ['@bob:test'], left: [] })
    assert.deepEqual(await told(alice), nobody)
  },
)

over('every answer to a device has its counts of keys, also when there is nothing new', async (server) => {
  const [alice, bob] = [await server.login('alice'), await server.login('bob')]
  const keys = async (): Promise<Keys> => {
    const { device_one_time_keys_count: counts, device_unused_fallback_key_types: fallback } =
      (await alice.sync()) as Keys
    return {
      ...(counts && { device_one_time_keys_count: counts }),
      ...(fallback && { device_unused_fallback_key_types: fallback }),
    }
  }
  const expected = (count: number, fallback: string[]): Keys => ({
    device_one_time_keys_count: { signed_curve25519: count },
    device_unused_fallback_key_types: fallback,
  })
  assert.deepEqual(await keys(), expected(0, []))
  await publish(alice)
  await alice.req('POST', '/keys/upload', {
    one_time_keys: curveKeys('@alice:test', alice.deviceId, ['a', 'b']),
    fallback_keys: curveKeys('@alice:test', alice.deviceId, ['f'], { fallback: true }),
  })
  assert.deepEqual(await keys(), expected(2, ['signed_curve25519']))
  for (const [count, fallback] of [
    [1, ['signed_curve25519']],
    [0, ['signed_curve25519']],
    [0, []],
  ] as const) {
    await bob.req('POST', '/keys/claim', {
      one_time_keys: { '@alice:test': { [alice.deviceId]: 'signed_curve25519' } },
    })
    assert.deepEqual(await keys(), expected(count, [...fallback]))
  }
})

over('keys/changes takes tokens of syncs, and no others', async (server) => {
  const alice = await server.login('alice')
  const { next_batch: token } = await alice.sync()
  const ask = (from: string, to: string): Promise<string> => alice.refusal('GET', `/keys/changes?from=${from}&to=${to}`)
  assert.equal(await ask(token, token), '200 (not refused)')
  for (const [from, to] of [
    ['x', token],
    [token, 'x'],
    ['', token],
    ['-1', token],
    [token, '999999999'],
  ] as const)
    assert.equal(await ask(from, to), '400 M_INVALID_PARAM')
  assert.equal(await alice.refusal('GET', `/keys/changes?from=${token}`), '400 M_MISSING_PARAM')
})
