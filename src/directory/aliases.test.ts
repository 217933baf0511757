import assert from 'node:assert/strict'
import { enc, over, serverName } from './fixture.test.ts'

const path = (name: string, server = serverName): string => `/directory/room/${enc(`#${name}:${server}`)}`

over('an alias is made by a member, found by anyone, and made once', async ({ ask, outcome, create }) => {
  const roomId = await create('alice')
  assert.equal(await outcome('alice', 'PUT', path('Tea'), { room_id: roomId }), '200')
  assert.deepEqual((await ask(undefined, 'GET', path('Tea'))).body, { room_id: roomId, servers: [serverName] })
  assert.equal(await outcome('alice', 'PUT', path('Tea'), { room_id: roomId }), '409 M_UNKNOWN')
  assert.equal(await outcome('bob', 'PUT', path('mine'), { room_id: roomId }), '403 M_FORBIDDEN')
  assert.equal(await outcome('bob', 'PUT', path('mine'), { room_id: '!nowhere:one.test' }), '403 M_FORBIDDEN')
  assert.equal(await outcome(undefined, 'GET', path('tea')), '404 M_NOT_FOUND')
  assert.equal(await outcome(undefined, 'GET', path('tea', 'far.test')), '404 M_NOT_FOUND')
})

over('what is no alias of this server is refused', async ({ outcome, create }) => {
  const room_id = await create('alice')
  const cases: Array<[alias: string, body: unknown, answer: string]> = [
    ['#tea:far.test', { room_id }, '400 M_INVALID_PARAM'],
    ['tea', { room_id }, '400 M_INVALID_PARAM'],
    [`#:${serverName}`, { room_id }, '400 M_INVALID_PARAM'],
    [`#${'x'.repeat(300)}:${serverName}`, { room_id }, '400 M_INVALID_PARAM'],
    [`#a b:${serverName}`, { room_id }, '400 M_INVALID_PARAM'],
    [`#a\u200bb:${serverName}`, { room_id }, '400 M_INVALID_PARAM'],
    [`#a:b:${serverName}`, { room_id }, '400 M_INVALID_PARAM'],
    [`#ok:${serverName}`, {}, '400 M_MISSING_PARAM'],
    [`#ok:${serverName}`, { room_id: 7 }, '400 M_BAD_JSON'],
  ]
  for (const [alias, body, answer] of cases)
    assert.equal(await outcome('alice', 'PUT', `/directory/room/${enc(alias)}`, body), answer, alias)
  assert.equal(await outcome(undefined, 'GET', '/directory/room/tea'), '400 M_INVALID_PARAM')
})

// CVE-2024-6303: anyone could remove any alias and point it elsewhere.
over(
  'an alias is deleted by who made it, by who may set the main alias, and by administrators, and by nobody else',
  async ({ outcome, create, join }) => {
    const roomId = await create('alice', { preset: 'public_chat' })
    for (const name of ['bob', 'carol'] as const) assert.equal(await join(name, roomId), '200')
    const make = (name: 'alice' | 'bob') => outcome(name, 'PUT', path('tea'), { room_id: roomId })
    const remove = (name: 'alice' | 'bob' | 'carol' | 'dora') => outcome(name, 'DELETE', path('tea'))
    for (const [maker, who, answer] of [
      ['bob', 'carol', '403 M_FORBIDDEN'],
      ['bob', 'bob', '200'],
      ['bob', 'alice', '200'],
      ['bob', 'dora', '200'],
      ['alice', 'bob', '403 M_FORBIDDEN'],
      ['alice', 'alice', '200'],
    ] as const) {
      assert.match(await make(maker), /^(200|409)/)
      assert.equal(await remove(who), answer, `made by ${maker}, deleted by ${who}`)
      await remove('dora')
    }
    assert.equal(await remove('dora'), '404 M_NOT_FOUND')
    const other = await create('carol', { preset: 'public_chat' })
    await make('alice')
    assert.equal(
      await outcome('carol', 'PUT', path('tea'), { room_id: other }),
      '409 M_UNKNOWN',
      'it is not pointed elsewhere',
    )
    assert.equal(await remove('carol'), '403 M_FORBIDDEN', 'power in another room is none here')
  },
)

over("an alias that is deleted leaves the room's own list of names", async ({ outcome, create, setState, state }) => {
  const roomId = await create('alice')
  for (const name of ['a', 'b']) await outcome('alice', 'PUT', path(name), { room_id: roomId })
  assert.equal(
    await setState('alice', roomId, 'm.room.canonical_alias', {
      alias: '#a:one.test',
      alt_aliases: ['#b:one.test', '#a:one.test'],
    }),
    '200',
  )
  assert.equal(await outcome('alice', 'DELETE', path('a')), '200')
  assert.deepEqual(await state(roomId, 'm.room.canonical_alias'), { alt_aliases: ['#b:one.test'] })
  assert.equal(await setState('alice', roomId, 'm.room.canonical_alias', { alias: '#a:one.test' }), '400 M_BAD_ALIAS')
})

over('a room is made with an alias, which two rooms cannot have', async ({ ask, create }) => {
  const wishes = await Promise.all(
    Array.from({ length: 5 }, () => ask('alice', 'POST', '/createRoom', { room_alias_name: 'tea' })),
  )
  assert.equal(
    wishes
      .map(({ status, body }) => (status === 200 ? 'made' : body['errcode']))
      .filter((one) => one === 'M_ROOM_IN_USE').length,
    4,
  )
  const roomId = wishes.find(({ status }) => status === 200)?.body['room_id']
  assert.equal((await ask(undefined, 'GET', path('tea'))).body['room_id'], roomId)
  assert.equal((await ask('bob', 'POST', '/createRoom', { room_alias_name: 'a:b' })).body['errcode'], 'M_INVALID_PARAM')
  await create('bob', { room_alias_name: 'coffee' })
})

over(
  'the aliases of a room are listed for members, for administrators, and for all where its history is open',
  async ({ ask, outcome, create, setState }) => {
    const roomId = await create('alice', { room_alias_name: 'tea' })
    await outcome('alice', 'PUT', path('chai'), { room_id: roomId })
    const list = `/rooms/${enc(roomId)}/aliases`
    for (const name of ['alice', 'dora'])
      assert.deepEqual((await ask(name, 'GET', list)).body, { aliases: ['#chai:one.test', '#tea:one.test'] })
    assert.equal(await outcome('bob', 'GET', list), '403 M_FORBIDDEN')
    assert.equal(await outcome('bob', 'GET', `/rooms/${enc('!nowhere:one.test')}/aliases`), '403 M_FORBIDDEN')
    await setState('alice', roomId, 'm.room.history_visibility', { history_visibility: 'world_readable' })
    assert.equal(await outcome('bob', 'GET', list), '200')
  },
)

over('a room is entered by its alias', async ({ outcome, create }) => {
  await create('alice', { room_alias_name: 'tea', preset: 'public_chat' })
  assert.equal(await outcome('bob', 'POST', `/join/${enc('#tea:one.test')}`, {}), '200')
  assert.equal(await outcome('bob', 'POST', `/join/${enc('#coffee:one.test')}`, {}), '404 M_NOT_FOUND')
})
