// Whatever a client can send to the endpoints of encryption: an answer that says what is wrong, and nothing kept that cannot be given out.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MatrixError } from '../matrix/errors.ts'
import type { Json, JsonObject } from '../matrix/json.ts'
import { signedText } from '../matrix/signing.ts'
import {
  alice,
  bob,
  crossKey,
  crossKeys,
  curveKeys,
  deviceKeys,
  over,
  publicKey,
  signed,
  type World,
} from './fixture.test.ts'
import { parseDeviceKeys, parseKeys } from './keys/parse.ts'

const text = fc.string({ unit: 'binary', maxLength: 12 }).filter((part) => part.isWellFormed())
const name = fc.oneof(
  text,
  fc.constantFrom(
    'signed_curve25519:a',
    'ed25519:PHONE',
    'curve25519:PHONE',
    alice,
    bob,
    'PHONE',
    'constructor',
    publicKey('x'),
  ),
)
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as Json)
const value: fc.Arbitrary<unknown> = fc.oneof(
  json,
  name,
  fc.constantFrom(publicKey('x'), 'A'.repeat(86), 1.5, -1, null, [], {}),
)
const object = fc.dictionary(name, value, { maxKeys: 4 })
const deep = fc.dictionary(name, fc.dictionary(name, fc.oneof(value, object), { maxKeys: 3 }), { maxKeys: 3 })

/** A good body in which one thing, somewhere, is something else. */
const bent = (good: JsonObject): fc.Arbitrary<JsonObject> =>
  fc.tuple(fc.nat(), value).map(([seed, other]) => {
    const copy = structuredClone(good)
    let [at, left]: [Record<string, unknown>, number] = [copy, seed]
    for (;;) {
      const keys = Object.keys(at)
      const key = keys[left % keys.length] ?? 'x'
      left = Math.floor(left / Math.max(keys.length, 1))
      const next = at[key]
      if (typeof next !== 'object' || next === null || Array.isArray(next) || left % 3 === 0) {
        at[key] = other
        return copy
      }
      at = next as Record<string, unknown>
    }
  })

const device = deviceKeys(alice, 'PHONE')
const uploads = bent({
  device_keys: device,
  one_time_keys: curveKeys(alice, 'PHONE', ['a', 'b']),
  fallback_keys: curveKeys(alice, 'PHONE', ['f']),
})
const backups = bent({
  rooms: {
    '!a:one.test': {
      sessions: { s: { first_message_index: 1, forwarded_count: 1, is_verified: true, session_data: { x: 'x' } } },
    },
  },
})

/** Everything that can be asked for still answers, in the specification's shapes (which `ask` looks at). */
async function stillAnswers(world: World): Promise<void> {
  await world.query('bob', alice, bob)
  await world.query('phone', alice, bob)
  for (const path of ['/room_keys/version', '/room_keys/keys?version=1'])
    assert.equal((await world.ask('phone', 'GET', path)).status, 200)
}

over("nothing that a client can send makes the server stumble, or anybody else's answer malformed", async (world) => {
  const { outcome } = world
  await outcome('phone', 'POST', '/room_keys/version', {
    algorithm: 'm.megolm_backup.v1.curve25519-aes-sha2',
    auth_data: { public_key: publicKey('b'), signatures: {} },
  })
  const refusedOrDone = async (request: Promise<string>): Promise<void> =>
    assert.match(await request, /^(200|4\d\d M_\w+)$/)
  await fc.assert(
    fc.asyncProperty(
      uploads,
      bent(crossKeys(alice)),
      backups,
      deep,
      object,
      async (upload, cross, backup, some, other) => {
        await refusedOrDone(outcome('phone', 'POST', '/keys/upload', upload))
        await refusedOrDone(
          outcome('phone', 'POST', '/keys/upload', { device_keys: other, one_time_keys: some, fallback_keys: some }),
        )
        await refusedOrDone(outcome('bob', 'POST', '/keys/query', { device_keys: other }))
        await refusedOrDone(outcome('bob', 'POST', '/keys/claim', { one_time_keys: some }))
        await refusedOrDone(outcome('phone', 'POST', '/keys/device_signing/upload', { ...cross, auth: {} }))
        await refusedOrDone(outcome('phone', 'POST', '/keys/signatures/upload', some))
        await refusedOrDone(
          outcome('phone', 'POST', '/keys/signatures/upload', { [alice]: { PHONE: upload['device_keys'] ?? {} } }),
        )
        await refusedOrDone(outcome('phone', 'PUT', '/room_keys/keys?version=1', backup))
        await refusedOrDone(outcome('phone', 'PUT', '/room_keys/keys?version=1', { rooms: some }))
        await refusedOrDone(
          outcome('phone', 'POST', '/room_keys/version', { algorithm: other['x'] ?? '', auth_data: other }),
        )
        await refusedOrDone(outcome('phone', 'DELETE', '/room_keys/version/2'))
        await refusedOrDone(
          outcome('phone', 'PUT', '/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device', {
            ...upload,
            device_id: 'DRY',
            device_data: { algorithm: 'x', ...other },
          }),
        )
        await stillAnswers(world)
      },
    ),
    { numRuns: 40 },
  )
})

