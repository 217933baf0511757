import assert from 'node:assert/strict'
import { bodies, list, order, over, Slider, there } from './fixture.test.ts'

over('rooms are listed by their newest messages, in windows', async (world) => {
  const alice = await world.login('alice')
  const rooms: string[] = []
  for (const name of ['one', 'two', 'three', 'four']) rooms.push(await alice.createRoom({ name }))
  const [one = '', two = '', three = '', four = ''] = rooms
  await alice.send(two, 'hello')
  const slider = new Slider(alice)
  const first = await slider.sync({ lists: { all: list(1) } })
  assert.deepEqual(order(first), [two, four])
  assert.equal(first.lists['all']?.count, 4)
  assert.deepEqual(first.rooms[two]?.name, 'two')
  assert.ok(Object.values(first.rooms).every((room) => room.initial === true))
  const wider = await slider.sync({ lists: { all: list(3) } })
  assert.deepEqual(order(wider), [three, one], 'only what was not sent before')
  await alice.send(one, 'up')
  const next = await slider.sync({ lists: { all: list(3) } })
  assert.deepEqual(order(next), [one])
  assert.deepEqual(
    [next.rooms[one]?.initial, bodies(next.rooms[one]), next.rooms[one]?.num_live, next.rooms[one]?.name],
    [undefined, ['up'], 1, undefined],
  )
  assert.deepEqual((await slider.sync({ lists: { all: list(3) } })).rooms, {})
})

over('a list may have several windows, and lists have their own', async (world) => {
  const alice = await world.login('alice')
  const rooms: string[] = []
  for (let index = 0; index < 5; index++) rooms.push(await alice.createRoom())
  const newest = rooms.toReversed()
  const slider = new Slider(alice)
  const reply = await slider.sync({
    lists: {
      a: {
        ...list(0),
        ranges: [
          [0, 0],
          [3, 3],
          [3, 9],
        ],
      },
      b: { ...list(0), ranges: [[1, 1]] },
      c: { timeline_limit: 0, ranges: [] },
    },
  })
  assert.deepEqual(order(reply), [newest[0], newest[1], newest[3], newest[4]])
  assert.deepEqual(
    Object.values(reply.lists).map(({ count }) => count),
    [5, 5, 5],
  )
  const all = await new Slider(alice, 'other').sync({ lists: { a: { timeline_limit: 0 } } })
  assert.equal(order(all).length, 5, 'a list without ranges has all rooms')
})

over('a room that one joins is on top, however quiet it is', async (world) => {
  const [alice, bob] = [await world.login('alice'), await world.login('bob')]
  const quiet = await alice.createRoom({ preset: 'public_chat' })
  const busy = await bob.createRoom()
  const slider = new Slider(bob)
  assert.deepEqual(order(await slider.sync({ lists: { all: list(0) } })), [busy])
  await bob.join(quiet)
  const joined = await slider.sync({ lists: { all: list(0) } })
  assert.deepEqual(order(joined), [quiet])
  await bob.setState(quiet, 'm.room.member', { membership: 'join', displayname: 'Robert' }, bob.userId)
  await bob.send(busy, 'hello')
  assert.deepEqual(order(await slider.sync({ lists: { all: list(0) } })), [busy], 'a change of name moves nothing')
})

over(
  'what does not count as activity leaves the order as it is, and is told when the room comes into the window',
  async (world) => {
    const alice = await world.login('alice')
    const [low, high] = [await alice.createRoom({ name: 'low' }), await alice.createRoom()]
    const slider = new Slider(alice)
    const wish = { lists: { all: list(1, { required_state: [['m.room.name', '']], timeline_limit: 5 }) } }
    const narrow = { lists: { all: list(0, { required_state: [['m.room.name', '']], timeline_limit: 5 }) } }
    await slider.sync(wish)
    await alice.setState(low, 'm.room.name', { name: 'renamed' })
    assert.deepEqual(order(await slider.sync(narrow)), [], 'it is not in the window')
    await alice.send(high, 'still on top')
    assert.deepEqual(order(await slider.sync(narrow)), [high])
    const reply = await slider.sync(wish)
    assert.deepEqual(order(reply), [low])
    const room = there(reply.rooms[low])
    assert.deepEqual(
      [room.initial, room.name, bodies(room), room.required_state?.length],
      [undefined, 'renamed', ['m.room.name'], 1],
    )
  },
)

