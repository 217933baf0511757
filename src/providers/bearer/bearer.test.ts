// Tokens of a provider as access tokens.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDatabase } from '../../storage/index.ts'
import { openRevocations } from './index.ts'
import {
  type Answer,
  type Body,
  inEveryWorld,
  inWorld,
  sign as signAny,
  withWorld,
  type World,
} from '../../../test/harness/login-world.ts'
import { type Issuer, openIssuer } from '../../../test/harness/issuer.ts'

const type = 'org.matrix.login.jwt'
const now = Date.UTC(2030, 0, 1) / 1000
const secret = 'b'.repeat(32)
const entry = {
  id: 'b',
  type: 'jwt',
  secret: [secret],
  issuer: 'https://b.example',
  audiences: ['chat'],
  bearer: true,
} as const
const only = (more: object = {}) => ({ jwt_config: { enabled: false }, identity_providers: [{ ...entry, ...more }] })
const token = (claims: Body): string =>
  signAny({ iss: 'https://b.example', aud: 'chat', iat: now, exp: now + 300, ...claims }, undefined, secret)

const whoami = (world: World, access: string): Promise<Answer> => world.ask('GET', '/account/whoami', undefined, access)
const ok = async (world: World, access: string): Promise<Body> => {
  const { status, body } = await whoami(world, access)
  assert.equal(status, 200, JSON.stringify(body))
  return body
}
/** `401 M_UNKNOWN_TOKEN soft expired` */
const refused = async (world: World, access: string): Promise<string> => {
  const { status, body } = await whoami(world, access)
  return [status, body['errcode'], body['soft_logout'] === true ? 'soft' : '', body['code']]
    .filter((part) => part !== '' && part !== undefined)
    .join(' ')
}

inEveryWorld(
  'a token of the provider is an access token: the account is made, and the device follows the session',
  only(),
  async (world) => {
    const first = await ok(world, token({ sub: 'sam', sid: 's1' }))
    assert.equal(first['user_id'], '@sam:one.test')
    assert.match(String(first['device_id']), /^[0-9A-F]{20}$/)
    assert.equal(
      (await ok(world, token({ sub: 'sam', sid: 's1', exp: now + 400 })))['device_id'],
      first['device_id'],
      'the next token of the same session',
    )
    const second = await ok(world, token({ sub: 'sam', sid: 's2' }))
    assert.notEqual(second['device_id'], first['device_id'])
    const byToken = await ok(world, token({ sub: 'sam', jti: 's1' }))
    assert.equal(new Set([first, second, byToken].map((one) => one['device_id'])).size, 3)
    const none = await ok(world, token({ sub: 'sam' }))
    assert.deepEqual(none, { user_id: '@sam:one.test', is_guest: false })
    const { nid } = (await world.users.findByLocalpart('sam'))!
    assert.equal((await world.devices.list(nid)).length, 3)
  },
)

inWorld('a claim can name the device', only({ device_claim: 'app.install' }), async (world) => {
  assert.equal((await ok(world, token({ sub: 'sam', sid: 'x', app: { install: 'PHONE' } })))['device_id'], 'PHONE')
  assert.ok(!('device_id' in (await ok(world, token({ sub: 'sam', sid: 'x' })))))
  for (const install of [7, '', 'x'.repeat(513), 'a\0b'])
    assert.ok(!('device_id' in (await ok(world, token({ sub: 'sam', app: { install } })))))
})

inWorld('one that has run out is refused softly, and any other for good', only({ max_age: '1h' }), async (world) => {
  assert.equal(await refused(world, token({ sub: 'sam', exp: now - 61 })), '401 M_UNKNOWN_TOKEN soft expired')
  assert.equal(
    await refused(world, token({ sub: 'sam', iat: now - 4000, exp: now + 60 })),
    '401 M_UNKNOWN_TOKEN soft too_old',
  )
  const good = token({ sub: 'sam', sid: 's' })
  for (const bad of [
    `${good.slice(0, -3)}AAA`,
    token({ sub: 'sam', aud: 'other' }),
    token({ sub: 'sam', exp: undefined }),
    token({ sub: 7 }),
    'a.b.c',
    'ey.x',
    `${good}x`,
    signAny({ iss: 'https://b.example', aud: 'chat', exp: now + 60, sub: 'sam' }, { alg: 'none' }, secret),
    `${good.split('.').slice(0, 2).join('.')}.`,
  ])
    assert.match(await refused(world, bad), /^401 M_UNKNOWN_TOKEN (?!soft)/, bad)
  assert.equal(await refused(world, 'lka_nothing.like.it'), '401 M_UNKNOWN_TOKEN')
  await ok(world, good)
  world.clock.now += 361_000
  assert.equal(await refused(world, good), '401 M_UNKNOWN_TOKEN soft expired', 'from memory, too')
})

