// What has to be confirmed, over HTTP: passwords, deactivation, login tokens, and whatever other folders ask through the port.
import assert from 'node:assert/strict'
import { Type } from 'typebox'
import { route, type Route } from '../http/index.ts'
import type { JsonObject } from '../matrix/json.ts'
import { type Body, inEveryWorld, inWorld, refusal, sign, type World } from '../../test/harness/login-world.ts'
import type { Login } from './index.ts'

const now = Date.UTC(2030, 0, 1) / 1000
const password = 'correct horse'
const jwt = (claims: Body): Body => ({ type: 'org.matrix.login.jwt', token: sign(claims) })
const pass = (user: string, value = password): Body => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user },
  password: value,
})
const make = async (world: World, username: string): Promise<string> => {
  const made = await world.post('/register', { username, password, auth: { type: 'm.login.dummy' } })
  return String(made['access_token'])
}
/** A request of another folder that has to be confirmed. */
const thing = (login: Login): Route[] => [
  route({
    id: 'thing',
    method: 'DELETE',
    path: '/_matrix/client/v3/thing/:id',
    auth: 'user',
    params: Type.Object({ id: Type.String() }),
    body: Type.Object({}),
    reply: Type.Object({}),
    handle: async ({ session, ip, params, body }) => {
      await login.confirm({ session, ip, operation: `thing ${params.id}`, body: body as JsonObject })
      return {}
    },
  }),
]

inEveryWorld('whoever came by JWT confirms with a fresh one of their own', { routes: thing }, async (world) => {
  const token = String((await world.jwt('alice'))['access_token'])
  await world.jwt('bob')
  const told = await world.ask('DELETE', '/thing/1', {}, token)
  assert.deepEqual(told.body['flows'], [{ stages: ['org.matrix.login.jwt'] }])
  const session = told.body['session']
  for (const [claims, pattern] of [
    [{ sub: 'bob' }, /another user/],
    [{ sub: 'nobody' }, /another user/],
    [{ sub: 'alice', exp: 1 }, /expired/],
    [{}, /Invalid JWT/],
    [{ sub: 'alice', iat: now - 301 }, /more than 5 minutes/],
    [{ sub: '_x' }, /cannot start/],
  ] as const) {
    const answer = await world.ask('DELETE', '/thing/1', { auth: { ...jwt(claims), session } }, token)
    assert.equal(answer.status, 401, JSON.stringify(claims))
    assert.match(String(answer.body['error']), pattern)
    assert.deepEqual(answer.body['flows'], [{ stages: ['org.matrix.login.jwt'] }])
  }
  assert.equal(
    (await world.ask('DELETE', '/thing/2', { auth: { ...jwt({ sub: 'alice' }), session } }, token)).status,
    403,
    'begun for another thing',
  )
  assert.equal(
    (await world.ask('DELETE', '/thing/1', { auth: { ...jwt({ sub: 'Alice', iat: now - 299 }), session } }, token))
      .status,
    200,
  )
  assert.equal(
    (await world.ask('DELETE', '/thing/1', { auth: { ...jwt({ sub: 'alice' }), session } }, token)).status,
    401,
    'once only',
  )
  assert.equal(await world.users.findByLocalpart('nobody'), undefined, 'confirming makes no accounts')
})

inEveryWorld(
  "whoever has a password may confirm by it, and by nobody else's",
  { registration: 'open', routes: thing },
  async (world) => {
    const token = await make(world, 'alice')
    await make(world, 'bob')
    const told = await world.ask('DELETE', '/thing/1', {}, token)
    assert.deepEqual(told.body['flows'], [{ stages: ['m.login.password'] }, { stages: ['org.matrix.login.jwt'] }])
    for (const auth of [
      pass('alice', 'wrong'),
      pass('bob'),
      pass('@bob:one.test'),
      { type: 'm.login.password' },
      { type: 'm.login.password', password: '' },
      { type: 'm.login.dummy' },
    ]) {
      assert.equal(
        (await world.ask('DELETE', '/thing/1', { auth: { ...auth, session: told.body['session'] } }, token)).status,
        401,
        JSON.stringify(auth),
      )
    }
    for (const auth of [
      pass('alice'),
      pass('@alice:one.test'),
      { type: 'm.login.password', user: 'alice', password },
      { type: 'm.login.password', password },
    ]) {
      assert.equal((await world.ask('DELETE', '/thing/1', { auth }, token)).status, 200, JSON.stringify(auth))
    }
  },
)

inWorld(
  'guesses at a confirmation are limited, too',
  { registration: 'open', routes: thing, rate_limits: { failed_login: { per_second: 0.1, burst: 3 } } },
  async (world) => {
    const token = await make(world, 'alice')
    const statuses: number[] = []
    for (let i = 0; i < 5; i++)
      statuses.push((await world.ask('DELETE', '/thing/1', { auth: pass('alice', 'wrong') }, token)).status)
    assert.deepEqual(statuses, [401, 401, 401, 429, 429])
  },
)

