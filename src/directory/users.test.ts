import assert from 'node:assert/strict'
import { enc, over, type Name, type World } from './fixture.test.ts'

async function search({ ask }: World, name: Name, term: string, limit?: number): Promise<string[]> {
  const { body } = await ask(name, 'POST', '/user_directory/search', {
    search_term: term,
    ...(limit !== undefined && { limit }),
  })
  return (body['results'] as Array<{ user_id: string }>).map((user) => user.user_id)
}

const mutual = '/_matrix/client/v1/mutual_rooms?user_id='

over('users are found by the beginnings of their names, by those who share a room with them', async (world) => {
  const { users, sessions, create, join } = world
  await users.profiles.set(sessions.bob.user, 'displayname', 'Róbert Carpenter')
  const room = await create('alice', { preset: 'private_chat', invite: ['@bob:one.test', '@carol:one.test'] })
  assert.deepEqual(await search(world, 'alice', 'bob'), [], 'an invitation is not a shared room')
  await join('bob', room)
  await join('carol', room)
  for (const term of [
    'bob',
    'BO',
    '@bob',
    '@bob:one',
    '@bob:one.test',
    'robert',
    'rób',
    'carpenter robert',
    'car rob',
  ]) {
    assert.deepEqual(
      (await search(world, 'alice', term)).filter((id) => id !== '@carol:one.test'),
      ['@bob:one.test'],
      term,
    )
  }
  assert.deepEqual(
    await search(world, 'alice', 'car'),
    ['@carol:one.test', '@bob:one.test'],
    'a localpart counts for more than a word',
  )
  for (const term of ['ob', '@bob:two.test', '', '  ', '\u0000', 'bob smith'])
    assert.deepEqual(await search(world, 'alice', term), [], term)
  assert.deepEqual(await search(world, 'dora', 'bob'), [], 'who shares no room')
  for (const name of ['alice', 'dora'] as const)
    assert.deepEqual(await search(world, name, name), [`@${name}:one.test`], 'everybody finds themselves')
})

over('everybody finds those who are in a room that all may join or read', async (world) => {
  await world.create('alice', { preset: 'public_chat' })
  await world.create('bob', {
    preset: 'private_chat',
    initial_state: [
      { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'world_readable' } },
    ],
  })
  await world.create('carol', { preset: 'private_chat' })
  assert.deepEqual(await search(world, 'dora', 'alice'), ['@alice:one.test'])
  assert.deepEqual(await search(world, 'dora', 'bob'), ['@bob:one.test'])
  assert.deepEqual(await search(world, 'dora', 'carol'), [])
})

over('a search follows new names, and forgets who is gone', async (world) => {
  const { users, sessions, create, join, ask } = world
  const room = await create('alice', { preset: 'public_chat' })
  for (const name of ['bob', 'carol', 'dora'] as const) {
    await join(name, room)
    await users.profiles.set(sessions[name].user, 'displayname', `Same ${name}`)
  }
  await users.profiles.set(sessions.carol.user, 'avatar_url', 'mxc://one.test/face')
  const { body } = await ask('alice', 'POST', '/user_directory/search', { search_term: 'same', limit: 2 })
  assert.deepEqual(body, {
    results: [
      { user_id: '@carol:one.test', display_name: 'Same carol', avatar_url: 'mxc://one.test/face' },
      { user_id: '@bob:one.test', display_name: 'Same bob' },
    ],
    limited: true,
  })
  await users.profiles.set(sessions.bob.user, 'displayname', 'Other')
  await users.deactivate(sessions.carol.user, false)
  assert.deepEqual(await search(world, 'alice', 'same'), ['@dora:one.test'])
  assert.deepEqual(await search(world, 'alice', 'carol'), [])
})

over('the rooms that one shares with somebody are those that both are in', async ({ create, join, ask, outcome }) => {
  const shared = [await create('alice', { preset: 'public_chat' }), await create('bob', { preset: 'public_chat' })]
  await join('bob', shared[0] ?? '')
  await join('alice', shared[1] ?? '')
  const left = await create('bob', { preset: 'public_chat' })
  await join('alice', left)
  await outcome('bob', 'POST', `/rooms/${enc(left)}/leave`, {})
  await create('alice', { invite: ['@bob:one.test'] })
  assert.deepEqual((await ask('alice', 'GET', `${mutual}${enc('@bob:one.test')}`)).body, { joined: shared, count: 2 })
  const unstable = `/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms?user_id=${enc('@bob:one.test')}`
  assert.deepEqual((await ask('alice', 'GET', unstable)).body, { joined: shared })
  assert.deepEqual((await ask('alice', 'GET', `${mutual}${enc('@nobody:one.test')}`)).body, { joined: [], count: 0 })
  assert.equal(await outcome('alice', 'GET', `${mutual}${enc('@alice:one.test')}`), '400 M_INVALID_PARAM')
  assert.equal(await outcome('alice', 'GET', `${mutual}bob`), '400 M_INVALID_PARAM')
  assert.equal(await outcome('alice', 'GET', `${mutual}${enc('@bob:one.test')}&from=x`), '400 M_INVALID_PARAM')
  assert.equal(await outcome('alice', 'GET', '/_matrix/client/v1/mutual_rooms'), '400 M_MISSING_PARAM')
})