inWorld(
  'without bearer a token is no access token, whatever else it is good for',
  {
    identity_providers: [
      { ...entry, bearer: false },
      { ...entry, id: 'c', issuer: 'https://c.example', secret: ['c'.repeat(32)] },
    ],
  },
  async (world) => {
    assert.equal((await world.post('/login', { type, token: token({ sub: 'sam' }) }))['user_id'], '@sam:one.test')
    assert.equal(await refused(world, token({ sub: 'sam' })), '401 M_UNKNOWN_TOKEN')
    assert.equal(await refused(world, signAny({ sub: 'sam' })), '401 M_UNKNOWN_TOKEN', 'nor is one of the block')
    await ok(
      world,
      signAny(
        { iss: 'https://c.example', aud: 'chat', iat: now, exp: now + 300, sub: 'cat' },
        undefined,
        'c'.repeat(32),
      ),
    )
  },
)

inWorld(
  'rules, closed registration and taken names end the token',
  { registration: 'open', ...only({ rules: ['role equals chat'], registration: false }) },
  async (world) => {
    assert.equal(await refused(world, token({ sub: 'sam' })), '401 M_UNKNOWN_TOKEN rule_broken')
    assert.equal(await refused(world, token({ sub: 'sam', role: 'chat' })), '401 M_UNKNOWN_TOKEN no_account')
    await world.post('/register', { username: 'sam', password: 'correct horse', auth: { type: 'm.login.dummy' } })
    assert.equal(await refused(world, token({ sub: 'sam', role: 'chat' })), '401 M_UNKNOWN_TOKEN name_taken')
  },
)

inEveryWorld('tokens are revoked by subject, by session and one by one', only(), async (world) => {
  const [a, b, c, d] = [
    token({ sub: 'sam', sid: 's1', jti: 'j1' }),
    token({ sub: 'sam', sid: 's1', jti: 'j2' }),
    token({ sub: 'sam', sid: 's2', jti: 'j3' }),
    token({ sub: 'eve', sid: 's9' }),
  ]
  for (const one of [a, b, c, d]) await ok(world, one)
  await world.login.revokeTokens('b', { jti: 'j1' })
  assert.equal(await refused(world, a), '401 M_UNKNOWN_TOKEN revoked')
  for (const one of [b, c, d]) await ok(world, one)
  await world.login.revokeTokens('b', { sid: 's1' })
  assert.equal(await refused(world, b), '401 M_UNKNOWN_TOKEN revoked')
  assert.equal(
    await refused(world, token({ sub: 'sam', sid: 's1', iat: now + 30, jti: 'new' })),
    '401 M_UNKNOWN_TOKEN revoked',
    'a session does not come back',
  )
  await ok(world, c)
  await world.login.revokeTokens('b', { subject: 'sam' })
  assert.equal(await refused(world, c), '401 M_UNKNOWN_TOKEN revoked')
  assert.equal(
    await refused(world, token({ sub: 'sam', sid: 's3', iat: undefined })),
    '401 M_UNKNOWN_TOKEN revoked',
    'one that does not say when it was made counts as old',
  )
  await ok(world, token({ sub: 'sam', sid: 's3', iat: now + 1 }))
  await ok(world, d)
})

inEveryWorld('who closes their own session closes nobody else of the same "sid" or "jti"', only(), async (world) => {
  for (const [what, claims] of [
    ['sid', { sid: 'shared' }],
    ['jti', { jti: 'one' }],
  ] as const) {
    const [eve, sam] = [token({ sub: 'eve', ...claims }), token({ sub: 'sam', ...claims })]
    for (const one of [eve, sam]) await ok(world, one)
    assert.deepEqual(await world.post('/logout', {}, eve), {})
    assert.equal(await refused(world, eve), '401 M_UNKNOWN_TOKEN revoked', what)
    await ok(world, sam)
    await ok(world, token({ sub: 'sam', ...claims, exp: now + 299 }))
  }
  const [eve, sam] = [token({ sub: 'eve', sid: 'three' }), token({ sub: 'sam', sid: 'three' })]
  const bare = token({ sub: 'sam' })
  for (const one of [eve, sam, bare]) await ok(world, one)
  await world.login.revokeTokens('b', { subject: 'sam', sid: 'three' })
  assert.equal(await refused(world, sam), '401 M_UNKNOWN_TOKEN revoked')
  for (const one of [eve, bare]) await ok(world, one)
  await world.login.revokeTokens('b', { subject: 'sam', sid: 'four', unnamed: true })
  assert.equal(await refused(world, bare), '401 M_UNKNOWN_TOKEN revoked')
  await ok(world, eve)
})

