import assert from 'node:assert/strict'
import { bodies, list, order, over, Slider, there, type RoomReply } from './fixture.test.ts'

const stateOf = (room: RoomReply | undefined): string[] =>
  (room?.required_state ?? []).map((event) => `${event.type} ${event.state_key}`).sort()

over('the newest messages come up to the limit, and what is left out can be paged back to', async (world) => {
  const alice = await world.login('alice')
  const room = await alice.createRoom()
  for (let index = 0; index < 5; index++) await alice.send(room, `m${index}`)
  const slider = new Slider(alice)
  const wish = { lists: { all: list(9, { timeline_limit: 2 }) } }
  const first = there((await slider.sync(wish)).rooms[room])
  assert.deepEqual([bodies(first), first.limited, first.num_live], [['m3', 'm4'], true, 0])
  const page = await alice.req<{ chunk: Array<{ content: { body?: string } }> }>(
    'GET',
    `/rooms/${encodeURIComponent(room)}/messages?dir=b&limit=2&from=${first.prev_batch}`,
  )
  assert.deepEqual(
    page.chunk.map((event) => event.content.body),
    ['m2', 'm1'],
  )
  for (let index = 5; index < 9; index++) await alice.send(room, `m${index}`)
  const gap = there((await slider.sync(wish)).rooms[room])
  assert.deepEqual([bodies(gap), gap.limited, gap.num_live, gap.initial], [['m7', 'm8'], true, 2, undefined])
  await alice.send(room, 'm9')
  const live = there((await slider.sync(wish)).rooms[room])
  assert.deepEqual([bodies(live), live.limited], [['m9'], false])
})

over(
  'a sleeping request is answered by a message, by a larger limit and by more state, and else when the time is up',
  async (world) => {
    const [alice, bob] = [await world.login('alice'), await world.login('bob')]
    const room = await alice.createRoom({ preset: 'public_chat', topic: 'of things' })
    await bob.join(room)
    for (const text of ['a', 'b', 'c']) await bob.send(room, text)
    const slider = new Slider(alice)
    const wish = { lists: { all: list(9) } }
    await slider.sync(wish)
    const waiting = slider.sync(wish, 5000)
    setTimeout(() => void bob.send(room, 'd'), 30)
    assert.deepEqual(bodies((await waiting).rooms[room]), ['d'])

    const subscription = { timeline_limit: 3, required_state: [['m.room.topic', '']] }
    const opened = there(
      (await slider.sync({ ...wish, room_subscriptions: { [room]: subscription } }, 5000)).rooms[room],
    )
    assert.deepEqual(
      [bodies(opened), opened.expanded_timeline, opened.unstable_expanded_timeline, opened.num_live],
      [['b', 'c', 'd'], true, true, 0],
    )
    assert.deepEqual(stateOf(opened), ['m.room.topic '])
    const before = Date.now()
    assert.deepEqual(
      (await slider.sync({ ...wish, room_subscriptions: { [room]: subscription } }, 200)).rooms,
      {},
      'it has all that it wants',
    )
    assert.ok(Date.now() - before >= 195)
    await slider.sync(wish)
    assert.deepEqual(
      (await slider.sync({ ...wish, room_subscriptions: { [room]: subscription } })).rooms,
      {},
      'looking again brings nothing again',
    )
  },
)

over('state that is not wanted for a while is sent again only if it has changed', async (world) => {
  const alice = await world.login('alice')
  const room = await alice.createRoom({ topic: 'first' })
  const slider = new Slider(alice)
  const narrow = { lists: { all: list(9) } }
  const wide = {
    ...narrow,
    room_subscriptions: { [room]: { timeline_limit: 1, required_state: [['m.room.topic', '']] } },
  }
  assert.deepEqual(stateOf((await slider.sync(wide)).rooms[room]), ['m.room.member @alice:test', 'm.room.topic '])
  await alice.send(room, 'hello')
  assert.deepEqual(stateOf((await slider.sync(narrow)).rooms[room]), [])
  assert.deepEqual((await slider.sync(wide)).rooms, {})
  await alice.setState(room, 'm.room.topic', { topic: 'second' })
  assert.deepEqual(stateOf((await slider.sync(narrow)).rooms[room]), [])
  const again = there((await slider.sync(wide)).rooms[room])
  assert.deepEqual(
    again.required_state?.map((event) => event.content['topic']),
    ['second'],
  )
})

