import assert from 'node:assert/strict'
import { enc, over, type Name, type World } from './fixture.test.ts'

interface Room {
  room_id: string
  name?: string
  children_state: Array<{ state_key: string; origin_server_ts: number }>
  allowed_room_ids?: string[]
}
interface Page {
  rooms: Room[]
  next_batch?: string
}

const look = async ({ ask }: World, name: Name, roomId: string, query = ''): Promise<Page> =>
  (await ask(name, 'GET', `/_matrix/client/v1/rooms/${enc(roomId)}/hierarchy${query}`)).body as unknown as Page

const space = (world: World, name: string, wish: object = {}): Promise<string> =>
  world.create('alice', { preset: 'public_chat', name, creation_content: { type: 'm.space' }, ...wish })

const room = (world: World, name: string, wish: object = {}): Promise<string> =>
  world.create('alice', { preset: 'public_chat', name, ...wish })

async function put(world: World, parent: string, child: string, more: object = {}): Promise<void> {
  assert.equal(await world.setState('alice', parent, 'm.space.child', { via: ['one.test'], ...more }, child), '200')
}

const names = (page: Page): Array<string | undefined> => page.rooms.map((one) => one.name)

over('the tree is walked depth first, children in their order, every room once, in spite of loops', async (world) => {
  const top = await space(world, 'top')
  const sub = await space(world, 'sub')
  const [a, b, c, d] = [await room(world, 'a'), await room(world, 'b'), await room(world, 'c'), await room(world, 'd')]
  await put(world, top, c)
  await put(world, top, d, { order: '\u0007' })
  await put(world, top, a, { order: 'b' })
  await put(world, top, sub, { order: 'a' })
  await put(world, sub, b)
  await put(world, sub, a)
  await put(world, sub, top)
  await put(world, sub, '!nowhere:one.test')
  const page = await look(world, 'bob', top)
  assert.deepEqual(names(page), ['top', 'sub', 'b', 'a', 'c', 'd'])
  assert.deepEqual(
    page.rooms[0]?.children_state.map((child) => child.state_key),
    [sub, a, c, d],
  )
  assert.ok(page.rooms[0]?.children_state.every((child) => child.origin_server_ts > 0))
  assert.deepEqual(page.rooms[2]?.children_state, [])
})

over('links that were taken back or make no sense are none', async (world) => {
  const top = await space(world, 'top')
  const [a, b] = [await room(world, 'a'), await room(world, 'b')]
  await put(world, top, a)
  await put(world, top, b)
  await world.setState('alice', top, 'm.space.child', {}, a)
  await world.setState('alice', top, 'm.space.child', { via: ['one.test'] }, 'nonsense')
  await world.setState('alice', top, 'm.space.child', { via: 'one.test' }, '!x:one.test')
  const page = await look(world, 'bob', top)
  assert.deepEqual(names(page), ['top', 'b'])
  assert.equal(page.rooms[0]?.children_state.length, 1)
  const plain = await room(world, 'plain')
  await put(world, plain, b)
  assert.deepEqual(names(await look(world, 'bob', plain)), ['plain'], 'a room that is no space has no children')
})

