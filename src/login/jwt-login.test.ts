// The contract of signing in by JWT, row by row, through the public API.
import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import {
  block,
  type Body,
  inEveryWorld,
  inWorld,
  pyJwt,
  refusal,
  sign,
  type World,
} from '../../test/harness/login-world.ts'

const now = Date.UTC(2030, 0, 1) / 1000
const type = 'org.matrix.login.jwt'
const paths = ['/_matrix/client/v3/login', '/_matrix/client/r0/login']

/** What a token is answered with on both paths, which must be the same. */
const answerTo = async (world: World, body: Body): Promise<string> => {
  const [v3, r0] = await Promise.all(
    paths.map(async (path) => {
      const answer = await world.ask('POST', path, { type, ...body })
      return answer.status === 200 ? `200 ${String(answer.body['user_id'])}` : refusal(answer)
    }),
  )
  assert.equal(v3, r0)
  return String(v3)
}

inEveryWorld('the token that PyJWT makes signs in with the block that operators paste', {}, async (world) => {
  for (const path of paths) {
    const { status, body } = await world.ask('POST', path, { type, token: pyJwt })
    assert.equal(status, 200)
    assert.equal(body['user_id'], '@test-user:one.test')
    assert.equal(body['home_server'], 'one.test')
    assert.match(String(body['device_id']), /^[A-Z0-9]{10}$/)
    const me = await world.ask('GET', '/account/whoami', undefined, String(body['access_token']))
    assert.deepEqual(me.body, { user_id: '@test-user:one.test', device_id: body['device_id'], is_guest: false })
    assert.ok(!('refresh_token' in body) && !('expires_in_ms' in body) && !('well_known' in body))
  }
})

inWorld('the ways to sign in are listed', {}, async (world) => {
  for (const path of paths) {
    const { body } = await world.ask('GET', path)
    assert.deepEqual(body, {
      flows: [{ type }, { type: 'm.login.password' }, { type: 'm.login.token', get_login_token: true }],
    })
  }
})

inWorld(
  'a way that is not configured is neither listed nor taken',
  { jwt_config: { enabled: false }, password_login: false },
  async (world) => {
    assert.deepEqual((await world.ask('GET', '/login')).body, {
      flows: [{ type: 'm.login.token', get_login_token: true }],
    })
    for (const other of [type, 'm.login.jwt', 'm.login.password', 'm.login.nothing', 'constructor', '']) {
      assert.match(await answerTo(world, { type: other, token: pyJwt }), /^400 M_UNKNOWN /)
    }
  },
)

inWorld('the deprecated name is taken, and said to be so once', {}, async (world) => {
  for (let i = 0; i < 3; i++)
    assert.equal(await answerTo(world, { type: 'm.login.jwt', token: pyJwt }), '200 @test-user:one.test')
  assert.equal(world.said.filter(({ message }) => message.includes('deprecated')).length, 1)
})

inWorld('a request without a usable token is refused in the promised words', {}, async (world) => {
  assert.equal(await answerTo(world, {}), '403 M_FORBIDDEN Token field for JWT is missing')
  assert.equal(await answerTo(world, { token: null }), '403 M_FORBIDDEN Token field for JWT is missing')
  for (const token of [[], [pyJwt], {}, { a: 1 }, 7, 1.5, true]) {
    assert.equal(
      await answerTo(world, { token }),
      '403 M_FORBIDDEN Token field for JWT must be a string',
      JSON.stringify(token),
    )
  }
})

inWorld('everything that is wrong with a token is 403 M_FORBIDDEN, and the text says what', {}, async (world) => {
  const rows: [string, RegExp][] = [
    [sign({ sub: 'a' }, undefined, 'another secret'), /Signature verification failed/],
    [sign({ sub: 'a', exp: now - 121 }), /expired/],
    [sign({ sub: 'a', nbf: now + 121 }), /not valid yet/],
    [sign({ sub: 'a', iat: now + 121 }), /in the future/],
    [sign({ sub: 'a', exp: true }), /"exp"/],
    [sign({ sub: 'a', nbf: 'x' }), /"nbf"/],
    [sign({ sub: 'a', iat: false }), /"iat"/],
    [sign({ sub: 'a', aud: 'chat' }), /"aud"/],
    [sign({ sub: 'a' }, { alg: 'HS384' }), /HS384/],
    [sign({ sub: 'a' }, { alg: 'none' }), /not signed/],
    [sign({ sub: 'a' }, { typ: 'JWT' }), /alg/],
    ['', /three segments/],
    ['a.b', /three segments/],
    [`${pyJwt}=`, /base64url/],
    [sign('[]'), /not a JSON object/],
    [sign('{"sub"'), /not valid JSON/],
    [sign({ sub: 'a', x: 'y'.repeat(17_000) }), /16 KiB/],
    [sign({ sub: 'a' }, { alg: 'HS256', crit: ['x'] }), /crit/],
    [sign({ sub: 'a' }, { alg: 'HS256', kid: 7 }), /kid/],
    [sign({ sub: 7 }), /"sub"/],
  ]
  for (const [token, pattern] of rows) {
    const answer = await answerTo(world, { token })
    assert.match(answer, /^403 M_FORBIDDEN JWT validation failed: /)
    assert.match(answer, pattern)
  }
  assert.equal(await answerTo(world, { token: sign({ name: 'a' }) }), '403 M_FORBIDDEN Invalid JWT')
  for (const leeway of [{ exp: now - 119 }, { nbf: now + 119 }, { iat: now + 119 }]) {
    assert.equal(await answerTo(world, { token: sign({ sub: 'a', ...leeway }) }), '200 @a:one.test')
  }
})

