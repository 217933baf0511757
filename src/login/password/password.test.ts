import assert from 'node:assert/strict'
import { inEveryWorld, inWorld, refusal, type World } from '../../../test/harness/login-world.ts'

const password = 'correct horse'
const make = (world: World, username = 'alice'): Promise<unknown> =>
  world.post('/register', { username, password, auth: { type: 'm.login.dummy' } })
const attempt = (world: World, body: object, ip?: string): ReturnType<World['ask']> =>
  world.ask('POST', '/login', { type: 'm.login.password', password, ...body }, undefined, ip)
const user = (name: string): object => ({ identifier: { type: 'm.id.user', user: name } })

inEveryWorld(
  'a password signs in by name or by full user id, in whatever letter case, and in the old spelling',
  { registration: 'open' },
  async (world) => {
    await make(world)
    for (const body of [
      user('alice'),
      user('@alice:one.test'),
      user('Alice'),
      { user: 'alice' },
      { ...user('alice'), medium: 'email' },
    ]) {
      const answer = await attempt(world, body)
      assert.equal(answer.body['user_id'], '@alice:one.test', JSON.stringify(answer.body))
    }
  },
)

inEveryWorld(
  'a wrong password, an unknown name and an account without a password get one and the same answer',
  { registration: 'open' },
  async (world) => {
    await make(world)
    await world.jwt('bob')
    const answers = new Set<string>()
    for (const body of [
      { ...user('alice'), password: 'wrong horse' },
      { ...user('alice'), password: '' },
      user('bob'),
      user('nobody'),
      user('@alice:two.test'),
      user(''),
      user('@'),
      user('a\0b'),
      user('x'.repeat(10_000)),
      { ...user('alice'), password: 'x'.repeat(10_000) },
    ])
      answers.add(refusal(await attempt(world, body)))
    assert.deepEqual([...answers], ['403 M_FORBIDDEN Wrong user name or password'])
  },
)

inWorld('requests of a wrong shape are told what is wrong', {}, async (world) => {
  for (const [body, code] of [
    [{}, 'M_MISSING_PARAM'],
    [{ identifier: 'alice' }, 'M_BAD_JSON'],
    [{ identifier: {} }, 'M_UNKNOWN'],
    [{ identifier: { type: 'm.id.user' } }, 'M_MISSING_PARAM'],
    [{ identifier: { type: 'm.id.user', user: 7 } }, 'M_BAD_JSON'],
    [{ user: 7 }, 'M_BAD_JSON'],
    [{ ...user('alice'), password: 7 }, 'M_BAD_JSON'],
    [{ ...user('alice'), password: undefined }, 'M_MISSING_PARAM'],
    [{ identifier: { type: 'm.id.thirdparty', medium: 'msisdn', address: '1' } }, 'M_UNKNOWN'],
    [{ medium: 'msisdn', address: '1' }, 'M_UNKNOWN'],
    [{ identifier: { type: 'constructor' } }, 'M_UNKNOWN'],
  ] as const) {
    const answer = await attempt(world, body)
    assert.deepEqual([answer.status, answer.body['errcode']], [400, code], JSON.stringify(body))
  }
  assert.match(refusal(await world.ask('POST', '/login', {})), /^400 M_MISSING_PARAM/)
  assert.match(refusal(await world.ask('POST', '/login', { type: 7 })), /^400 M_BAD_JSON/)
  assert.match(
    refusal(await world.ask('POST', '/login', { type: 'm.login.password', refresh_token: 'yes' })),
    /^400 M_BAD_JSON/,
  )
})

inWorld(
  'guesses are limited by address and name, also when they come all at once',
  { registration: 'open', rate_limits: { failed_login: { per_second: 0.1, burst: 5 } } },
  async (world) => {
    await make(world)
    const guesses = await Promise.all(
      Array.from({ length: 20 }, () => attempt(world, { ...user('alice'), password: 'wrong' }, '192.0.2.1')),
    )
    assert.equal(guesses.filter(({ status }) => status === 403).length, 5)
    assert.equal(guesses.filter(({ status }) => status === 429).length, 15)
    assert.equal((await attempt(world, user('alice'), '192.0.2.1')).status, 429, 'even the right one has to wait now')
    assert.equal((await attempt(world, user('alice'), '192.0.2.2')).status, 200)
    world.clock.now += 10_000
    for (let i = 0; i < 20; i++) assert.equal((await attempt(world, user('alice'), '192.0.2.1')).status, 200)
  },
)