over('only rooms are shown that the user is in, invited to, may join or knock at, or may read', async (world) => {
  const { create, setState, outcome, sessions } = world
  const top = await space(world, 'top')
  const club = await create('alice', { name: 'club' })
  const rule = (join_rule: string, more: object = {}) => [
    { type: 'm.room.join_rules', content: { join_rule, ...more } },
  ]
  const restricted = { allow: [{ type: 'm.room_membership', room_id: club }] }
  const wishes: Record<string, object> = {
    public: { preset: 'public_chat' },
    private: {},
    invited: { invite: ['@bob:one.test'] },
    knock: { initial_state: rule('knock') },
    oldknock: { room_version: '6', initial_state: rule('knock') },
    restricted: { initial_state: rule('restricted', restricted) },
    both: { initial_state: rule('knock_restricted', restricted) },
    banned: { preset: 'public_chat' },
    readable: {
      initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } }],
    },
  }
  const ids: Record<string, string> = {}
  for (const [name, wish] of Object.entries(wishes)) {
    ids[name] = await create('alice', { ...wish, name })
    await put(world, top, ids[name] ?? '', { order: String.fromCharCode(97 + Object.keys(ids).length) })
  }
  assert.equal(
    await outcome('alice', 'POST', `/rooms/${enc(ids['banned'] ?? '')}/ban`, { user_id: sessions.bob.userId }),
    '200',
  )
  assert.deepEqual(names(await look(world, 'bob', top)), ['top', 'public', 'invited', 'knock', 'both', 'readable'])
  await outcome('alice', 'POST', `/rooms/${enc(club)}/invite`, { user_id: sessions.carol.userId })
  await world.join('carol', club)
  const page = await look(world, 'carol', top)
  assert.deepEqual(names(page), ['top', 'public', 'knock', 'restricted', 'both', 'banned', 'readable'])
  assert.deepEqual(page.rooms.find((one) => one.name === 'restricted')?.allowed_room_ids, [club])
  assert.equal(names(await look(world, 'alice', top)).length, 10)

  const missing = await outcome('bob', 'GET', `/_matrix/client/v1/rooms/${enc('!nowhere:one.test')}/hierarchy`)
  assert.equal(missing, '403 M_FORBIDDEN')
  assert.equal(await outcome('bob', 'GET', `/_matrix/client/v1/rooms/${enc(ids['private'] ?? '')}/hierarchy`), missing)
  assert.equal(await outcome('bob', 'GET', `/_matrix/client/v1/rooms/${enc(ids['banned'] ?? '')}/hierarchy`), missing)
  assert.equal(await setState('alice', top, 'm.space.child', {}, ids['private'] ?? ''), '200')
})

over('pages follow one another, with the settings of the first', async (world) => {
  const { outcome } = world
  const top = await space(world, 'top')
  const expected = ['top']
  for (let index = 0; index < 9; index++) {
    const name = `r${index}`
    expected.push(name)
    await put(world, top, await room(world, name), { order: name, suggested: index % 2 === 0 })
  }
  const all: Array<string | undefined> = []
  let from = ''
  let pages = 0
  do {
    const page = await look(world, 'bob', top, `?limit=3${from}`)
    all.push(...names(page))
    from = page.next_batch === undefined ? '' : `&from=${page.next_batch}`
    pages += 1
  } while (from !== '')
  assert.deepEqual([all, pages], [expected, 4])

  const page = await look(world, 'bob', top, '?limit=2&suggested_only=true')
  assert.deepEqual(names(page), ['top', 'r0'])
  assert.equal(page.rooms[0]?.children_state.length, 5)
  const base = `/_matrix/client/v1/rooms/${enc(top)}/hierarchy`
  assert.equal(await outcome('bob', 'GET', `${base}?from=${page.next_batch}`), '400 M_INVALID_PARAM')
  assert.equal(
    await outcome('bob', 'GET', `${base}?suggested_only=true&max_depth=1&from=${page.next_batch}`),
    '400 M_INVALID_PARAM',
  )
  for (const bad of ['?from=nonsense', '?from=%7B%7D', '?limit=0', '?max_depth=-1', '?limit=x'])
    assert.equal(await outcome('bob', 'GET', base + bad), '400 M_INVALID_PARAM', bad)
})

over('a walk goes no deeper than it is told', async (world) => {
  const [one, two, three] = [await space(world, 'one'), await space(world, 'two'), await space(world, 'three')]
  await put(world, one, two)
  await put(world, two, three)
  assert.deepEqual(names(await look(world, 'bob', one, '?max_depth=0')), ['one'])
  assert.deepEqual(names(await look(world, 'bob', one, '?max_depth=1')), ['one', 'two'])
  assert.deepEqual(names(await look(world, 'bob', one)), ['one', 'two', 'three'])
})