inWorld(
  'a refusal carries a code and a trace, and the log line behind it names provider, key and rule, but no secret',
  {},
  async (world) => {
    const token = sign({ sub: 'a', exp: 1 })
    const { body } = await world.ask('POST', '/login', { type, token })
    assert.equal(body['code'], 'expired')
    const line = world.said.find(({ details }) => details['trace'] === body['trace'])
    assert.deepEqual(
      { ...line?.details, reason: '', trace: '' },
      {
        ip: '127.0.0.1',
        provider: 'jwt_config',
        key: 'HMAC secret of 15 bytes',
        rule: 'times',
        code: 'expired',
        reason: '',
        trace: '',
      },
    )
    assert.ok(!JSON.stringify(world.said).includes(token) && !JSON.stringify(world.said).includes(secretOf(block)))
  },
)
const secretOf = ({ secret }: { secret: string }): string => secret

inWorld(
  'issuer and audience are required and exact when configured',
  { jwt_config: { ...block, issuer: 'https://id.example', audiences: ['chat', 'other'] } },
  async (world) => {
    const good = { sub: 'a', iss: 'https://id.example', aud: ['x', 'chat'] }
    assert.equal(await answerTo(world, { token: sign(good) }), '200 @a:one.test')
    for (const [change, claim] of [
      [{ iss: 'https://evil.example' }, 'iss'],
      [{ iss: undefined }, 'iss'],
      [{ aud: 'x' }, 'aud'],
      [{ aud: undefined }, 'aud'],
    ] as const) {
      const answer = await answerTo(world, { token: sign({ ...good, ...change }) })
      assert.match(answer, /^403 M_FORBIDDEN JWT validation failed: /)
      assert.ok(answer.includes(`"${claim}"`), answer)
    }
  },
)

inWorld(
  'subject and display name come from the configured claims',
  { jwt_config: { ...block, subject_claim: 'username', display_name_claim: 'name' } },
  async (world) => {
    assert.equal(
      await answerTo(world, { token: sign({ username: 'alice', sub: 'bob', name: 'Alice A.' }) }),
      '200 @alice:one.test',
    )
    assert.equal((await world.users.findByLocalpart('alice'))?.displayName, 'Alice A.')
    assert.equal(await answerTo(world, { token: sign({ username: 'carol', name: 7 }) }), '200 @carol:one.test')
    assert.equal(await answerTo(world, { token: sign({ sub: 'bob' }) }), '403 M_FORBIDDEN Invalid JWT')
  },
)

inEveryWorld(
  'a subject that cannot name a user is 400 M_INVALID_USERNAME, and the text says why',
  {},
  async (world) => {
    for (const [sub, pattern] of [
      ['', /empty/],
      ['_alice', /start with "_"/],
      ['x'.repeat(246), /too long/],
      ['a\0b', /NUL/],
      ['a\ud800', /surrogate/],
      ['ä'.repeat(100), /too long/],
    ] as const) {
      const answer = await answerTo(world, { token: sign({ sub }) })
      assert.match(answer, /^400 M_INVALID_USERNAME /)
      assert.match(answer, pattern)
    }
    assert.equal(await answerTo(world, { token: sign({ sub: 'x'.repeat(245) }) }), `200 @${'x'.repeat(245)}:one.test`)
  },
)

inWorld(
  'a name that an application service keeps for itself is 400 M_EXCLUSIVE',
  { isExclusive: (userId) => userId.startsWith('@irc_') },
  async (world) => {
    for (const sub of ['irc_alice', 'IRC_Alice'])
      assert.match(await answerTo(world, { token: sign({ sub }) }), /^400 M_EXCLUSIVE /)
  },
)

