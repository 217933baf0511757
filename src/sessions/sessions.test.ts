import assert from 'node:assert/strict'
import { inEveryWorld, inWorld, refusal, type World } from '../../test/harness/login-world.ts'
import { hashToken } from './tokens.ts'

const whoami = async (world: World, token: unknown): Promise<string> => {
  const answer = await world.ask('GET', '/account/whoami', undefined, String(token))
  return answer.status === 200
    ? '200'
    : `${answer.status} ${String(answer.body['errcode'])}${answer.body['soft_logout'] === true ? ' soft' : ''}`
}
const refresh = (world: World, token: unknown): ReturnType<World['ask']> =>
  world.ask('POST', '/refresh', { refresh_token: token })
const start = (world: World): Promise<Record<string, unknown>> => world.jwt('alice', { refresh_token: true })

inEveryWorld(
  'a client that can refresh gets a token that runs out, softly',
  { access_token_lifetime: '1h' },
  async (world) => {
    const session = await start(world)
    assert.equal(session['expires_in_ms'], 3_600_000)
    assert.equal(typeof session['refresh_token'], 'string')
    world.clock.now += 3_599_999
    assert.equal(await whoami(world, session['access_token']), '200')
    world.clock.now += 1
    assert.equal(await whoami(world, session['access_token']), '401 M_UNKNOWN_TOKEN soft')
    const fresh = await refresh(world, session['refresh_token'])
    assert.equal(await whoami(world, fresh.body['access_token']), '200')
    assert.equal(
      (await world.ask('GET', '/account/whoami', undefined, String(fresh.body['access_token']))).body['device_id'],
      session['device_id'],
    )
  },
)

inEveryWorld('a client that cannot refresh keeps its token', { access_token_lifetime: '1h' }, async (world) => {
  const session = await world.jwt('alice')
  assert.ok(!('expires_in_ms' in session) && !('refresh_token' in session))
  world.clock.now += 1e12
  assert.equal(await whoami(world, session['access_token']), '200')
})

inWorld('with refreshing turned off nobody gets a refresh token', { access_token_lifetime: 'off' }, async (world) => {
  const session = await start(world)
  assert.ok(!('expires_in_ms' in session) && !('refresh_token' in session))
})

inEveryWorld('the old tokens stay valid until a new one is used, and then they end, softly', {}, async (world) => {
  const first = await start(world)
  assert.equal(await whoami(world, first['access_token']), '200')
  const lost = await refresh(world, first['refresh_token'])
  assert.equal(await whoami(world, first['access_token']), '200', 'the answer may have been lost')
  world.clock.now += 1_800_000
  const second = await refresh(world, first['refresh_token'])
  assert.deepEqual([second.status, second.body], [200, lost.body], 'asked again, it is the same, and good as long')
  world.clock.now += 1_800_000
  assert.equal(await whoami(world, lost.body['access_token']), '200')
  assert.equal(await whoami(world, first['access_token']), '401 M_UNKNOWN_TOKEN soft', 'refreshing will do')
})

inEveryWorld('a refresh token that comes again shortly after its use gets the same answer', {}, async (world) => {
  const first = await start(world)
  const one = await refresh(world, first['refresh_token'])
  assert.equal(await whoami(world, one.body['access_token']), '200')
  world.clock.now += 60_000
  const other = await refresh(world, first['refresh_token'])
  assert.equal(other.status, 200)
  assert.deepEqual(
    [other.body['access_token'], other.body['refresh_token'], other.body['expires_in_ms']],
    [one.body['access_token'], one.body['refresh_token'], 3_540_000],
  )
  assert.equal(await whoami(world, other.body['access_token']), '200')
  // Whoever goes on from there does so once more.
  const [next, same] = [
    await refresh(world, one.body['refresh_token']),
    await refresh(world, other.body['refresh_token']),
  ]
  assert.deepEqual([next.status, next.body], [200, same.body])
})

inEveryWorld('a refresh token that comes again later is a copy, and ends the session softly', {}, async (world) => {
  for (const rounds of [1, 2, 7]) {
    const first = await start(world)
    const bob = await world.jwt('bob', { refresh_token: true })
    let last = first
    for (let round = 0; round < rounds; round++) {
      last = (await refresh(world, last['refresh_token'])).body
      assert.equal(await whoami(world, last['access_token']), '200')
    }
    world.clock.now += 60_001
    const again = await refresh(world, first['refresh_token'])
    assert.deepEqual(
      [again.status, again.body['errcode'], again.body['soft_logout']],
      [401, 'M_UNKNOWN_TOKEN', true],
      `${rounds}`,
    )
    assert.equal(await whoami(world, last['access_token']), '401 M_UNKNOWN_TOKEN soft')
    assert.match(refusal(await refresh(world, last['refresh_token'])), /^401 M_UNKNOWN_TOKEN/)
    assert.equal(await whoami(world, bob['access_token']), '200')
    const user = (await world.users.findByLocalpart('alice'))!.nid
    const devices = (await world.devices.list(user)).map(({ deviceId }) => deviceId)
    assert.ok(devices.includes(String(first['device_id'])), 'the device stays, and its keys')
  }
  assert.ok(world.said.some(({ message }) => message.includes('used up already')))
})