inEveryWorld('a token whose "exp" is in milliseconds is refused, and says so', only(), async (world) => {
  for (const exp of [now * 1000, now * 1e6, now * 1e9])
    assert.equal(await refused(world, token({ sub: 'sam', exp })), '401 M_UNKNOWN_TOKEN claim_malformed')
  assert.match(
    String(world.said.at(-1)?.details['reason']),
    /"exp" must be a number of seconds.* looks like nanoseconds/,
  )
  // A fraction is one that a token may have, and a column not.
  const fraction = token({ sub: 'sam', exp: now + 60.5, sid: 'f' })
  await ok(world, fraction)
  assert.deepEqual(await world.post('/logout', {}, fraction), {})
  assert.equal(await refused(world, fraction), '401 M_UNKNOWN_TOKEN revoked')
})

test('what was revoked is still so after a restart, and is forgotten when its tokens have run out', async () => {
  await using database = await openDatabase({ url: 'sqlite::memory:', serverName: 'one.test' })
  const before = await openRevocations(database, () => 1000)
  const mark = { provider: 'b', kind: 'sid', value: 's' } as const
  await database.write(async (tx) => {
    await before.add(tx, { ...mark, expires: null })
    await before.add(tx, { ...mark, kind: 'token', expires: 2000 })
    await before.add(tx, { ...mark, kind: 'sub', expires: null })
  })
  const after = await openRevocations(database, () => 1500)
  assert.equal(after.covers([mark], 5000), true)
  assert.equal(after.covers([{ ...mark, kind: 'token' }], 5000), true)
  assert.deepEqual(
    [999, 1000, 1001, undefined].map((issued) => after.covers([{ ...mark, kind: 'sub' }], issued)),
    [true, true, false, true],
  )
  assert.equal(
    after.covers(
      [
        { ...mark, provider: 'c' },
        { ...mark, value: 't' },
      ],
      1,
    ),
    false,
  )
  assert.equal((await openRevocations(database, () => 2000)).size, 2)
})

for (const [name, more, claims] of [
  ['of its session', {}, { sid: 's1' }],
  ['of itself', {}, { jti: 'j1' }],
  ['that a claim names', { device_claim: 'device' }, { device: 'PHONE' }],
  ['that is none', {}, {}],
] as const) {
  inEveryWorld(
    `signing out ends a token with the device ${name}, and a new sign-in is possible`,
    only(more),
    async (world) => {
      const access = token({ sub: 'sam', ...claims })
      const { device_id: device } = await ok(world, access)
      const other = token({ sub: 'sam', sid: 'other', device: 'OTHER' })
      await ok(world, other)
      await world.post('/logout', {}, access)
      assert.match(await refused(world, access), /^401 M_UNKNOWN_TOKEN revoked$/)
      const { nid } = (await world.users.findByLocalpart('sam'))!
      assert.ok(!(await world.devices.list(nid)).some(({ deviceId }) => deviceId === device))
      await ok(world, other)
      world.clock.now += 2000
      await ok(world, token({ sub: 'sam', iat: now + 2, exp: now + 301, sid: 's2', jti: 'j2', device: 'PHONE' }))
    },
  )
}

inEveryWorld(
  'deleting the device from elsewhere ends its tokens, and signing out everywhere ends all of a user',
  only(),
  async (world) => {
    const [a, b, c] = [token({ sub: 'sam', sid: 's1' }), token({ sub: 'sam', sid: 's2' }), token({ sub: 'sam' })]
    const { device_id: device } = await ok(world, a)
    for (const one of [b, c]) await ok(world, one)
    const eve = token({ sub: 'eve', sid: 's5' })
    await ok(world, eve)
    const { nid } = (await world.users.findByLocalpart('sam'))!
    await world.log.write((tx) => world.devices.delete(tx, nid, [String(device)]))
    assert.equal(await refused(world, a), '401 M_UNKNOWN_TOKEN revoked')
    assert.equal(await refused(world, token({ sub: 'sam', sid: 's1', exp: now + 299 })), '401 M_UNKNOWN_TOKEN revoked')
    await ok(world, b)
    await world.post('/logout/all', {}, b)
    for (const one of [b, c]) assert.equal(await refused(world, one), '401 M_UNKNOWN_TOKEN revoked')
    await ok(world, eve)
  },
)