over('required state is chosen by type and key, with stars, and in full', async (world) => {
  const [alice, bob] = [await world.login('alice'), await world.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat', name: 'Kitchen' })
  await bob.join(room)
  await alice.setState(room, 'org.example.thing', { a: 1 }, 'x')
  await alice.setState(room, 'org.example.thing', { a: 2 }, 'y')
  const chosen = async (...pairs: string[][]): Promise<string[]> =>
    stateOf(
      (
        await new Slider(alice, 'state').sync({
          lists: { all: { ranges: [[0, 0]], timeline_limit: 0, required_state: pairs } },
        })
      ).rooms[room],
    )
  assert.deepEqual(await chosen(['m.room.name', '']), ['m.room.name '])
  assert.deepEqual(await chosen(['org.example.thing', '*']), ['org.example.thing x', 'org.example.thing y'])
  assert.deepEqual(await chosen(['*', 'x']), ['org.example.thing x'])
  assert.deepEqual(await chosen(['m.room.member', '$ME']), ['m.room.member @alice:test'])
  assert.deepEqual(await chosen(['m.room.member', '*']), ['m.room.member @alice:test', 'm.room.member @bob:test'])
  assert.deepEqual(await chosen(['*', '@bob:test']), ['m.room.member @bob:test'])
  const all = await chosen(['*', '*'])
  assert.deepEqual(
    await chosen(['*', '*'], ['m.room.member', '$LAZY']),
    all.filter((one) => !one.startsWith('m.room.member ')),
  )
  const whole = await alice.req<unknown[]>('GET', `/rooms/${encodeURIComponent(room)}/state`)
  assert.equal(all.length, whole.length)
})

over('members come with what they say, once', async (world) => {
  const [alice, bob, carol] = [await world.login('alice'), await world.login('bob'), await world.login('carol')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  for (const other of [bob, carol]) await other.join(room)
  await bob.send(room, 'hello')
  const slider = new Slider(alice)
  const wish = { lists: { all: list(9, { required_state: [['m.room.member', '$LAZY']] }) } }
  assert.deepEqual(stateOf((await slider.sync(wish)).rooms[room]), ['m.room.member @bob:test'])
  await bob.send(room, 'again')
  assert.deepEqual(stateOf((await slider.sync(wish)).rooms[room]), [])
  await carol.send(room, 'hello')
  const lost = await slider.peek(wish)
  assert.deepEqual(stateOf(lost.rooms[room]), ['m.room.member @carol:test'])
  assert.deepEqual(
    stateOf((await slider.sync(wish)).rooms[room]),
    ['m.room.member @carol:test'],
    'the first answer may have been lost',
  )
  await carol.setState(room, 'm.room.member', { membership: 'join', displayname: 'Caroline' }, carol.userId)
  const changed = there((await slider.sync(wish)).rooms[room])
  assert.deepEqual(
    changed.required_state?.map((event) => event.content['displayname']),
    ['Caroline'],
  )
  await carol.send(room, 'it is me')
  assert.deepEqual(stateOf((await slider.sync(wish)).rooms[room]), [])
  await carol.leave(room)
  assert.deepEqual(stateOf((await slider.sync(wish)).rooms[room]), ['m.room.member @carol:test'])
})

over('a room without a name is told with those whom it is named after', async (world) => {
  const [alice, bob, carol] = [await world.login('alice'), await world.login('bob'), await world.login('carol')]
  await bob.req('PUT', `/profile/${bob.userId}/displayname`, { displayname: 'Bob' })
  const room = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] })
  const slider = new Slider(alice)
  const wish = { lists: { all: list(9) } }
  const first = there((await slider.sync(wish)).rooms[room])
  assert.deepEqual(
    [first.name, first.heroes, first.joined_count, first.invited_count],
    [undefined, [{ user_id: bob.userId, displayname: 'Bob' }], 1, 1],
  )
  await bob.join(room)
  await alice.invite(room, carol.userId)
  const more = there((await slider.sync(wish)).rooms[room])
  assert.deepEqual(
    [more.heroes?.map((hero) => hero.user_id), more.joined_count, more.invited_count],
    [[bob.userId, carol.userId], 2, 1],
  )
  await alice.setState(room, 'm.room.name', { name: 'Us' })
  const named = there((await slider.sync(wish)).rooms[room])
  assert.deepEqual([named.name, named.heroes], ['Us', undefined])
  await alice.setState(room, 'm.room.name', {})
  const unnamed = there((await slider.sync(wish)).rooms[room])
  assert.deepEqual([unnamed.name, unnamed.heroes?.length], [null, 2])
})

