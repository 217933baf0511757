import assert from 'node:assert/strict'
import { enc, over, type World } from './fixture.test.ts'

interface Entry {
  room_id: string
  name?: string
  num_joined_members: number
  [key: string]: unknown
}
interface Page {
  chunk: Entry[]
  next_batch?: string
  prev_batch?: string
  total_room_count_estimate: number
}

const list = async ({ ask }: World, query = ''): Promise<Page> =>
  (await ask(undefined, 'GET', `/publicRooms${query}`)).body as unknown as Page
const search = async ({ ask }: World, body: object): Promise<Page> =>
  (await ask('carol', 'POST', '/publicRooms', body)).body as unknown as Page
const names = (page: Page): string[] => page.chunk.map((entry) => entry.name ?? '')

over('a room is listed and unlisted by who may set its main alias, and by administrators', async (world) => {
  const { ask, outcome, create, join } = world
  const roomId = await create('alice', { preset: 'public_chat', name: 'Tea' })
  assert.equal(await join('bob', roomId), '200')
  const path = `/directory/list/room/${enc(roomId)}`
  const visibility = async () => (await ask('alice', 'GET', path)).body['visibility']
  assert.equal(await visibility(), 'private')
  assert.equal(await outcome('bob', 'PUT', path, { visibility: 'public' }), '403 M_FORBIDDEN')
  const nowhere = `/directory/list/room/${enc('!nowhere:one.test')}`
  for (const who of [undefined, 'carol'])
    assert.equal(
      await outcome(who, 'GET', path),
      await outcome(who, 'GET', nowhere),
      'strangers cannot tell it from none',
    )
  assert.equal(await outcome('carol', 'PUT', path, { visibility: 'public' }), '404 M_NOT_FOUND')
  assert.equal(await outcome('alice', 'PUT', path, {}), '200', 'public unless it says otherwise')
  assert.equal(await visibility(), 'public')
  assert.equal(await outcome(undefined, 'GET', path), '200', 'who may find it may ask')
  assert.deepEqual(names(await list(world)), ['Tea'])
  assert.equal(await outcome('dora', 'PUT', path, { visibility: 'private' }), '200')
  assert.deepEqual(names(await list(world)), [])
  assert.equal(await outcome('alice', 'PUT', path, { visibility: 'hidden' }), '400 M_BAD_JSON')
  assert.equal(await outcome('alice', 'GET', `/directory/list/room/${enc('!nowhere:one.test')}`), '404 M_NOT_FOUND')
  assert.equal(await outcome('alice', 'PUT', `/directory/list/room/${enc('!nowhere:one.test')}`, {}), '404 M_NOT_FOUND')
})

over('the list shows what a room says of itself, and nothing of a wrong type', async (world) => {
  const { create, setState } = world
  const roomId = await create('alice', {
    visibility: 'public',
    name: 'Tea',
    topic: 'Leaves',
    room_alias_name: 'tea',
    creation_content: { type: 'm.space' },
    initial_state: [
      { type: 'm.room.avatar', content: { url: 'mxc://one.test/abc' } },
      { type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } },
      { type: 'm.room.guest_access', content: { guest_access: 'can_join' } },
    ],
  })
  assert.deepEqual((await list(world)).chunk, [
    {
      room_id: roomId,
      num_joined_members: 1,
      world_readable: true,
      guest_can_join: true,
      join_rule: 'public',
      name: 'Tea',
      topic: 'Leaves',
      canonical_alias: '#tea:one.test',
      avatar_url: 'mxc://one.test/abc',
      room_type: 'm.space',
    },
  ])
  await setState('alice', roomId, 'm.room.name', { name: ['x'] })
  await setState('alice', roomId, 'm.room.topic', { topic: { a: 1 } })
  await setState('alice', roomId, 'm.room.avatar', { url: 'javascript:alert(1)' })
  await setState('alice', roomId, 'm.room.guest_access', { guest_access: 7 })
  await setState('alice', roomId, 'm.room.canonical_alias', {})
  assert.deepEqual((await list(world)).chunk, [
    {
      room_id: roomId,
      num_joined_members: 1,
      world_readable: true,
      guest_can_join: false,
      join_rule: 'public',
      room_type: 'm.space',
    },
  ])
})

