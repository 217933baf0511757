import assert from 'node:assert/strict'
import type { JsonObject } from '../../matrix/json.ts'
import {
  alice,
  bob,
  crossKey,
  crossKeys,
  deviceKeys,
  over,
  publicKey,
  signed,
  signersOf,
  type Who,
  type World,
} from '../fixture.test.ts'

const upload = (world: World, who: Who, body: object): Promise<string> =>
  world.outcome(who, 'POST', '/keys/device_signing/upload', body)
const sign = async (world: World, who: Who, objects: object): Promise<unknown> => {
  const { status, body } = await world.ask(who, 'POST', '/keys/signatures/upload', objects)
  assert.equal(status, 200)
  return Object.fromEntries(
    Object.entries(body['failures'] as Record<string, Record<string, { errcode: string }>>).flatMap(([user, byKey]) =>
      Object.entries(byKey).map(([key, { errcode }]) => [`${user} ${key}`, errcode]),
    ),
  )
}
const keys = crossKeys(alice)
const [masterKey, selfKey, userKey] = ['master', 'self', 'user'].map((name) => publicKey(`${alice} ${name}`)) as [
  string,
  string,
  string,
]
const master = keys['master_key'] as JsonObject
const phone = deviceKeys(alice, 'PHONE')
const bySelf = (object: JsonObject): JsonObject => signed(object, alice, selfKey, `${alice} self`)

over('a user publishes cross-signing keys, and others see all but one of them', async (world) => {
  const before = world.log.now
  assert.equal(await upload(world, 'phone', keys), '200')
  assert.deepEqual(world.asked, [], 'the first keys need no confirmation')
  assert.deepEqual(await world.devices.listChanges(before, world.log.now), [world.nids.alice])
  const seen = {
    failures: {},
    device_keys: { [alice]: {} },
    master_keys: { [alice]: master },
    self_signing_keys: { [alice]: keys['self_signing_key'] },
  }
  assert.deepEqual(await world.query('bob', alice), { ...seen, user_signing_keys: {} })
  assert.deepEqual(await world.query('laptop', alice), {
    ...seen,
    user_signing_keys: { [alice]: keys['user_signing_key'] },
  })
})

over('the same keys can come again, and other keys must be confirmed', async (world) => {
  await upload(world, 'phone', keys)
  const before = world.log.now
  assert.equal(await upload(world, 'laptop', keys), '200')
  assert.equal(await upload(world, 'laptop', { self_signing_key: keys['self_signing_key'] }), '200')
  assert.equal(await upload(world, 'laptop', {}), '200')
  assert.deepEqual([world.asked.length, await world.devices.listChanges(before, world.log.now)], [0, []])
  const others = crossKeys(alice, ' 2')
  assert.equal((await world.ask('phone', 'POST', '/keys/device_signing/upload', others)).status, 401)
  const self = crossKey(alice, 'self_signing', 'another', `${alice} master`)
  assert.equal(
    (await world.ask('phone', 'POST', '/keys/device_signing/upload', { self_signing_key: self })).status,
    401,
  )
  assert.deepEqual((await world.query('phone', alice)).master_keys[alice], master)
  assert.deepEqual(
    world.asked.map(({ operation, session }) => [operation, session.userId]),
    Array.from({ length: 2 }, () => ['replace cross-signing keys', alice]),
  )
  assert.equal(await upload(world, 'phone', { ...others, auth: { type: 'x' } }), '200')
  const now = await world.query('phone', alice)
  assert.deepEqual(
    [now.master_keys[alice], now.self_signing_keys[alice], now.user_signing_keys[alice]],
    [others['master_key'], others['self_signing_key'], others['user_signing_key']],
  )
  assert.deepEqual(await world.devices.listChanges(before, world.log.now), [world.nids.alice])
})

