import assert from 'node:assert/strict'
import { own } from '../../matrix/json.ts'
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
  signersOf,
  type World,
} from '../fixture.test.ts'

const upload = (world: World, who: 'phone' | 'laptop' | 'bob', body: object): Promise<string> =>
  world.outcome(who, 'POST', '/keys/upload', body)
const phoneKeys = deviceKeys(alice, 'PHONE')

over('what a device publishes is found by others, with the name of the device', async (world) => {
  assert.deepEqual((await world.ask('phone', 'POST', '/keys/upload', { device_keys: phoneKeys })).body, {
    one_time_key_counts: { signed_curve25519: 0 },
  })
  const shown = { ...phoneKeys, unsigned: { device_display_name: 'The PHONE' } }
  const empty = { master_keys: {}, self_signing_keys: {}, user_signing_keys: {} }
  assert.deepEqual(await world.query('bob', alice), {
    failures: {},
    device_keys: { [alice]: { PHONE: shown } },
    ...empty,
  })
  assert.deepEqual(await world.query('bob', bob, '@nobody:one.test'), {
    failures: {},
    device_keys: { [bob]: {} },
    ...empty,
  })
  const some = async (ids: string[]): Promise<unknown> =>
    (await world.ask('bob', 'POST', '/keys/query', { device_keys: { [alice]: ids } })).body['device_keys']
  assert.deepEqual(await some(['PHONE', 'PHONE', 'LAPTOP']), { [alice]: { PHONE: shown } })
  assert.deepEqual(await some(['NONE']), { [alice]: {} })
  assert.equal(await world.outcome('phone', 'PUT', '/devices/PHONE', { display_name: 'New' }), '200')
  assert.deepEqual((await world.query('bob', alice)).device_keys[alice]?.['PHONE'], {
    ...phoneKeys,
    unsigned: { device_display_name: 'New' },
  })
})

over('users of other servers are failures, and never ask anybody', async (world) => {
  const { failures, device_keys: found } = await world.query('bob', '@far:two.test', '@junk', 'x', alice)
  assert.deepEqual([Object.keys(failures), Object.keys(found)], [['two.test'], [alice]])
  const { body } = await world.ask('bob', 'POST', '/keys/claim', {
    one_time_keys: { '@far:two.test': { D: 'signed_curve25519' }, [alice]: { PHONE: 'signed_curve25519' } },
  })
  assert.deepEqual([Object.keys(body['failures'] as object), body['one_time_keys']], [['two.test'], {}])
})

over('the same keys once more are no news, and new ones are', async (world) => {
  const { log, devices, nids } = world
  await upload(world, 'phone', { device_keys: phoneKeys })
  const before = log.now
  await upload(world, 'phone', { device_keys: phoneKeys })
  await upload(world, 'phone', { device_keys: { ...phoneKeys, unsigned: { anything: 1 } } })
  assert.deepEqual(await devices.listChanges(before, log.now), [])
  await upload(world, 'phone', { device_keys: deviceKeys(alice, 'PHONE', { algorithms: ['m.other'] }) })
  assert.deepEqual(await devices.listChanges(before, log.now), [nids.alice])
})

