import assert from 'node:assert/strict'
import { over } from './fixture.test.ts'

over(
  'one who types is shown until they stop, or are silent for too long',
  async ({ outcome, path, sessions, room, log, ephemeral, entries }) => {
    const type = (body: object): Promise<string> => outcome('alice', 'PUT', `${path}/typing/@alice:one.test`, body)
    const told = (): number => entries.filter((entry) => entry.kind === 'typing' && entry.room === room.nid).length
    using watch = log.watch(sessions.bob.user)
    assert.equal(await type({ typing: true }), '200')
    await watch.wait(60_000)
    assert.deepEqual(ephemeral.typing.in(room.nid), ['@alice:one.test'])
    assert.equal(await type({ typing: true, timeout: 60_000 }), '200')
    assert.equal(told(), 1, 'to go on typing is no news')
    assert.equal(await type({ typing: false }), '200')
    assert.deepEqual([ephemeral.typing.in(room.nid), told()], [[], 2])
    assert.equal(await type({ typing: false }), '200')
    assert.equal(told(), 2)
    assert.equal(await type({ typing: true, timeout: 20 }), '200')
    await watch.wait(0)
    await watch.wait(60_000)
    assert.deepEqual([ephemeral.typing.in(room.nid), told()], [[], 4])
  },
)

over('only who is in a room types there, and for nobody else', async ({ outcome, path, other, room, ephemeral }) => {
  const body = { typing: true, timeout: 30_000 }
  assert.equal(await outcome('carol', 'PUT', `${path}/typing/@carol:one.test`, body), '403 M_FORBIDDEN')
  assert.equal(await outcome('alice', 'PUT', `${path}/typing/@bob:one.test`, body), '403 M_FORBIDDEN')
  assert.equal(await outcome('alice', 'PUT', `${other}/typing/@alice:one.test`, body), '403 M_FORBIDDEN')
  assert.equal(await outcome('alice', 'PUT', '/rooms/!none:one.test/typing/@alice:one.test', body), '403 M_FORBIDDEN')
  assert.equal(await outcome(undefined, 'PUT', `${path}/typing/@alice:one.test`, body), '401 M_MISSING_TOKEN')
  for (const junk of [{ typing: 'yes' }, { typing: true, timeout: -1 }, { typing: true, timeout: 'x' }]) {
    assert.equal(await outcome('alice', 'PUT', `${path}/typing/@alice:one.test`, junk), '400 M_BAD_JSON')
  }
  assert.equal(await outcome('alice', 'PUT', `${path}/typing/@alice:one.test`, {}), '400 M_MISSING_PARAM')
  assert.deepEqual(ephemeral.typing.in(room.nid), [])
  assert.equal(await outcome('bob', 'PUT', `${path}/typing/@bob:one.test`, body), '200')
  assert.equal(await outcome('bob', 'POST', `${path}/leave`, {}), '200')
  assert.deepEqual(ephemeral.typing.in(room.nid), [], 'who has left does not type')
})
