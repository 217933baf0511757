import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { type Body, inEveryWorld, inWorld, refusal, type World } from '../../test/harness/login-world.ts'

const password = 'correct horse'
const dummy = { type: 'm.login.dummy' }
const path = '/register'

inEveryWorld('an account is made in two steps, and is signed in', { registration: 'open' }, async (world) => {
  const want = {
    username: 'alice',
    password,
    device_id: 'phone',
    initial_device_display_name: 'Phone',
    refresh_token: true,
  }
  const told = await world.ask('POST', path, want)
  assert.deepEqual(
    [told.status, told.body['flows'], 'errcode' in told.body],
    [401, [{ stages: ['m.login.dummy'] }], false],
  )
  const { status, body } = await world.ask('POST', path, { ...want, auth: { ...dummy, session: told.body['session'] } })
  assert.equal(status, 200)
  assert.deepEqual(
    [body['user_id'], body['device_id'], body['home_server'], body['expires_in_ms']],
    ['@alice:one.test', 'phone', 'one.test', 3_600_000],
  )
  assert.equal((await world.ask('GET', '/account/whoami', undefined, String(body['access_token']))).status, 200)
  assert.match(await world.refused('/register', { username: 'alice', password, auth: dummy }), /^400 M_USER_IN_USE/)
})

inWorld(
  'without a name one is made up, and without a session none is opened',
  { registration: 'open' },
  async (world) => {
    const { body } = await world.ask('POST', path, { password, inhibit_login: true, auth: dummy })
    assert.match(String(body['user_id']), /^@[a-z0-9]{12}:one.test$/)
    assert.ok(!('access_token' in body) && !('device_id' in body))
  },
)

inWorld(
  'names and passwords that will not do are refused before anything else',
  { registration: 'open', isExclusive: (userId) => userId.startsWith('@irc_') },
  async (world) => {
    await world.jwt('bob')
    for (const [body, expected] of [
      [{ username: '' }, '400 M_INVALID_USERNAME'],
      [{ username: '_x' }, '400 M_INVALID_USERNAME'],
      [{ username: 'BOB' }, '400 M_USER_IN_USE'],
      [{ username: 'Ä' }, '400 M_INVALID_USERNAME'],
      [{ username: 'a b' }, '400 M_INVALID_USERNAME'],
      [{ username: '@a:one.test' }, '400 M_INVALID_USERNAME'],
      [{ username: 'x'.repeat(300) }, '400 M_INVALID_USERNAME'],
      [{ username: 'a\0' }, '400 M_INVALID_USERNAME'],
      [{ username: 'irc_x' }, '400 M_EXCLUSIVE'],
      [{ username: 'bob' }, '400 M_USER_IN_USE'],
      [{ username: 7 }, '400 M_BAD_JSON'],
      [{ username: 'x', password: 'short' }, '400 M_WEAK_PASSWORD'],
      [{ username: 'x', password: 'x'.repeat(513) }, '400 M_INVALID_PARAM'],
      [{ username: 'x', device_id: 7 }, '400 M_INVALID_PARAM'],
    ] as const)
      assert.ok(
        refusal(await world.ask('POST', path, { password, ...body })).startsWith(expected),
        JSON.stringify(body),
      )
    assert.match(refusal(await world.ask('POST', path, { username: 'x', auth: dummy })), /^400 M_MISSING_PARAM/)
    for (const [name, expected] of [
      ['free', '200'],
      ['bob', '400 M_USER_IN_USE'],
      ['BOB', '400 M_USER_IN_USE'],
      ['irc_a', '400 M_EXCLUSIVE'],
      ['_a', '400 M_INVALID_USERNAME'],
    ] as const) {
      const answer = await world.ask('GET', `/register/available?username=${name}`)
      assert.ok(
        (answer.status === 200 ? `200 ${JSON.stringify(answer.body)}` : refusal(answer)).startsWith(expected),
        name,
      )
    }
    assert.match(refusal(await world.ask('GET', '/register/available')), /^400 M_MISSING_PARAM/)
  },
)

inWorld('where registration is closed nobody gets in that way', {}, async (world) => {
  assert.match(refusal(await world.ask('POST', path, { username: 'a', password, auth: dummy })), /^403 M_FORBIDDEN/)
  assert.match(refusal(await world.ask('GET', '/register/available?username=a')), /^403 M_FORBIDDEN/)
  assert.match(
    refusal(await world.ask('GET', '/_matrix/client/v1/register/m.login.registration_token/validity?token=x')),
    /^403 M_FORBIDDEN/,
  )
})

inWorld(
  'where a token is asked for, one of them has to be brought',
  { registration: 'token', registration_tokens: ['first', 'second'] },
  async (world) => {
    const want = { username: 'alice', password }
    assert.deepEqual((await world.ask('POST', path, want)).body['flows'], [{ stages: ['m.login.registration_token'] }])
    for (const auth of [
      dummy,
      { type: 'm.login.registration_token', token: 'third' },
      { type: 'm.login.registration_token' },
      { type: 'm.login.registration_token', token: 7 },
    ]) {
      assert.match(refusal(await world.ask('POST', path, { ...want, auth })), /^401 /)
    }
    assert.equal(
      (await world.ask('POST', path, { ...want, auth: { type: 'm.login.registration_token', token: 'second' } }))
        .status,
      200,
    )
    const validity = async (token: string): Promise<unknown> =>
      (await world.ask('GET', `/_matrix/client/v1/register/m.login.registration_token/validity?token=${token}`)).body[
        'valid'
      ]
    assert.deepEqual([await validity('first'), await validity('third')], [true, false])
  },
)