inWorld('the token of the session itself confirms nothing, and another fresh one does', only(), async (world) => {
  const access = token({ sub: 'sam', sid: 's1' })
  await ok(world, access)
  const change = (proof: string): Promise<string> =>
    world.refused(
      '/account/password',
      { new_password: 'battery staple', logout_devices: false, auth: { type, token: proof } },
      access,
    )
  assert.match(await change(access), /^401 M_FORBIDDEN .*token of the session itself/)
  assert.match(await change(token({ sub: 'sam', sid: 's1', exp: now + 301 })), /^200/)
})

inEveryWorld(
  'a locked account can do nothing but sign out, and a deactivated one nothing, at once',
  only(),
  async (world) => {
    const [a, b] = [token({ sub: 'sam', sid: 's1' }), token({ sub: 'sam', sid: 's2' })]
    await ok(world, a)
    const { nid } = (await world.users.findByLocalpart('sam'))!
    await world.users.setLocked(nid, true)
    for (const one of [a, b]) assert.equal(await refused(world, one), '401 M_USER_LOCKED soft')
    assert.equal((await world.ask('POST', '/logout', {}, b)).status, 200)
    await world.users.setLocked(nid, false)
    await ok(world, a)
    await world.users.deactivate(nid, false)
    for (const one of [a, token({ sub: 'sam', sid: 's3', iat: now + 10 })])
      assert.match(await refused(world, one), /^401 M_UNKNOWN_TOKEN/)
  },
)

const withIssuer = async (
  body: (
    world: World,
    issuer: Issuer,
    sign: (claims: Body, options?: Parameters<Issuer['sign']>[1]) => Promise<string>,
  ) => Promise<void>,
): Promise<void> => {
  let clock = { now: now * 1000 }
  await using issuer = await openIssuer(() => clock.now)
  await withWorld(
    'sqlite::memory:',
    {
      jwt_config: { enabled: false },
      identity_providers: [{ id: 'i', type: 'jwt', issuer: issuer.url, audiences: ['chat'], bearer: true }],
    },
    async (world) => {
      clock = world.clock
      await body(world, issuer, (claims, options) => issuer.sign(claims, options))
    },
  )
}

test('a token is verified once, and answered from memory while the issuer is down', () =>
  withIssuer(async (world, issuer, sign) => {
    const access = await sign({ sub: 'sam', sid: 's' })
    await ok(world, access)
    await issuer.down()
    for (let i = 0; i < 50; i++) await ok(world, access)
    assert.deepEqual(issuer.asked, { keys: 1, discovery: 1 })
    issuer.rotate()
    const unknown = await whoami(world, await sign({ sub: 'sam', sid: 's' }))
    assert.deepEqual(
      [unknown.status, unknown.body['code'], unknown.headers['retry-after']],
      [429, 'keys_unavailable', '5'],
      'nobody is signed out because an issuer is down',
    )
    await issuer.up()
    world.clock.now += 30_000
    await ok(world, await sign({ sub: 'sam', sid: 's' }))
  }))

test('a key that is taken back ends the tokens that it signed, those in memory too', () =>
  withIssuer(async (world, issuer, sign) => {
    const [stolen] = issuer.keys
    const access = await sign({ sub: 'sam', sid: 's' }, { lives: 86_400 })
    await ok(world, access)
    issuer.rotate({ drop: true })
    const fresh = await sign({ sub: 'sam', sid: 's' })
    await ok(world, fresh)
    assert.equal(await refused(world, access), '401 M_UNKNOWN_TOKEN kid_unknown')
    assert.equal(await refused(world, await sign({ sub: 'eve' }, { key: stolen! })), '401 M_UNKNOWN_TOKEN kid_unknown')
    await ok(world, fresh)
  }))

inWorld('refusals of bearer tokens are in the log without the token', only(), async (world) => {
  const bad = `${token({ sub: 'sam' }).slice(0, -3)}AAA`
  await refused(world, bad)
  const line = world.said.find(({ details }) => details['code'] === 'signature_wrong')
  assert.deepEqual([line?.details['provider'], line?.details['rule']], ['b', 'signature'])
  assert.ok(!JSON.stringify(world.said).includes(bad.split('.')[1] ?? ''))
})

inWorld('sign-ins, uses and revocations at the same time never leave a revoked token alive', only(), async (world) => {
  for (let round = 0; round < 20; round++) {
    const access = token({ sub: 'sam', sid: `r${round}` })
    const uses = Array.from({ length: 10 }, () => whoami(world, access))
    await Promise.all([...uses, world.login.revokeTokens('b', { sid: `r${round}` })])
    assert.equal(await refused(world, access), '401 M_UNKNOWN_TOKEN revoked')
  }
})