over('malformed device keys are refused', async (world) => {
  const { signatures } = phoneKeys
  const wrong: Array<[what: string, body: unknown, expected: string]> = [
    ['another user', deviceKeys(bob, 'PHONE'), '400 M_INVALID_PARAM'],
    ['another device', deviceKeys(alice, 'LAPTOP'), '400 M_INVALID_PARAM'],
    ['no signature of its own', { ...phoneKeys, signatures: { [bob]: {} } }, '400 M_INVALID_SIGNATURE'],
    [
      'another signature',
      { ...phoneKeys, signatures: { [alice]: { 'ed25519:PHONE': 'A'.repeat(86) } } },
      '400 M_INVALID_SIGNATURE',
    ],
    [
      'a padded signature',
      { ...phoneKeys, signatures: { [alice]: { 'ed25519:PHONE': `${'A'.repeat(86)}==` } } },
      '400 M_INVALID_SIGNATURE',
    ],
    ['something added', { ...phoneKeys, added: 1 }, '400 M_INVALID_SIGNATURE'],
    ['no Ed25519 key', deviceKeys(alice, 'PHONE', { keys: {} }), '400 M_INVALID_PARAM'],
    ['a short key', deviceKeys(alice, 'PHONE', { keys: { 'ed25519:PHONE': 'AAAA' } }), '400 M_INVALID_PARAM'],
    [
      'a short Curve25519 key',
      deviceKeys(alice, 'PHONE', { keys: { 'ed25519:PHONE': publicKey('x'), 'curve25519:PHONE': 'AAAA' } }),
      '400 M_INVALID_PARAM',
    ],
    [
      'a key of another device',
      deviceKeys(alice, 'PHONE', { keys: { 'ed25519:PHONE': publicKey('x'), 'ed25519:LAPTOP': publicKey('x') } }),
      '400 M_INVALID_PARAM',
    ],
    ['a key without algorithm', deviceKeys(alice, 'PHONE', { keys: { PHONE: publicKey('x') } }), '400 M_INVALID_PARAM'],
    ['a number that is no integer', deviceKeys(alice, 'PHONE', { x: 1.5 }), '400 M_BAD_JSON'],
    ['too much', deviceKeys(alice, 'PHONE', { x: 'x'.repeat(20_000) }), '413 M_TOO_LARGE'],
    ['algorithms that are no list', { ...phoneKeys, algorithms: 'x' }, '400 M_BAD_JSON'],
    ['keys that are no texts', { ...phoneKeys, keys: { 'ed25519:PHONE': 7 } }, '400 M_BAD_JSON'],
    ['signatures that are none', { ...phoneKeys, signatures: { [alice]: 'x' } }, '400 M_BAD_JSON'],
    ['no user', { device_id: 'PHONE', algorithms: [], keys: {}, signatures }, '400 M_BAD_JSON'],
    ['nothing', {}, '400 M_BAD_JSON'],
    ['a text', 'x', '400 M_BAD_JSON'],
  ]
  for (const [what, keys, expected] of wrong)
    assert.equal(await upload(world, 'phone', { device_keys: keys as object }), expected, what)
  assert.equal(await world.outcome('app', 'POST', '/keys/upload', { device_keys: phoneKeys }), '400 M_INVALID_PARAM')
  assert.equal(await world.outcome(undefined, 'POST', '/keys/upload', {}), '401 M_MISSING_TOKEN')
  assert.deepEqual((await world.query('bob', alice)).device_keys, { [alice]: {} })
})

over('algorithms that are not known are passed on', async (world) => {
  const keys = deviceKeys(alice, 'PHONE', {
    algorithms: ['org.example.new'],
    keys: { 'ed25519:PHONE': publicKey(`${alice} PHONE`), 'new:PHONE': 'any text' },
    dehydrated: true,
  })
  assert.equal(
    await upload(world, 'phone', {
      device_keys: keys,
      one_time_keys: { 'new:1': { key: 'any', signatures: {}, thing: 1 }, 'newer:1': 'text' },
    }),
    '200',
  )
  assert.deepEqual((await world.query('bob', alice)).device_keys[alice]?.['PHONE'], {
    ...keys,
    unsigned: { device_display_name: 'The PHONE' },
  })
  assert.equal(await world.claim(alice, 'PHONE', 'new'), 'new:1')
  assert.equal(await world.claim(alice, 'PHONE', 'newer'), 'newer:1')
})