inEveryWorld(
  'a token from before sessions had families is exchanged as ever, and is known again',
  {},
  async (world) => {
    const first = await start(world)
    const old = `lkr_${'o'.repeat(43)}`
    const { device_id: device } = first
    await world.log.write(({ sql }) =>
      sql
        .updateTable('refresh_tokens')
        .set({ token_hash: hashToken(old), family_hash: null })
        .where('token_hash', '=', hashToken(String(first['refresh_token'])))
        .execute(),
    )
    const [one, other] = await Promise.all([refresh(world, old), refresh(world, old)])
    assert.deepEqual([one.status, one.body], [200, other.body])
    assert.equal(await whoami(world, one.body['access_token']), '200')
    const next = await refresh(world, one.body['refresh_token'])
    assert.equal(await whoami(world, next.body['access_token']), '200')
    assert.equal(String(next.body['refresh_token']).slice(0, 26), String(one.body['refresh_token']).slice(0, 26))
    const again = await world.jwt('alice', { refresh_token: true, device_id: device })
    assert.match(refusal(await refresh(world, next.body['refresh_token'])), /^401 M_UNKNOWN_TOKEN/)
    assert.equal(await whoami(world, again['access_token']), '200', 'a sign-in on the same device is another session')
  },
)

inEveryWorld('the use of the new refresh token ends the old ones, too', {}, async (world) => {
  const first = await start(world)
  const second = await refresh(world, first['refresh_token'])
  const third = await refresh(world, second.body['refresh_token'])
  assert.equal(third.status, 200)
  assert.equal(await whoami(world, first['access_token']), '401 M_UNKNOWN_TOKEN soft')
  assert.equal(await whoami(world, second.body['access_token']), '200')
  assert.equal(await whoami(world, third.body['access_token']), '200')
  assert.equal(await whoami(world, second.body['access_token']), '401 M_UNKNOWN_TOKEN soft')
  world.clock.now += 60_001
  assert.match(refusal(await refresh(world, first['refresh_token'])), /^401 M_UNKNOWN_TOKEN/)
})

inEveryWorld('many refreshes with one token at once get one pair, and it lives', {}, async (world) => {
  const first = await start(world)
  const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(world, first['refresh_token'])))
  assert.equal(new Set(answers.map(({ body }) => body['refresh_token'])).size, 1)
  const alive = await Promise.all(answers.map((answer) => whoami(world, answer.body['access_token'])))
  assert.deepEqual(new Set(alive), new Set(['200']))
  for (const { body } of answers) assert.equal((await refresh(world, body['refresh_token'])).status, 200)
})

inWorld('a refresh token that is none is refused, and of a wrong type is a wrong shape', {}, async (world) => {
  const { access_token: access } = await start(world)
  for (const token of ['', 'x', access]) assert.match(refusal(await refresh(world, token)), /^401 M_UNKNOWN_TOKEN/)
  assert.match(refusal(await refresh(world, 7)), /^400 M_BAD_JSON/)
  assert.match(refusal(await world.ask('POST', '/refresh', {})), /^400 M_MISSING_PARAM/)
})

inEveryWorld(
  'logging out ends the session with its device and its refresh token, and no other one',
  {},
  async (world) => {
    const [one, two] = [await start(world), await start(world)]
    assert.equal(await whoami(world, one['access_token']), '200')
    assert.deepEqual(await world.post('/logout', {}, String(one['access_token'])), {})
    assert.equal(await whoami(world, one['access_token']), '401 M_UNKNOWN_TOKEN')
    assert.match(refusal(await refresh(world, one['refresh_token'])), /^401 M_UNKNOWN_TOKEN/)
    assert.equal(await whoami(world, two['access_token']), '200')
    const user = (await world.users.findByLocalpart('alice'))?.nid ?? 0
    assert.deepEqual(
      (await world.devices.list(user)).map(({ deviceId }) => deviceId),
      [two['device_id']],
    )
    assert.match(await world.refused('/logout', {}, String(one['access_token'])), /^401 M_UNKNOWN_TOKEN/)
  },
)

inEveryWorld("logging out everywhere ends every session of the user and nobody else's", {}, async (world) => {
  const [one, two, bob] = [await start(world), await start(world), await world.jwt('bob')]
  for (const session of [one, two]) assert.equal(await whoami(world, session['access_token']), '200')
  assert.deepEqual(await world.post('/logout/all', {}, String(one['access_token'])), {})
  for (const session of [one, two]) {
    assert.equal(await whoami(world, session['access_token']), '401 M_UNKNOWN_TOKEN')
    assert.match(refusal(await refresh(world, session['refresh_token'])), /^401 M_UNKNOWN_TOKEN/)
  }
  assert.equal(await whoami(world, bob['access_token']), '200')
})

inEveryWorld('a token is not to be found in the database, and what is there is of no use', {}, async (world) => {
  const session = await start(world)
  for (const token of ['', 'x', ' ', `${String(session['access_token'])}x`, session['refresh_token']]) {
    assert.notEqual(await whoami(world, token), '200')
  }
  assert.match(String(session['access_token']), /^lka_[A-Za-z0-9_-]{43}$/)
})

inWorld('a change of the account is seen by a session that is in memory', {}, async (world) => {
  const { access_token: token } = await world.jwt('alice')
  const user = (await world.users.findByLocalpart('alice'))?.nid ?? 0
  assert.equal(await whoami(world, token), '200')
  await world.users.setLocked(user, true)
  assert.equal(await whoami(world, token), '401 M_USER_LOCKED soft')
  await world.users.setLocked(user, false)
  assert.equal(await whoami(world, token), '200')
  await world.users.setLocked(user, true)
  assert.deepEqual(await world.post('/logout', {}, String(token)), {}, 'a locked account may log out')
})

inWorld('sign-ins, uses and logouts at the same time never leave a dead token alive', {}, async (world) => {
  await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const { access_token: token } = await world.jwt(`user${index % 4}`, index % 3 === 0 ? { device_id: 'same' } : {})
      const uses = [whoami(world, token), whoami(world, token)]
      const end = world.ask('POST', index % 2 === 0 ? '/logout' : '/logout/all', {}, String(token))
      await Promise.all([...uses, end])
      assert.equal(await whoami(world, token), '401 M_UNKNOWN_TOKEN')
    }),
  )
})