over('of two first uploads at the same time one has to be confirmed', async (world) => {
  const both = await Promise.all(
    [keys, crossKeys(alice, ' 2')].map((body) => world.ask('phone', 'POST', '/keys/device_signing/upload', body)),
  )
  assert.deepEqual(
    both.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 401],
  )
})

over('keys that another master key has signed go with that key', async (world) => {
  await upload(world, 'phone', keys)
  await world.outcome('phone', 'POST', '/keys/upload', { device_keys: bySelf(phone) })
  await upload(world, 'bob', crossKeys(bob))
  const bobsMaster = crossKey(bob, 'master', `${bob} master`)
  assert.deepEqual(
    await sign(world, 'phone', {
      [bob]: { [publicKey(`${bob} master`)]: signed(bobsMaster, alice, userKey, `${alice} user`) },
    }),
    {},
  )
  assert.equal(signersOf((await world.query('phone', bob)).master_keys[bob], alice).length, 1)
  assert.equal(
    await upload(world, 'phone', { master_key: crossKey(alice, 'master', 'other'), auth: { type: 'x' } }),
    '200',
  )
  const now = await world.query('phone', alice, bob)
  assert.deepEqual(
    [now.self_signing_keys, now.user_signing_keys],
    [{ [bob]: crossKey(bob, 'self_signing', `${bob} self`, `${bob} master`) }, {}],
  )
  assert.deepEqual(
    now.master_keys,
    { [alice]: crossKey(alice, 'master', 'other'), [bob]: bobsMaster },
    'nor is what they signed any longer signed',
  )
  assert.deepEqual(signersOf(now.device_keys[alice]?.['PHONE'], alice), ['ed25519:PHONE'])
})

over('a new master key takes over the other keys when it has signed them', async (world) => {
  await upload(world, 'phone', keys)
  await world.outcome('phone', 'POST', '/keys/upload', { device_keys: bySelf(phone) })
  const resigned = { ...(keys['self_signing_key'] as JsonObject), signatures: {} }
  const self = signed(resigned, alice, publicKey('other'), 'other')
  assert.equal(
    await upload(world, 'phone', {
      master_key: crossKey(alice, 'master', 'other'),
      self_signing_key: self,
      auth: { type: 'x' },
    }),
    '200',
  )
  const now = await world.query('bob', alice)
  assert.deepEqual(now.self_signing_keys[alice], self)
  assert.equal(signersOf(now.device_keys[alice]?.['PHONE'], alice).length, 2, 'what it signed stays signed')
})

