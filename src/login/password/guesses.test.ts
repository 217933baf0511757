// Guesses at one account, from everywhere.
import assert from 'node:assert/strict'
import { type Answer, inEveryWorld, type World } from '../../../test/harness/login-world.ts'

const right = 'correct horse battery'
const login = (world: World, user: string, password: string, ip: string): Promise<Answer> =>
  world.ask(
    'POST',
    '/login',
    { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password },
    undefined,
    ip,
  )

inEveryWorld(
  'guesses at one account from all addresses together are limited, and its owner comes in from where they are',
  { registration: 'open', rate_limits: { failed_login: { per_second: 0.1, burst: 2 } } },
  async (world) => {
    for (const username of ['pat', 'kim'])
      await world.post('/register', { username, password: right, inhibit_login: true, auth: { type: 'm.login.dummy' } })
    const home = '192.0.2.77'
    assert.equal((await login(world, 'pat', right, home)).status, 200)
    for (const user of ['pat', 'nobody']) {
      // The many spellings of one account are one.
      const names = [user, user.toUpperCase(), `@${user}:one.test`]
      let at = 0
      for (; at < 20; at++)
        assert.equal((await login(world, names[at % 3]!, 'wrong', `198.51.100.${at}`)).status, 403, `${user} ${at}`)
      const held = await login(world, user, right, `198.51.100.${at}`)
      assert.deepEqual([held.status, held.body['errcode']], [429, 'M_LIMIT_EXCEEDED'], user)
    }
    assert.ok(
      world.said.some(({ details }) => details['code'] === 'password_guesses' && details['ip'] === '198.51.100.20'),
    )
    assert.equal((await login(world, 'pat', right, home)).status, 200, 'its owner, meanwhile')
    assert.equal((await login(world, 'kim', right, '198.51.100.20')).status, 200, 'another account')
    world.clock.now += 10_000
    assert.equal((await login(world, 'pat', right, '203.0.113.1')).status, 200, 'and the wait ends')
  },
)
