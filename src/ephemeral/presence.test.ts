import assert from 'node:assert/strict'
import { over, type World } from './fixture.test.ts'

const seen = async (
  { ephemeral, sessions, log }: World,
  who: 'alice' | 'bob' | 'carol',
  since: number,
): Promise<string[]> =>
  (await ephemeral.presence.since(sessions[who].user, since, log.now))
    .map(({ sender, content }) =>
      [
        sender,
        ...['presence', 'status_msg', 'displayname'].map((key) => (content[key] as string | undefined) ?? '-'),
      ].join(' '),
    )
    .sort()

/** Sharers are asked before anything is told. */
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

over('presence is told to those who share a room', async (world) => {
  const { outcome, log, sessions, ask, entries, clock } = world
  const status = '/presence/@alice:one.test/status'
  const start = log.now
  using watch = log.watch(sessions.bob.user)
  assert.equal(await outcome('alice', 'PUT', status, { presence: 'online', status_msg: 'here' }), '200')
  await watch.wait(60_000)
  for (const since of [0, start]) {
    assert.deepEqual(await seen(world, 'bob', since), ['@alice:one.test online here -'])
    assert.deepEqual(await seen(world, 'alice', since), ['@alice:one.test online here -'])
    assert.deepEqual(await seen(world, 'carol', since), [])
  }
  clock.now += 2000
  assert.deepEqual((await ask('bob', 'GET', status)).body, {
    presence: 'online',
    last_active_ago: 2000,
    currently_active: true,
    status_msg: 'here',
  })
  assert.equal(await outcome('carol', 'GET', status), '403 M_FORBIDDEN')
  assert.equal(await outcome('carol', 'GET', '/presence/@nobody:one.test/status'), '403 M_FORBIDDEN')
  assert.equal(await outcome('bob', 'PUT', status, { presence: 'online' }), '403 M_FORBIDDEN')
  assert.equal(await outcome(undefined, 'GET', status), '401 M_MISSING_TOKEN')
  for (const junk of [
    { presence: 'away' },
    { presence: 'online', status_msg: 'x'.repeat(1001) },
    { presence: 'online', status_msg: 'a\0' },
  ]) {
    assert.equal(await outcome('alice', 'PUT', status, junk), '400 M_BAD_JSON')
  }
  const before = entries.length
  assert.equal(await outcome('alice', 'PUT', status, { presence: 'online', status_msg: 'here' }), '200')
  await settled()
  assert.equal(entries.length, before, 'what stays the same is not told')
  assert.equal(await outcome('alice', 'PUT', status, { presence: 'offline' }), '200')
  await settled()
  assert.deepEqual(await seen(world, 'bob', start), ['@alice:one.test offline - -'])
  assert.deepEqual(await seen(world, 'bob', 0), [])
})

over(
  'a sync brings somebody online, idleness makes them unavailable, and silence takes them offline',
  async (world) => {
    const {
      ephemeral: { presence },
      sessions: { alice },
      clock,
      say,
    } = world
    const state = async (): Promise<unknown> => {
      const { presence: shown, currently_active: active } = await presence.of(alice.user)
      return active === undefined ? shown : [shown, active].map((value) => value as string | boolean).join(' ')
    }
    assert.equal(await state(), 'offline')
    await presence.seen(alice, 'offline')
    assert.equal(await state(), 'offline')
    await presence.seen(alice, 'unavailable')
    assert.equal(await state(), 'unavailable')
    await presence.seen(alice, 'online')
    assert.equal(await state(), 'online true')
    clock.now += 59_000
    await presence.seen({ ...alice, device: 99 }, 'unavailable', 30_000)
    clock.now += 59_000
    await presence.seen(alice, 'online', 30_000)
    assert.equal(await state(), 'online true', 'to come back is an action')
    for (let minute = 0; minute < 6; minute++) {
      clock.now += 60_000
      await presence.seen(alice, 'online', 30_000)
    }
    assert.equal(await state(), 'unavailable')
    await say('alice')
    assert.equal(await state(), 'online true')
    clock.now += 91_000
    await presence.seen({ ...alice, device: 98 }, 'unavailable')
    assert.equal(await state(), 'unavailable')
    clock.now += 60_000
    assert.equal(await state(), 'offline')
  },
)

over('a new name is told along with presence', async (world) => {
  const { ask, log, ephemeral, sessions } = world
  await ephemeral.presence.seen(sessions.alice, 'online')
  await settled()
  const start = log.now
  await ask('alice', 'PUT', '/profile/@alice:one.test/displayname', { displayname: 'Alice' })
  await settled()
  assert.deepEqual(await seen(world, 'bob', start), ['@alice:one.test online - Alice'])
})

over(
  'a server without presence takes everything and tells nothing',
  async (world) => {
    const { outcome, ask, ephemeral, sessions, log } = world
    assert.equal(
      await outcome('alice', 'PUT', '/presence/@alice:one.test/status', { presence: 'online', status_msg: 'here' }),
      '200',
    )
    await ephemeral.presence.seen(sessions.alice, 'online')
    assert.deepEqual((await ask('bob', 'GET', '/presence/@alice:one.test/status')).body, { presence: 'offline' })
    assert.deepEqual(await ephemeral.presence.since(sessions.bob.user, 0, log.now), [])
  },
  false,
)

over('a clock that is set back by an hour keeps nobody online', async (world) => {
  const {
    ephemeral: { presence },
    sessions: { alice },
    clock,
  } = world
  await presence.seen(alice, 'online')
  clock.now -= 60 * 60_000
  assert.equal((await presence.of(alice.user)).presence, 'online')
  clock.now += 61_000
  assert.equal((await presence.of(alice.user)).presence, 'offline')
})