over('filters choose rooms by what they are and how the user marks them', async (world) => {
  const [alice, bob] = [await world.login('alice'), await world.login('bob')]
  const plain = await alice.createRoom({ name: 'plain' })
  const secret = await alice.createRoom({
    initial_state: [{ type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
  })
  const space = await alice.createRoom({ creation_content: { type: 'm.space' } })
  const dm = await alice.createRoom({ is_direct: true })
  const invite = await bob.createRoom({ invite: [alice.userId] })
  const chosen = async (filters: object): Promise<string[]> =>
    order(await new Slider(alice, 'filters').sync({ lists: { all: list(99, { filters }) } }))
  await alice.req('PUT', `/user/${alice.userId}/account_data/m.direct`, { [bob.userId]: [dm, 7], nobody: 'nothing' })
  await alice.req('PUT', `/user/${alice.userId}/rooms/${encodeURIComponent(plain)}/tags/m.favourite`, { order: 0.5 })
  await alice.setState(space, 'm.space.child', { via: ['test'] }, plain)
  await alice.setState(space, 'm.space.child', { via: 'test' }, dm)

  assert.deepEqual(await chosen({}), [invite, dm, space, secret, plain])
  assert.deepEqual(await chosen({ is_dm: true }), [dm])
  assert.deepEqual(await chosen({ is_dm: false, is_invite: false }), [space, secret, plain])
  assert.deepEqual(await chosen({ is_encrypted: true }), [secret])
  assert.deepEqual(await chosen({ is_invite: true }), [invite])
  assert.deepEqual(await chosen({ room_types: ['m.space'] }), [space])
  assert.deepEqual(await chosen({ not_room_types: ['m.space'] }), [invite, dm, secret, plain])
  assert.deepEqual(await chosen({ room_types: [null], not_room_types: [null] }), [])
  assert.deepEqual(await chosen({ tags: ['m.favourite', 'u.other'] }), [plain])
  assert.deepEqual(await chosen({ tags: ['m.favourite'], not_tags: ['m.favourite'] }), [])
  assert.deepEqual(await chosen({ spaces: [space] }), [plain])
  assert.deepEqual(await chosen({ spaces: ['!unknown:test'] }), [])

  await alice.req('DELETE', `/user/${alice.userId}/rooms/${encodeURIComponent(plain)}/tags/m.favourite`)
  assert.deepEqual(await chosen({ tags: ['m.favourite'] }), [])
  await alice.setState(plain, 'm.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' })
  assert.deepEqual(await chosen({ is_encrypted: true }), [secret, plain])
  await alice.setState(space, 'm.space.child', {}, plain)
  assert.deepEqual(await chosen({ spaces: [space] }), [])
})

over('a request of the wrong shape, or with too much of something, is refused', async (world) => {
  const slider = new Slider(await world.login('alice'))
  assert.equal(await slider.refusal({ lists: { all: { ranges: [[2, 1]], timeline_limit: 1 } } }), '400 M_INVALID_PARAM')
  assert.equal(await slider.refusal({ lists: { all: { ranges: [[-1, 1]], timeline_limit: 1 } } }), '400 M_BAD_JSON')
  assert.equal(await slider.refusal({ lists: { all: { ranges: [['0', 1]] } } }), '400 M_BAD_JSON')
  assert.equal(await slider.refusal({ lists: { all: { required_state: [['m.room.name']] } } }), '400 M_BAD_JSON')
  assert.equal(
    await slider.refusal({ lists: Object.fromEntries(Array.from({ length: 101 }, (_, index) => [index, {}])) }),
    '400 M_INVALID_PARAM',
  )
  assert.equal(
    await slider.refusal({ extensions: { to_device: { enabled: true, since: 'x' } } }),
    '400 M_INVALID_PARAM',
  )
  assert.equal(await slider.refusal({ conn_id: 'x'.repeat(65) }), '400 M_BAD_JSON')
  slider.pos = 'nonsense'
  assert.equal(await slider.refusal({}), '400 M_UNKNOWN_POS')
  assert.equal((await slider.client.ask('POST', slider.path(0), {}, { authorization: 'Bearer none' })).status, 401)
})