inEveryWorld('an unknown user is created, and found again in whatever letter case', {}, async (world) => {
  assert.equal(await answerTo(world, { token: sign({ sub: 'Alice' }) }), '200 @alice:one.test')
  for (const sub of ['alice', 'ALICE', 'aLiCe'])
    assert.equal(await answerTo(world, { token: sign({ sub }) }), '200 @alice:one.test')
})

inEveryWorld(
  'characters outside the grammar are escaped, and no subject ever gets into the account of another',
  {},
  async (world) => {
    for (const [sub, user] of [
      ['Foo Bar', '@foo=20bar:one.test'],
      ['@alice:one.test', '@=40alice=3aone.test:one.test'],
      ['a:b', '@a=3ab:one.test'],
      ['á#', '@=c3=a1=23:one.test'],
      ['alice', '@alice:one.test'],
      ['a/b+c.d-e_f', '@a/b+c.d-e_f:one.test'],
      // The account of "a:b" is called this, and somebody else may have just that for a subject.
      ['a=3ab', '@a=3d3ab:one.test'],
      ['A=3AB', '@a=3d3ab:one.test'],
      // Unicode makes a small k of the Kelvin sign.
      ['k', '@k:one.test'],
      ['\u212a', '@=e2=84=aa:one.test'],
    ] as const) {
      assert.equal(await answerTo(world, { token: sign({ sub }) }), `200 ${user}`, sub)
      assert.equal(await answerTo(world, { token: sign({ sub }) }), `200 ${user}`, `${sub} again`)
    }
  },
)

inWorld(
  'an escaped subject does not get into an account that somebody has made under that very name',
  { registration: 'open' },
  async (world) => {
    const made = await world.post('/register', {
      username: 'bob=3asmith',
      password: 'correct horse',
      auth: { type: 'm.login.dummy' },
    })
    assert.equal(made['user_id'], '@bob=3asmith:one.test')
    assert.match(await answerTo(world, { token: sign({ sub: 'bob:smith' }) }), /^403 M_FORBIDDEN .*another account/)
    assert.equal(await answerTo(world, { token: sign({ sub: 'bob=3asmith' }) }), '200 @bob=3asmith:one.test')
  },
)

inWorld(
  'a native provider makes accounts of its own, and a name that is taken stays with whom it belongs to',
  {
    registration: 'open',
    jwt_config: { enabled: false },
    identity_providers: [
      {
        id: 'backend',
        type: 'jwt',
        secret: ['s'.repeat(32)],
        algorithms: ['HS256'],
        issuer: 'https://b.example',
        audiences: ['chat'],
      },
    ],
  },
  async (world) => {
    await world.post('/register', { username: 'bob', password: 'correct horse', auth: { type: 'm.login.dummy' } })
    const token = (sub: string, more: Body = {}): string =>
      sign({ sub, iss: 'https://b.example', aud: 'chat', exp: now + 60, ...more }, undefined, 's'.repeat(32))
    for (let i = 0; i < 2; i++) assert.equal(await answerTo(world, { token: token('Carol') }), '200 @carol:one.test')
    assert.equal(await answerTo(world, { token: token('carol') }), '200 @carol:one.test')
    assert.match(await answerTo(world, { token: token('bob') }), /^403 M_FORBIDDEN .*another account/)
    assert.match(
      await answerTo(world, { token: token('carol', { exp: undefined }) }),
      /^403 M_FORBIDDEN JWT validation failed: .*"exp"/,
    )
    assert.match(await answerTo(world, { token: pyJwt }), /^403 M_FORBIDDEN JWT validation failed/)
  },
)

inWorld('an account that is there already is signed in to by its name', { registration: 'open' }, async (world) => {
  await world.post('/register', { username: 'carol', password: 'correct horse', auth: { type: 'm.login.dummy' } })
  assert.equal(await answerTo(world, { token: sign({ sub: 'Carol' }) }), '200 @carol:one.test')
})