inWorld('guests are refused where they are not wanted', { registration: 'open' }, async (world) => {
  assert.match(refusal(await world.ask('POST', `${path}?kind=guest`, {})), /^403 M_GUEST_ACCESS_FORBIDDEN/)
  assert.match(refusal(await world.ask('POST', `${path}?kind=ghost`, {})), /^400 M_INVALID_PARAM/)
})

inWorld('guests are let in where they are, and may do little', { allow_guests: true }, async (world) => {
  const { body } = await world.ask('POST', `${path}?kind=guest`, {})
  const token = String(body['access_token'])
  assert.equal((await world.ask('GET', '/account/whoami', undefined, token)).body['is_guest'], true)
  assert.match(refusal(await world.ask('POST', '/account/deactivate', {}, token)), /^403 M_GUEST_ACCESS_FORBIDDEN/)
})

inEveryWorld('of many registrations of one name at once, one succeeds', { registration: 'open' }, async (world) => {
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => world.ask('POST', path, { username: 'eve', password, auth: dummy })),
  )
  assert.deepEqual(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [200, ...Array.from({ length: 9 }, () => 400)],
  )
})

const shared = '/_synapse/admin/v1/register'
const macOf = (parts: string[], secret = 'shared'): string =>
  createHmac('sha1', secret).update(parts.join('\0')).digest('hex')
const nonceOf = async (world: World): Promise<string> => String((await world.ask('GET', shared)).body['nonce'])
const register = async (
  world: World,
  more: Body = {},
  extra: string[] = ['notadmin'],
): Promise<ReturnType<World['ask']>> => {
  const body = { nonce: await nonceOf(world), username: 'alice', password: 'pw', ...more }
  return world.ask('POST', shared, {
    ...body,
    mac: more['mac'] ?? macOf([body.nonce, body.username, body.password, ...extra]),
  })
}

inEveryWorld(
  "tools that know the shared secret make accounts, also an administrator's",
  { registration_shared_secret: 'shared' },
  async (world) => {
    const plain = await register(world)
    assert.equal(plain.status, 200)
    assert.deepEqual(Object.keys(plain.body).sort(), ['access_token', 'device_id', 'home_server', 'user_id'])
    assert.equal((await world.users.findByLocalpart('alice'))?.admin, false)
    const boss = await register(world, { username: 'Boss', admin: true, user_type: null, displayname: 'The\0 Boss' }, [
      'admin',
    ])
    assert.equal(boss.body['user_id'], '@boss:one.test')
    const account = await world.users.findByLocalpart('boss')
    assert.deepEqual([account?.admin, account?.displayName], [true, 'The Boss'])
    assert.equal(
      (await register(world, { username: 'bot', user_type: 'bot', admin: false }, ['notadmin', 'bot'])).status,
      200,
    )
    assert.match(refusal(await register(world)), /^400 M_USER_IN_USE/)
    assert.equal(
      (await world.ask('POST', '/login', { type: 'm.login.password', user: 'alice', password: 'pw' })).status,
      200,
    )
  },
)

inWorld(
  'a wrong MAC, a used or stale nonce and a claim that was not signed are refused',
  { registration_shared_secret: 'shared' },
  async (world) => {
    for (const mac of ['', 'zz', macOf(['x', 'alice', 'pw', 'notadmin']), macOf(['x'], 'other')])
      assert.match(refusal(await register(world, { mac })), /^403 M_FORBIDDEN HMAC incorrect/)
    assert.match(refusal(await register(world, { admin: true })), /^403/)
    assert.match(refusal(await register(world, { user_type: 'bot' })), /^403/)
    assert.match(refusal(await register(world, { nonce: 'x' })), /^400 M_UNKNOWN unrecognised nonce/)
    const nonce = await nonceOf(world)
    const body = { nonce, username: 'alice', password: 'pw', mac: macOf([nonce, 'alice', 'pw', 'notadmin']) }
    assert.equal((await world.ask('POST', shared, { ...body, mac: 'aa' })).status, 403)
    assert.match(refusal(await world.ask('POST', shared, body)), /unrecognised nonce/)
    const late = await nonceOf(world)
    world.clock.now += 60_000
    assert.match(
      refusal(await world.ask('POST', shared, { ...body, nonce: late, mac: macOf([late, 'alice', 'pw', 'notadmin']) })),
      /unrecognised nonce/,
    )
  },
)

inWorld('without a shared secret the endpoint is not there', {}, async (world) => {
  assert.match(refusal(await world.ask('GET', shared)), /^404 M_UNRECOGNIZED/)
  assert.match(refusal(await world.ask('POST', shared, {})), /^404 M_UNRECOGNIZED/)
})