over('names, pictures and members of the wrong type are not passed on', async (world) => {
  const alice = await world.login('alice')
  const room = await alice.createRoom()
  const slider = new Slider(alice)
  const wish = { lists: { all: list(9) } }
  for (const value of [{ a: 1 }, 7, ['x'], null, true]) {
    await alice.setState(room, 'm.room.name', { name: value })
    await alice.setState(room, 'm.room.avatar', { url: value })
    const told = there((await slider.sync(wish)).rooms[room])
    const fresh = there((await new Slider(alice, 'fresh').sync(wish)).rooms[room])
    for (const { name, avatar } of [told, fresh]) assert.ok((name ?? null) === null && (avatar ?? null) === null)
  }
  await alice.setState(room, 'm.room.name', { name: 'x' }, 'another place')
  assert.equal((await slider.sync(wish)).rooms[room]?.name, undefined)
  await alice.setState(room, 'm.room.avatar', { url: 'mxc://test/a' })
  assert.equal((await slider.sync(wish)).rooms[room]?.avatar, 'mxc://test/a')
})

over('what is unread is counted, and counted anew when the user has read on', async (world) => {
  const [alice, bob] = [await world.login('alice'), await world.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(room)
  const slider = new Slider(alice)
  const wish = { lists: { all: list(9) } }
  await slider.sync(wish)
  await bob.send(room, 'one')
  const last = await bob.send(room, { msgtype: 'm.text', body: 'two', 'm.mentions': { user_ids: [alice.userId] } })
  assert.deepEqual(
    (({ notification_count: all, highlight_count: loud }) => [all, loud])(there((await slider.sync(wish)).rooms[room])),
    [2, 1],
  )
  const waiting = slider.sync(wish, 5000)
  await alice.req('POST', `/rooms/${encodeURIComponent(room)}/receipt/m.read/${encodeURIComponent(last)}`, {})
  const read = there((await waiting).rooms[room])
  assert.deepEqual([read.notification_count, read.highlight_count, read.timeline], [0, 0, []])
})

over('one may subscribe to rooms that are on no list, and to no others', async (world) => {
  const [alice, bob] = [await world.login('alice'), await world.login('bob')]
  const [mine, hers] = [
    await alice.createRoom({ name: 'mine' }),
    await bob.createRoom({ name: 'hers', preset: 'public_chat' }),
  ]
  const slider = new Slider(alice)
  const subscription = { timeline_limit: 1, required_state: [['*', '*']] }
  const wish = {
    room_subscriptions: Object.fromEntries(
      [mine, hers, '!nowhere:test', 'nonsense'].map((room) => [room, subscription]),
    ),
  }
  assert.deepEqual(order(await slider.sync(wish)), [mine])
  await bob.send(hers, 'secret')
  assert.deepEqual((await slider.sync(wish)).rooms, {})
  await alice.send(mine, 'hello')
  assert.deepEqual(bodies((await slider.sync(wish)).rooms[mine]), ['hello'])
  await alice.send(mine, 'unheard')
  assert.deepEqual((await slider.sync({})).rooms, {})
  assert.deepEqual(
    bodies(
      (await slider.sync({ room_subscriptions: { [mine]: { ...subscription, timeline_limit: 5 } } })).rooms[mine],
    ).slice(-2),
    ['hello', 'unheard'],
  )
})

over('messages of ignored users are left out', async (world) => {
  const [alice, bob] = [await world.login('alice'), await world.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(room)
  const slider = new Slider(alice)
  const wish = { lists: { all: list(9) } }
  await slider.sync(wish)
  await alice.req('PUT', `/user/${alice.userId}/account_data/m.ignored_user_list`, {
    ignored_users: { [bob.userId]: {} },
  })
  await bob.send(room, 'hey')
  await bob.createRoom({ invite: [alice.userId] })
  const reply = await slider.sync(wish)
  assert.deepEqual([reply.rooms, reply.lists['all']?.count], [{}, 1])
})

over('a name that was redacted is told to be gone', async (world) => {
  const alice = await world.login('alice')
  const room = await alice.createRoom({ name: 'Kitchen' })
  const slider = new Slider(alice)
  const wish = { lists: { all: list(9, { required_state: [['m.room.name', '']] }) } }
  const [name] = there((await slider.sync(wish)).rooms[room]).required_state ?? []
  await alice.req('PUT', `/rooms/${encodeURIComponent(room)}/redact/${encodeURIComponent(name?.event_id ?? '')}/r1`, {})
  const told = there((await slider.sync(wish)).rooms[room])
  assert.deepEqual(
    [told.name, told.required_state?.map((event) => [event.event_id, event.content])],
    [null, [[name?.event_id, {}]]],
  )
  assert.equal(there((await new Slider(alice, 'fresh').sync(wish)).rooms[room]).name, undefined)
})