over('of one who is gone for good nothing stays', async (world) => {
  const { outcome, devices, nids, database } = world
  await outcome('phone', 'POST', '/keys/upload', {
    device_keys: device,
    one_time_keys: curveKeys(alice, 'PHONE', ['a']),
  })
  await outcome('phone', 'POST', '/keys/device_signing/upload', crossKeys(alice))
  await outcome('bob', 'POST', '/keys/device_signing/upload', crossKeys(bob))
  const sign = (who: 'phone' | 'bob', by: string, of: string): Promise<unknown> =>
    world.ask(who, 'POST', '/keys/signatures/upload', {
      [of]: {
        [publicKey(`${of} master`)]: signed(
          crossKey(of, 'master', `${of} master`),
          by,
          publicKey(`${by} user`),
          `${by} user`,
        ),
      },
    })
  await sign('phone', alice, bob)
  await sign('bob', bob, alice)
  await outcome('phone', 'POST', '/room_keys/version', { algorithm: 'x', auth_data: {} })
  await outcome('phone', 'PUT', '/room_keys/keys/!a:one.test/s?version=1', {
    first_message_index: 1,
    forwarded_count: 1,
    is_verified: true,
    session_data: {},
  })
  await world.log.write((tx) => devices.deleteAll(tx, nids.alice))
  await devices.forgetUser(nids.alice)
  assert.deepEqual(await world.query('bob', alice), {
    failures: {},
    device_keys: { [alice]: {} },
    master_keys: {},
    self_signing_keys: {},
    user_signing_keys: {},
  })
  assert.equal((await world.ask('phone', 'GET', '/room_keys/version')).status, 404)
  const left = async (
    table: 'device_keys' | 'one_time_keys' | 'backed_up_keys' | 'key_signature_changes',
  ): Promise<number> => (await database.read.selectFrom(table).selectAll().execute()).length
  assert.deepEqual(
    [
      await left('device_keys'),
      await left('one_time_keys'),
      await left('backed_up_keys'),
      await left('key_signature_changes'),
    ],
    [0, 0, 0, 1],
  )
  const signatures = await database.read.selectFrom('key_signatures').select(['signer_nid', 'target_nid']).execute()
  assert.ok(signatures.every((row) => row.signer_nid === nids.bob && row.target_nid === nids.bob))
})

test('device keys are accepted as they were signed, and in no other form', () => {
  const owner = { userId: alice, deviceId: 'PHONE' }
  fc.assert(
    fc.property(bent(device), (other) => {
      let accepted: unknown
      try {
        accepted = parseDeviceKeys(other, owner).json
      } catch (error) {
        // Shapes are looked at before, by the route.
        if (!(error instanceof MatrixError)) throw error
      }
      if (accepted !== undefined) assert.equal(signedText(other), signedText(device))
    }),
    { numRuns: 500 },
  )
})

test('one-time keys are named by algorithm and id, whatever the id is made of', () => {
  const part = text.filter((one) => one !== '' && !one.includes('\0'))
  fc.assert(
    fc.property(
      part.filter((one) => !one.includes(':')),
      part,
      (algorithm, keyId) => {
        fc.pre(algorithm !== 'curve25519' && algorithm !== 'signed_curve25519')
        assert.deepEqual(parseKeys({ [`${algorithm}:${keyId}`]: 'k' }, { userId: alice, deviceId: 'PHONE' }), [
          { algorithm, keyId, json: '"k"' },
        ])
      },
    ),
  )
})