over('malformed cross-signing keys are refused', async (world) => {
  const own = (more: JsonObject): object => ({ ...keys, master_key: { ...master, ...more } })
  const wrong: Array<[what: string, body: object, expected: string]> = [
    ['of another user', crossKeys(bob), '400 M_INVALID_PARAM'],
    ['for something else', own({ usage: ['self_signing'] }), '400 M_INVALID_PARAM'],
    [
      'two keys',
      own({ keys: { [`ed25519:${masterKey}`]: masterKey, [`ed25519:${selfKey}`]: selfKey } }),
      '400 M_INVALID_PARAM',
    ],
    ['no key', own({ keys: {} }), '400 M_INVALID_PARAM'],
    ['a key of another name', own({ keys: { [`ed25519:${selfKey}`]: masterKey } }), '400 M_INVALID_PARAM'],
    ['another algorithm', own({ keys: { [`x:${masterKey}`]: masterKey } }), '400 M_INVALID_PARAM'],
    ['a key that is none', own({ keys: { 'ed25519:x': 'x' } }), '400 M_INVALID_PARAM'],
    ['keys that are no texts', own({ keys: { 'ed25519:x': 7 } }), '400 M_BAD_JSON'],
    ['signatures that are none', own({ signatures: { [alice]: 7 } }), '400 M_BAD_JSON'],
    ['too much', own({ x: 'x'.repeat(5000) }), '413 M_TOO_LARGE'],
    ['no integer', own({ x: 0.5 }), '400 M_BAD_JSON'],
    ['nothing', { master_key: {} }, '400 M_BAD_JSON'],
    ['no master key', { self_signing_key: keys['self_signing_key'] }, '400 M_MISSING_PARAM'],
    [
      'not signed',
      { ...keys, self_signing_key: crossKey(alice, 'self_signing', `${alice} self`) },
      '400 M_INVALID_SIGNATURE',
    ],
    [
      'signed by another',
      { ...keys, user_signing_key: crossKey(alice, 'user_signing', 'x', 'another') },
      '400 M_INVALID_SIGNATURE',
    ],
    [
      'wrongly signed',
      { ...keys, user_signing_key: signed(crossKey(alice, 'user_signing', 'x'), alice, masterKey, 'forger') },
      '400 M_INVALID_SIGNATURE',
    ],
    [
      'one key for two things',
      { master_key: master, self_signing_key: crossKey(alice, 'self_signing', `${alice} master`, `${alice} master`) },
      '400 M_INVALID_PARAM',
    ],
  ]
  for (const [what, body, expected] of wrong) assert.equal(await upload(world, 'phone', body), expected, what)
  assert.deepEqual((await world.query('bob', alice)).master_keys, {})
  assert.equal(await upload(world, 'phone', keys), '200')
  assert.equal(
    await upload(world, 'phone', {
      self_signing_key: crossKey(alice, 'self_signing', `${alice} user`, `${alice} master`),
      auth: {},
    }),
    '400 M_INVALID_PARAM',
  )
})

over('a device and a cross-signing key never have one name', async (world) => {
  const ensure = (deviceId: string): Promise<unknown> =>
    world.log.write((tx) => world.devices.ensure(tx, { user: world.nids.alice, deviceId }))
  await ensure(masterKey)
  assert.equal(await upload(world, 'phone', keys), '403 M_FORBIDDEN')
  await world.log.write((tx) => world.devices.delete(tx, world.nids.alice, [masterKey]))
  assert.equal(await upload(world, 'phone', keys), '200')
  await assert.rejects(ensure(masterKey), { errcode: 'M_FORBIDDEN' })
})

over('a master key comes with the signatures of devices, and with no others', async (world) => {
  await world.outcome('phone', 'POST', '/keys/upload', { device_keys: phone })
  assert.equal(
    await upload(world, 'phone', { master_key: signed(master, alice, 'PHONE', 'forger') }),
    '400 M_INVALID_SIGNATURE',
  )
  const byPhone = signed(master, alice, 'PHONE', `${alice} PHONE`)
  assert.equal(
    await upload(world, 'phone', { master_key: signed(signed(byPhone, alice, 'GONE', 'x'), bob, 'BOB', 'y') }),
    '200',
  )
  assert.deepEqual((await world.query('bob', alice)).master_keys[alice], byPhone)
})