over('one-time keys go out in the order of uploads, each once, and then the fallback key', async (world) => {
  const { devices, nids } = world
  assert.deepEqual(await devices.keys.of(nids.phone), { counts: { signed_curve25519: 0 }, unusedFallback: [] })
  await upload(world, 'phone', { one_time_keys: curveKeys(alice, 'PHONE', ['b']) })
  const { body } = await world.ask('phone', 'POST', '/keys/upload', {
    one_time_keys: curveKeys(alice, 'PHONE', ['a']),
    fallback_keys: curveKeys(alice, 'PHONE', ['f'], { fallback: true }),
  })
  assert.deepEqual(body, { one_time_key_counts: { signed_curve25519: 2 } })
  assert.deepEqual(await devices.keys.of(nids.phone), {
    counts: { signed_curve25519: 2 },
    unusedFallback: ['signed_curve25519'],
  })
  assert.ok(!(devices.keys.of(nids.phone) instanceof Promise), 'from memory')
  assert.equal(await world.claim(alice, 'PHONE', 'other'), undefined)
  assert.equal(await world.claim(alice, 'LAPTOP'), undefined)
  assert.equal(await world.claim(alice, 'PHONE\0'), undefined)
  assert.deepEqual(
    [await world.claim(alice, 'PHONE'), await world.claim(alice, 'PHONE')],
    ['signed_curve25519:b', 'signed_curve25519:a'],
  )
  assert.deepEqual((await devices.keys.of(nids.phone)).unusedFallback, ['signed_curve25519'])
  const claimed = await world.ask('bob', 'POST', '/keys/claim', {
    one_time_keys: { [alice]: { PHONE: 'signed_curve25519' } },
  })
  assert.deepEqual(claimed.body['one_time_keys'], {
    [alice]: { PHONE: curveKeys(alice, 'PHONE', ['f'], { fallback: true }) },
  })
  assert.deepEqual(await devices.keys.of(nids.phone), { counts: { signed_curve25519: 0 }, unusedFallback: [] })
  assert.equal(await world.claim(alice, 'PHONE'), 'signed_curve25519:f', 'again and again')
  await upload(world, 'phone', { fallback_keys: curveKeys(alice, 'PHONE', ['f'], { fallback: true }) })
  assert.deepEqual((await devices.keys.of(nids.phone)).unusedFallback, [], 'the same key is as used as it was')
  await upload(world, 'phone', { fallback_keys: curveKeys(alice, 'PHONE', ['g'], { fallback: true }) })
  assert.deepEqual((await devices.keys.of(nids.phone)).unusedFallback, ['signed_curve25519'])
  assert.equal(await world.claim(alice, 'PHONE'), 'signed_curve25519:g')
})

over('a thousand claims at the same time get a thousand keys', async (world) => {
  const ids = Array.from({ length: 1000 }, (_, index) => `k${index}`)
  assert.equal(
    await upload(world, 'phone', {
      one_time_keys: curveKeys(alice, 'PHONE', ids),
      fallback_keys: curveKeys(alice, 'PHONE', ['f']),
    }),
    '200',
  )
  const claimed = await Promise.all(Array.from({ length: 1001 }, () => world.claim(alice, 'PHONE')))
  assert.equal(claimed.length, 1001)
  assert.deepEqual(new Set(claimed), new Set([...ids, 'f'].map((id) => `signed_curve25519:${id}`)))
})

over('an upload that is repeated brings back no key that was given out', async (world) => {
  const one = { one_time_keys: curveKeys(alice, 'PHONE', ['a', 'b']) }
  await upload(world, 'phone', one)
  await world.claim(alice, 'PHONE')
  assert.deepEqual((await world.ask('phone', 'POST', '/keys/upload', one)).body, {
    one_time_key_counts: { signed_curve25519: 1 },
  })
  const other = curveKeys(alice, 'PHONE', ['a'], { other: 1 })
  const answer = await world.ask('phone', 'POST', '/keys/upload', {
    one_time_keys: { ...other, ...curveKeys(alice, 'PHONE', ['c']) },
  })
  assert.equal(answer.status, 400)
  assert.match(
    String(answer.body['error']),
    /^One time key signed_curve25519:a already exists\. Old key: \{.*\}; new key: \{.*\}$/,
  )
  assert.equal((await world.devices.keys.of(world.nids.phone)).counts['signed_curve25519'], 1, 'all or nothing')
})