over('the list is paged forward and back, the largest room first', async (world) => {
  const { create, join } = world
  for (let index = 0; index < 7; index++) {
    const roomId = await create('alice', { visibility: 'public', name: `R${index}` })
    if (index % 2 === 0) await join('bob', roomId)
    if (index === 4) await join('carol', roomId)
  }
  const whole = names(await list(world))
  assert.equal(whole[0], 'R4')
  assert.deepEqual(whole.slice(1, 4).sort(), ['R0', 'R2', 'R6'])

  const first = await list(world, '?limit=3')
  assert.deepEqual([names(first), first.prev_batch, first.total_room_count_estimate], [whole.slice(0, 3), undefined, 7])
  const second = await list(world, `?limit=3&since=${first.next_batch}`)
  assert.deepEqual(names(second), whole.slice(3, 6))
  const third = await list(world, `?limit=3&since=${second.next_batch}`)
  assert.deepEqual([names(third), third.next_batch], [whole.slice(6), undefined])
  const back = await list(world, `?limit=3&since=${third.prev_batch}`)
  assert.deepEqual(names(back), whole.slice(3, 6))
  const start = await list(world, `?limit=3&since=${back.prev_batch}`)
  assert.deepEqual([names(start), start.prev_batch], [whole.slice(0, 3), undefined])
  assert.deepEqual(names(await list(world, `?limit=3&since=${start.next_batch}`)), whole.slice(3, 6))
  assert.equal(await world.outcome(undefined, 'GET', '/publicRooms?since=nonsense'), '400 M_INVALID_PARAM')
})

over('rooms are found by words of their name, topic and aliases, and by their type', async (world) => {
  const { create, outcome } = world
  const tea = await create('alice', { visibility: 'public', name: 'Ärger und Tee', topic: 'Kettles' })
  await create('alice', { visibility: 'public', name: '100% Coffee', room_alias_name: 'beans' })
  await create('alice', { visibility: 'public', name: 'House', creation_content: { type: 'm.space' } })
  await outcome('alice', 'PUT', `/directory/room/${enc('#chai:one.test')}`, { room_id: tea })
  const found = async (filter: object) => names(await search(world, { filter })).sort()
  assert.deepEqual(await found({ generic_search_term: 'ärger TEE' }), ['Ärger und Tee'])
  assert.deepEqual(await found({ generic_search_term: 'kettle' }), ['Ärger und Tee'])
  assert.deepEqual(await found({ generic_search_term: '#chai:' }), ['Ärger und Tee'])
  assert.deepEqual(await found({ generic_search_term: 'bean' }), ['100% Coffee'])
  assert.deepEqual(await found({ generic_search_term: '%' }), ['100% Coffee'])
  assert.deepEqual(await found({ generic_search_term: 'tee coffee' }), [])
  assert.deepEqual(await found({ room_types: ['m.space'] }), ['House'])
  assert.deepEqual(await found({ room_types: [null] }), ['100% Coffee', 'Ärger und Tee'])
  assert.deepEqual(await found({ room_types: [null, 'm.space'], generic_search_term: 'o' }), ['100% Coffee', 'House'])
  assert.deepEqual(names(await search(world, { third_party_instance_id: 'irc' })), [])
  const page = await search(world, { limit: 1, filter: { generic_search_term: 'e' } })
  const rest = await search(world, { limit: 5, since: page.next_batch, filter: { generic_search_term: 'e' } })
  assert.deepEqual([...names(page), ...names(rest)].sort(), ['100% Coffee', 'House', 'Ärger und Tee'])
})

over('rooms of other servers are not to be had yet', async ({ outcome }) => {
  assert.equal(await outcome(undefined, 'GET', '/publicRooms?server=one.test'), '200')
  assert.equal(await outcome(undefined, 'GET', '/publicRooms?server=far.test'), '404 M_NOT_FOUND')
  assert.equal(await outcome('alice', 'POST', '/publicRooms?server=a/b', {}), '400 M_INVALID_PARAM')
  assert.equal(await outcome(undefined, 'POST', '/publicRooms', {}), '401 M_MISSING_TOKEN')
})