inWorld(
  'whoever has no way to confirm is told so in a sentence',
  { jwt_config: { enabled: false }, registration: 'open', allow_guests: true, routes: thing },
  async (world) => {
    const token = await make(world, 'alice')
    await world.users.setPassword((await world.users.findByLocalpart('alice'))?.nid ?? 0, null)
    const answer = await world.ask('DELETE', '/thing/1', {}, token)
    assert.equal(answer.status, 403)
    assert.ok(!('flows' in answer.body))
  },
)

inEveryWorld(
  'a new password ends the other sessions, unless the client asks to keep them',
  { registration: 'open' },
  async (world) => {
    const token = await make(world, 'alice')
    const other = String((await world.jwt('alice'))['access_token'])
    const change = (more: Body): ReturnType<World['post']> =>
      world.post('/account/password', { auth: pass('alice'), ...more }, token)
    assert.match(
      await world.refused('/account/password', { new_password: 'short', auth: pass('alice') }, token),
      /^400 M_WEAK_PASSWORD/,
    )
    assert.match(await world.refused('/account/password', { auth: pass('alice') }, token), /^400 M_MISSING_PARAM/)
    assert.match(await world.refused('/account/password', { new_password: 'battery staple' }), /^401 M_MISSING_TOKEN/)
    assert.deepEqual(await change({ new_password: 'battery staple', logout_devices: false }), {})
    assert.equal((await world.ask('GET', '/account/whoami', undefined, other)).status, 200)
    assert.deepEqual(await change({ new_password: password, auth: pass('alice', 'battery staple') }), {})
    assert.match(refusal(await world.ask('GET', '/account/whoami', undefined, other)), /^401 M_UNKNOWN_TOKEN/)
    assert.equal((await world.ask('GET', '/account/whoami', undefined, token)).status, 200)
    assert.equal((await world.ask('POST', '/login', { type: 'm.login.password', ...pass('alice') })).status, 200)
  },
)

inEveryWorld('whoever came by JWT can set a first password', {}, async (world) => {
  const token = String((await world.jwt('alice'))['access_token'])
  assert.deepEqual(
    await world.post('/account/password', { new_password: password, auth: jwt({ sub: 'alice' }) }, token),
    {},
  )
  assert.equal((await world.ask('POST', '/login', { type: 'm.login.password', ...pass('alice') })).status, 200)
})

inEveryWorld(
  'a deactivated account is gone for good, with its sessions, and its name is never given again',
  { registration: 'open' },
  async (world) => {
    const token = await make(world, 'alice')
    assert.equal((await world.ask('POST', '/account/deactivate', {}, token)).status, 401)
    assert.deepEqual(await world.post('/account/deactivate', { erase: true, auth: pass('alice') }, token), {
      id_server_unbind_result: 'no-support',
    })
    assert.match(refusal(await world.ask('GET', '/account/whoami', undefined, token)), /^401 M_UNKNOWN_TOKEN/)
    assert.match(
      refusal(await world.ask('POST', '/login', { type: 'm.login.password', ...pass('alice') })),
      /^403 M_USER_DEACTIVATED/,
    )
    assert.match(refusal(await world.ask('POST', '/register', { username: 'alice', password })), /^400 M_USER_IN_USE/)
    const account = await world.users.findByLocalpart('alice')
    assert.deepEqual([account?.deactivated, account?.erased, account?.hasPassword], [true, true, false])
    assert.deepEqual(await world.devices.list(account?.nid ?? 0), [])
  },
)

inEveryWorld('a login token signs in another device once, within two minutes', {}, async (world) => {
  const token = String((await world.jwt('alice'))['access_token'])
  const get = async (): Promise<string> => {
    const got = await world.ask('POST', '/_matrix/client/v1/login/get_token', { auth: jwt({ sub: 'alice' }) }, token)
    assert.equal(got.body['expires_in_ms'], 120_000)
    return String(got.body['login_token'])
  }
  const use = (value: unknown): ReturnType<World['ask']> =>
    world.ask('POST', '/login', { type: 'm.login.token', token: value })
  assert.equal((await world.ask('POST', '/_matrix/client/v1/login/get_token', {}, token)).status, 401)
  const good = await get()
  const answers = await Promise.all(Array.from({ length: 5 }, () => use(good)))
  assert.deepEqual(
    answers.map(({ status }) => status).sort((a, b) => a - b),
    [200, 403, 403, 403, 403],
  )
  assert.equal(answers.find(({ status }) => status === 200)?.body['user_id'], '@alice:one.test')
  const late = await get()
  world.clock.now += 120_000
  assert.match(refusal(await use(late)), /^403 M_FORBIDDEN/)
  assert.match(refusal(await use(7)), /^400 M_BAD_JSON/)
  assert.match(refusal(await use(undefined)), /^400 M_MISSING_PARAM/)
  assert.match(refusal(await use(token)), /^403 M_FORBIDDEN/, 'an access token is no login token')
})

inWorld('there are no mail addresses, and that is said', {}, async (world) => {
  const token = String((await world.jwt('alice'))['access_token'])
  assert.deepEqual((await world.ask('GET', '/account/3pid', undefined, token)).body, { threepids: [] })
})