over('a key that is signed anew is the same key, and one without signatures is taken', async (world) => {
  await upload(world, 'phone', { one_time_keys: curveKeys(alice, 'PHONE', ['a']) })
  const [name, key] = Object.entries(curveKeys(alice, 'PHONE', ['a']))[0] as [string, object]
  for (const signatures of [{ [alice]: { 'ed25519:PHONE': 'B'.repeat(86) } }, {}])
    assert.equal(await upload(world, 'phone', { one_time_keys: { [name]: { ...key, signatures } } }), '200')
  assert.equal((await world.devices.keys.of(world.nids.phone)).counts['signed_curve25519'], 1)

  const unsigned = { ...phoneKeys, signatures: {} }
  assert.equal(await upload(world, 'phone', { device_keys: unsigned }), '200')
  const shown = (await world.query('bob', alice)).device_keys[alice]?.['PHONE'] as { signatures?: object }
  assert.deepEqual(shown.signatures, { [alice]: {} })
  assert.equal(await upload(world, 'phone', { device_keys: phoneKeys }), '200', 'a signature may come later')
  const signed = (await world.query('bob', alice)).device_keys[alice]?.['PHONE'] as { signatures?: object }
  assert.deepEqual(signed.signatures, phoneKeys.signatures)
})

over('malformed one-time and fallback keys are refused', async (world) => {
  const good = curveKeys(alice, 'PHONE', ['a'])['signed_curve25519:a'] as object
  const wrong: Array<[name: string, key: unknown, expected?: string]> = [
    ['signed_curve25519:a', publicKey('x')],
    ['signed_curve25519:a', { ...good, key: 'short' }],
    ['signed_curve25519:a', { key: publicKey('x') }, '400 M_BAD_JSON'],
    ['signed_curve25519:a', { ...good, signatures: { [bob]: {} } }],
    ['signed_curve25519:a', { ...good, signatures: { [alice]: { 'ed25519:PHONE': 'A' } } }],
    ['signed_curve25519:a', { ...good, signatures: 7 }, '400 M_BAD_JSON'],
    ['curve25519:a', 'short'],
    ['curve25519:a', good],
    ['noname', 'x'],
    [':a', 'x'],
    ['x:', 'x'],
    ['x:\0', 'x'],
    [`x:${'x'.repeat(256)}`, 'x'],
    [`${'x'.repeat(256)}:x`, 'x'],
    ['x:1', 'x'.repeat(5000), '413 M_TOO_LARGE'],
    ['x:1', { key: 'x', signatures: {}, x: 0.5 }, '400 M_BAD_JSON'],
    ['x:1', 7, '400 M_BAD_JSON'],
    ['x:1', null, '400 M_BAD_JSON'],
    ['x:1', [], '400 M_BAD_JSON'],
  ]
  for (const [name, key, expected = '400 M_INVALID_PARAM'] of wrong) {
    for (const field of ['one_time_keys', 'fallback_keys'])
      assert.equal(await upload(world, 'phone', { [field]: { [name]: key } }), expected, `${field} ${name}`)
  }
  assert.equal(
    await upload(world, 'phone', { fallback_keys: curveKeys(alice, 'PHONE', ['a', 'b']) }),
    '400 M_INVALID_PARAM',
  )
})

over('a device can publish so much and no more', async (world) => {
  const many = (count: number, prefix: string): object =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`x:${prefix}${index}`, 'k']))
  assert.equal(await upload(world, 'phone', { one_time_keys: many(1000, 'a') }), '200')
  assert.equal(await upload(world, 'phone', { one_time_keys: many(1, 'b') }), '413 M_TOO_LARGE')
  const algorithms = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`a${index}:1`, 'k']))
  assert.equal(await upload(world, 'laptop', { one_time_keys: algorithms }), '413 M_TOO_LARGE')
  assert.equal(await upload(world, 'laptop', { fallback_keys: algorithms }), '413 M_TOO_LARGE')
  const users = Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`@u${index}:one.test`, []]))
  assert.equal(await world.outcome('bob', 'POST', '/keys/query', { device_keys: users }), '413 M_TOO_LARGE')
  const devices = Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`D${index}`, 'x']))
  assert.equal(
    await world.outcome('bob', 'POST', '/keys/claim', { one_time_keys: { [alice]: devices } }),
    '413 M_TOO_LARGE',
  )
})