over(
  'users sign their devices, their master key, and the master keys of others, and each is seen by whom it concerns',
  async (world) => {
    await upload(world, 'phone', keys)
    await upload(world, 'bob', crossKeys(bob))
    await world.outcome('phone', 'POST', '/keys/upload', { device_keys: phone })
    const bobsMaster = crossKey(bob, 'master', `${bob} master`)
    const byAlice = signed(bobsMaster, alice, userKey, `${alice} user`)
    const before = world.log.now
    assert.deepEqual(
      await sign(world, 'phone', {
        [alice]: {
          PHONE: { ...bySelf(phone), unsigned: { device_display_name: 'x' } },
          [masterKey]: signed(master, alice, 'PHONE', `${alice} PHONE`),
        },
        [bob]: { [publicKey(`${bob} master`)]: byAlice },
      }),
      {},
    )
    const now = world.log.now
    const mine = await world.query('laptop', alice, bob)
    const theirs = await world.query('bob', alice, bob)
    for (const seen of [mine, theirs]) {
      assert.deepEqual(seen.device_keys[alice]?.['PHONE'], {
        ...bySelf(phone),
        unsigned: { device_display_name: 'The PHONE' },
      })
      assert.deepEqual(seen.master_keys[alice], signed(master, alice, 'PHONE', `${alice} PHONE`))
    }
    assert.deepEqual(mine.master_keys[bob], byAlice)
    assert.deepEqual(theirs.master_keys[bob], bobsMaster, 'whom alice trusts is her business')
    const { devices, nids } = world
    assert.deepEqual(await devices.listChanges(before, now, nids.alice), [nids.alice, nids.bob])
    assert.deepEqual(await devices.listChanges(before, now, nids.bob), [nids.alice])
    assert.deepEqual(await devices.listChanges(now, now + 5, nids.alice), [])
    assert.deepEqual(
      await devices.crossSigning.signedBy(nids.alice, 0, now),
      [nids.bob],
      'from the table as from memory',
    )
    assert.deepEqual(await devices.crossSigning.signedBy(nids.bob, 0, now), [])
    assert.deepEqual(await sign(world, 'phone', { [alice]: { PHONE: bySelf(phone) } }), {})
    assert.deepEqual(await devices.listChanges(now, world.log.now, nids.alice), [], 'the same once more is no news')
  },
)

over('a forged signature, or one that may not be, is told and never kept', async (world) => {
  await upload(world, 'phone', keys)
  await upload(world, 'bob', crossKeys(bob))
  for (const [who, device] of [
    ['phone', phone],
    ['laptop', deviceKeys(alice, 'LAPTOP')],
    ['bob', deviceKeys(bob, 'BOB')],
  ] as const) {
    assert.equal(await world.outcome(who, 'POST', '/keys/upload', { device_keys: device }), '200')
  }
  const bobsMaster = crossKey(bob, 'master', `${bob} master`)
  const bobsKey = publicKey(`${bob} master`)
  const self = keys['self_signing_key'] as JsonObject
  const wrong: Array<[what: string, user: string, key: string, object: JsonObject, code: string]> = [
    ['forged by the self-signing key', alice, 'PHONE', signed(phone, alice, selfKey, 'forger'), 'M_INVALID_SIGNATURE'],
    [
      'no signature at all',
      alice,
      'PHONE',
      { ...phone, signatures: { [alice]: { [`ed25519:${selfKey}`]: 'x' } } },
      'M_INVALID_SIGNATURE',
    ],
    [
      'a device by the master key',
      alice,
      'PHONE',
      signed(phone, alice, masterKey, `${alice} master`),
      'M_INVALID_SIGNATURE',
    ],
    [
      'a device by another device',
      alice,
      'PHONE',
      signed(phone, alice, 'LAPTOP', `${alice} LAPTOP`),
      'M_INVALID_SIGNATURE',
    ],
    [
      'a device by the user-signing key',
      alice,
      'PHONE',
      signed(phone, alice, userKey, `${alice} user`),
      'M_INVALID_SIGNATURE',
    ],
    ['a device that is changed', alice, 'PHONE', bySelf({ ...phone, algorithms: [] }), 'M_INVALID_PARAM'],
    ['a device that is another', alice, 'LAPTOP', bySelf(phone), 'M_INVALID_PARAM'],
    ['a device that is not there', alice, 'NONE', bySelf(phone), 'M_NOT_FOUND'],
    ['a name with U+0000', alice, 'NO\0NE', bySelf(phone), 'M_NOT_FOUND'],
    [
      'the master key by the self-signing key',
      alice,
      masterKey,
      signed(master, alice, selfKey, `${alice} self`),
      'M_INVALID_SIGNATURE',
    ],
    [
      'the master key by a device that is not there',
      alice,
      masterKey,
      signed(master, alice, 'NONE', 'x'),
      'M_INVALID_SIGNATURE',
    ],
    ['the master key, forged', alice, masterKey, signed(master, alice, 'PHONE', 'forger'), 'M_INVALID_SIGNATURE'],
    ['the self-signing key', alice, selfKey, signed(self, alice, 'PHONE', `${alice} PHONE`), 'M_NOT_FOUND'],
    [
      'the master key of another by a device',
      bob,
      bobsKey,
      signed(bobsMaster, alice, 'PHONE', `${alice} PHONE`),
      'M_INVALID_SIGNATURE',
    ],
    [
      'the master key of another, forged',
      bob,
      bobsKey,
      signed(bobsMaster, alice, userKey, 'forger'),
      'M_INVALID_SIGNATURE',
    ],
    [
      'the device of another',
      bob,
      'BOB',
      signed(deviceKeys(bob, 'BOB'), alice, userKey, `${alice} user`),
      'M_NOT_FOUND',
    ],
    [
      'another key of another',
      bob,
      publicKey(`${bob} self`),
      signed(bobsMaster, alice, userKey, `${alice} user`),
      'M_NOT_FOUND',
    ],
    ['of a stranger', '@far:two.test', bobsKey, signed(bobsMaster, alice, userKey, `${alice} user`), 'M_NOT_FOUND'],
    ['of nobody', '@nobody:one.test', bobsKey, signed(bobsMaster, alice, userKey, `${alice} user`), 'M_NOT_FOUND'],
    ['nothing', alice, 'PHONE', {}, 'M_INVALID_PARAM'],
  ]
  const before = await world.query('phone', alice, bob)
  const position = world.log.now
  for (const [what, user, key, object, code] of wrong)
    assert.deepEqual(await sign(world, 'phone', { [user]: { [key]: object } }), { [`${user} ${key}`]: code }, what)
  assert.deepEqual(
    await sign(world, 'phone', { [bob]: { [bobsKey]: signed(bobsMaster, bob, 'BOB', 'forger') } }),
    {},
    'others sign for themselves',
  )
  assert.deepEqual(await world.query('phone', alice, bob), before)
  assert.equal(world.log.now, position)
  const mixed = await sign(world, 'phone', {
    [alice]: { PHONE: bySelf(phone), LAPTOP: signed(deviceKeys(alice, 'LAPTOP'), alice, selfKey, 'forger') },
  })
  assert.deepEqual(mixed, { [`${alice} LAPTOP`]: 'M_INVALID_SIGNATURE' })
  assert.notDeepEqual(await world.query('phone', alice, bob), before, 'the good one is kept')
})