inEveryWorld('a device id is kept, up to 512 characters, and its earlier token ends', {}, async (world) => {
  for (const device of [7, [], {}, true, 'x'.repeat(513), ''])
    assert.match(
      await answerTo(world, { token: pyJwt, device_id: device }),
      /^400 M_INVALID_PARAM /,
      JSON.stringify(device),
    )
  for (const device of ['x'.repeat(512), 'phone', 'ü/ %']) {
    const first = await world.jwt('alice', { device_id: device, initial_device_display_name: 'Mine' })
    assert.equal(first['device_id'], device)
    const second = await world.jwt('alice', { device_id: device })
    const user = (await world.users.findByLocalpart('alice'))?.nid ?? 0
    assert.equal((await world.devices.get(user, device))?.displayName, 'Mine')
    assert.match(
      refusal(await world.ask('GET', '/account/whoami', undefined, String(first['access_token']))),
      /^401 M_UNKNOWN_TOKEN/,
    )
    assert.equal((await world.ask('GET', '/account/whoami', undefined, String(second['access_token']))).status, 200)
  }
  const other = await world.jwt('alice')
  assert.notEqual(other['device_id'], 'phone')
})

inWorld('a deactivated account is 403 and a locked one 401 with soft logout', {}, async (world) => {
  await world.jwt('alice')
  const alice = (await world.users.findByLocalpart('alice'))?.nid ?? 0
  await world.users.setLocked(alice, true)
  const locked = await world.ask('POST', '/login', { type, token: sign({ sub: 'alice' }) })
  assert.deepEqual([locked.status, locked.body['errcode'], locked.body['soft_logout']], [401, 'M_USER_LOCKED', true])
  await world.users.setLocked(alice, false)
  await world.identities.deactivate(alice, false)
  assert.equal(
    await answerTo(world, { token: sign({ sub: 'alice' }) }),
    '403 M_USER_DEACTIVATED This account has been deactivated',
  )
})

inWorld(
  "the answer names the client's address where it is configured",
  { public_base_url: 'https://matrix.one.test' },
  async (world) => {
    assert.deepEqual((await world.jwt('alice'))['well_known'], {
      'm.homeserver': { base_url: 'https://matrix.one.test' },
    })
  },
)

inWorld(
  'bad tokens are limited by address, and good ones never',
  { rate_limits: { failed_login: { per_second: 0.1, burst: 5 } } },
  async (world) => {
    const attempt = (token: unknown, ip: string) => world.ask('POST', '/login', { type, token }, undefined, ip)
    for (let i = 0; i < 5; i++) assert.equal((await attempt('x', '192.0.2.1')).status, 403)
    const limited = await attempt('x', '192.0.2.1')
    assert.equal(limited.status, 429)
    assert.equal(limited.body['errcode'], 'M_LIMIT_EXCEEDED')
    assert.equal(limited.headers['retry-after'], '10')
    assert.equal(limited.body['retry_after_ms'], 10_000)
    for (let i = 0; i < 50; i++) assert.equal((await attempt(pyJwt, '192.0.2.1')).status, 200)
    assert.equal((await attempt('x', '192.0.2.2')).status, 403)
    world.clock.now += 10_000
    assert.equal((await attempt('x', '192.0.2.1')).status, 403)
  },
)

inEveryWorld('a hundred first sign-ins of one user at once make one account', {}, async (world) => {
  const answers = await Promise.all(Array.from({ length: 100 }, () => world.jwt('dave')))
  assert.deepEqual([...new Set(answers.map((answer) => answer['user_id']))], ['@dave:one.test'])
  assert.equal(new Set(answers.map((answer) => answer['access_token'])).size, 100)
  assert.equal((await world.users.list('', 10)).length, 1)
})

const keys: [string, () => { publicKey: KeyObject; privateKey: KeyObject }][] = [
  ['RS256', () => generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['PS384', () => generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['ES256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ['EdDSA', () => generateKeyPairSync('ed25519')],
]
for (const [algorithm, generate] of keys) {
  const { publicKey, privateKey } = generate()
  const pem = publicKey.export({ type: 'spki', format: 'pem' })
  const set = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig' }] })
  for (const secret of [pem, set]) {
    inWorld(
      `${algorithm} signs in by ${secret === pem ? 'a PEM key' : 'a key set'}`,
      { jwt_config: { enabled: true, secret, algorithm: algorithm as 'RS256' } },
      async (world) => {
        const token = (kid: string): Promise<string> =>
          new SignJWT({ sub: 'alice' }).setProtectedHeader({ alg: algorithm, kid }).sign(privateKey)
        assert.equal(await answerTo(world, { token: await token('k1') }), '200 @alice:one.test')
        assert.match(
          await answerTo(world, { token: await token('k2') }),
          secret === pem ? /^200/ : /^403 M_FORBIDDEN JWT validation failed: .*kid/,
        )
        assert.match(
          await answerTo(world, { token: sign({ sub: 'alice' }, { alg: 'HS256' }, pem) }),
          /^403 M_FORBIDDEN/,
        )
      },
    )
  }
}