over('of the keys that were given out the newest alone are remembered', async (world) => {
  const ids = Array.from({ length: 300 }, (_, index) => `k${index}`)
  await upload(world, 'phone', { one_time_keys: curveKeys(alice, 'PHONE', ids) })
  for (let index = 0; index < 300; index++) await world.claim(alice, 'PHONE')
  await upload(world, 'phone', { one_time_keys: curveKeys(alice, 'PHONE', ['n']) })
  const rows = await world.database.read.selectFrom('one_time_keys').select(['key_id', 'claimed']).execute()
  assert.deepEqual([rows.length, rows.filter((row) => row.claimed === 1).length], [201, 200])
  assert.ok(rows.some((row) => row.key_id === 'k299') && !rows.some((row) => row.key_id === 'k0'))
})

over('a device that begins anew loses what its former self has published', async (world) => {
  await world.outcome('phone', 'POST', '/keys/device_signing/upload', crossKeys(alice))
  const vouched = signed(phoneKeys, alice, publicKey(`${alice} self`), `${alice} self`)
  await upload(world, 'phone', {
    device_keys: vouched,
    one_time_keys: curveKeys(alice, 'PHONE', ['a']),
    fallback_keys: curveKeys(alice, 'PHONE', ['f']),
  })
  assert.deepEqual((await world.query('bob', alice)).device_keys[alice]?.['PHONE'], {
    ...vouched,
    unsigned: { device_display_name: 'The PHONE' },
  })
  const anew = deviceKeys(alice, 'PHONE', {}, 'new')
  await upload(world, 'phone', { device_keys: anew })
  assert.deepEqual((await world.query('bob', alice)).device_keys[alice]?.['PHONE'], {
    ...anew,
    unsigned: { device_display_name: 'The PHONE' },
  })
  assert.equal(await world.claim(alice, 'PHONE'), undefined)
  assert.deepEqual(await world.devices.keys.of(world.nids.phone), {
    counts: { signed_curve25519: 0 },
    unusedFallback: [],
  })
})

over(
  'a signature by the self-signing key that comes with device keys is verified, any other is left out',
  async (world) => {
    await world.outcome('phone', 'POST', '/keys/device_signing/upload', crossKeys(alice))
    const self = publicKey(`${alice} self`)
    assert.equal(
      await upload(world, 'phone', { device_keys: signed(phoneKeys, alice, self, 'forger') }),
      '400 M_INVALID_SIGNATURE',
    )
    const vouched = signed(signed(phoneKeys, alice, self, `${alice} self`), bob, 'BOB', `${bob} BOB`)
    assert.equal(await upload(world, 'phone', { device_keys: signed(vouched, alice, 'LAPTOP', 'forger') }), '200')
    const found = (await world.query('bob', alice)).device_keys[alice]?.['PHONE']
    assert.deepEqual(Object.keys(own(found, 'signatures') ?? {}), [alice])
    assert.deepEqual(new Set(signersOf(found, alice)), new Set(['ed25519:PHONE', `ed25519:${self}`]))
  },
)

over('nothing of a device stays when it is deleted', async (world) => {
  await upload(world, 'phone', {
    device_keys: phoneKeys,
    one_time_keys: curveKeys(alice, 'PHONE', ['a']),
    fallback_keys: curveKeys(alice, 'PHONE', ['f']),
  })
  const master = signed(crossKey(alice, 'master', `${alice} master`), alice, 'PHONE', `${alice} PHONE`)
  assert.equal(await world.outcome('phone', 'POST', '/keys/device_signing/upload', { master_key: master }), '200')
  assert.deepEqual((await world.query('bob', alice)).master_keys[alice], master)
  await world.log.write((tx) => world.devices.delete(tx, world.nids.alice, ['PHONE']))
  const { device_keys: found, master_keys: masters } = await world.query('bob', alice)
  assert.deepEqual([found, masters[alice]], [{ [alice]: {} }, crossKey(alice, 'master', `${alice} master`)])
  assert.equal(await world.claim(alice, 'PHONE'), undefined)
  for (const table of ['device_keys', 'one_time_keys', 'fallback_keys', 'key_signatures'] as const) {
    assert.equal((await world.database.read.selectFrom(table).selectAll().execute()).length, 0, table)
  }
  assert.equal(await upload(world, 'phone', { device_keys: phoneKeys }), '401 M_UNKNOWN_TOKEN')
})