over('a signature by a key that is gone spoils no other', async (world) => {
  await upload(world, 'phone', keys)
  await world.outcome('phone', 'POST', '/keys/upload', { device_keys: phone })
  const both = signed(signed(master, alice, 'GONE', 'x'), alice, 'PHONE', `${alice} PHONE`)
  assert.deepEqual(
    await sign(world, 'phone', { [alice]: { [masterKey]: signed(both, alice, masterKey, `${alice} master`) } }),
    {},
  )
  assert.deepEqual(
    (await world.query('bob', alice)).master_keys[alice],
    signed(master, alice, 'PHONE', `${alice} PHONE`),
  )
})

over('signatures come in bounds, and in the right shape', async (world) => {
  const many = Object.fromEntries(Array.from({ length: 251 }, (_, index) => [`D${index}`, {}]))
  assert.equal(await world.outcome('phone', 'POST', '/keys/signatures/upload', { [alice]: many }), '413 M_TOO_LARGE')
  for (const body of [[], { [alice]: 'x' }, { [alice]: { PHONE: 'x' } }, { [alice]: [] }]) {
    assert.equal(await world.outcome('phone', 'POST', '/keys/signatures/upload', body), '400 M_BAD_JSON')
  }
  for (const path of ['signatures', 'device_signing'])
    assert.equal(await world.outcome(undefined, 'POST', `/keys/${path}/upload`, {}), '401 M_MISSING_TOKEN')
})
