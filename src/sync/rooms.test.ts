import assert from 'node:assert/strict'
import {
  at,
  brief,
  filtered,
  ids,
  inRoom,
  joinedIn,
  leftIn,
  over,
  pastOf,
  state,
  stateAfter,
  timeline,
} from './fixture.test.ts'

const act = { kick: 'kick', ban: 'ban', unban: 'unban' } as const

over('a first sync has the whole state of joined rooms, and what follows goes on from there', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat', name: 'Kitchen' })
  const first = joinedIn(await alice.sync(), room)
  const all = [...brief(first.state?.events), ...timeline(first)]
  for (const part of ['m.room.create', 'm.room.power_levels', 'name "Kitchen"', 'alice join'])
    assert.ok(all.includes(part), part)
  assert.equal(
    new Set(ids([...(first.state?.events ?? []), ...first.timeline.events])).size,
    all.length,
    'nothing comes twice',
  )
  assert.equal(first.summary?.['m.joined_member_count'], 1)
  await stage.between()
  assert.equal((await alice.sync()).rooms, undefined)
  await bob.join(room)
  await bob.send(room, 'hello')
  await stage.between()
  const next = joinedIn(await alice.sync(), room)
  assert.deepEqual(timeline(next), ['bob join', 'hello'])
  assert.deepEqual([next.timeline.limited, state(next)], [false, []])
  assert.equal(next.summary?.['m.joined_member_count'], 2)
  const news = joinedIn(await bob.sync(), room)
  assert.ok([...brief(news.state?.events), ...timeline(news)].includes('name "Kitchen"'))
  await alice.setState(room, 'm.room.name', { name: 'Cellar' })
  await stage.between()
  for (const one of [alice, bob]) assert.deepEqual(timeline(joinedIn(await one.sync(), room)), ['name "Cellar"'])
})

over(
  'a limited timeline leads by its prev_batch to every other event exactly once, and brings the state of the gap',
  async (stage) => {
    const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
    const room = await alice.createRoom({ preset: 'public_chat' })
    const first = joinedIn(await bob.join(room).then(() => filtered(bob, { room: { timeline: { limit: 3 } } })), room)
    assert.equal(first.timeline.limited, true)
    const before = await pastOf(bob, room, first.timeline.prev_batch ?? '')
    const sent = ids([...before.toReversed(), ...first.timeline.events])
    assert.equal(new Set(sent).size, sent.length)
    assert.deepEqual(brief(before).at(-1), 'm.room.create')
    await alice.setState(room, 'm.room.name', { name: 'one' })
    await alice.setState(room, 'm.room.topic', { topic: 'lost in the gap' })
    await alice.setState(room, 'm.room.name', { name: 'two' })
    const texts = Array.from({ length: 12 }, (_, index) => `text ${index}`)
    for (const text of texts) await alice.send(room, text)
    await alice.setState(room, 'm.room.name', { name: 'three' })
    await stage.between()
    const { since } = bob
    const next = joinedIn(await filtered(bob, { room: { timeline: { limit: 4 } } }), room)
    assert.deepEqual([next.timeline.limited, timeline(next)], [true, ['text 9', 'text 10', 'text 11', 'name "three"']])
    assert.deepEqual(state(next), ['m.room.topic', 'name "two"'])
    const gap: string[] = []
    for (const event of await pastOf(bob, room, next.timeline.prev_batch ?? '')) {
      if (sent.includes(event.event_id)) break
      gap.unshift(...brief([event]))
    }
    assert.deepEqual(gap, ['name "one"', 'm.room.topic', 'name "two"', ...texts.slice(0, 9)])
    bob.since = since
    const after = joinedIn(await filtered(bob, { room: { timeline: { limit: 4 } } }, { use_state_after: true }), room)
    assert.deepEqual(stateAfter(after), ['m.room.topic', 'name "three"'])
    assert.equal(after.state, undefined)
  },
)

over('with use_state_after the state goes up to the end of the timeline, on every kind of room', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat', name: 'one' })
  const first = joinedIn(await alice.sync({ use_state_after: true }), room)
  assert.ok(stateAfter(first).includes('name "one"') && stateAfter(first).includes('alice join'))
  await alice.setState(room, 'm.room.name', { name: 'two' })
  await alice.setState(room, 'm.room.name', { name: 'three' })
  await bob.join(room)
  await stage.between()
  assert.deepEqual(stateAfter(joinedIn(await alice.sync({ use_state_after: true }), room)), [
    'bob join',
    'name "three"',
  ])
  await alice.send(room, 'hello')
  assert.deepEqual(stateAfter(joinedIn(await alice.sync({ use_state_after: true }), room)), [])
  await bob.sync({ use_state_after: true })
  await alice.req('POST', inRoom(room, '/kick'), { user_id: bob.userId })
  await alice.setState(room, 'm.room.name', { name: 'secret' })
  await stage.between()
  const left = leftIn(await bob.sync({ use_state_after: true }), room)
  assert.deepEqual([timeline(left), stateAfter(left), left.state], [['bob leave'], ['bob leave'], undefined])
})

over('full_state gives all of the state again, answers at once, and goes on with the timeline', async (stage) => {
  const alice = await stage.login('alice')
  const room = await alice.createRoom({ name: 'Kitchen' })
  const quiet = await alice.createRoom({ name: 'Attic' })
  await alice.sync()
  await alice.send(room, 'hello')
  await stage.between()
  const began = Date.now()
  const body = await alice.sync({ full_state: true, timeout: 20_000 })
  assert.ok(state(joinedIn(body, room)).includes('name "Kitchen"'))
  assert.deepEqual(timeline(joinedIn(body, room)), ['hello'])
  assert.ok(state(joinedIn(body, quiet)).includes('name "Attic"'))
  assert.deepEqual(timeline(joinedIn(body, quiet)), [])
  await alice.sync({ full_state: true, timeout: 20_000 })
  assert.ok(Date.now() - began < 15_000)
})

over('invites and knocks come with stripped state, as it was then', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  await bob.sync()
  const room = await alice.createRoom({ name: 'Kitchen', topic: 'tea', invite: [bob.userId], is_direct: true })
  await alice.setState(room, 'm.room.name', { name: 'secret' })
  await stage.between()
  const { since } = bob
  const invited = (await bob.sync()).rooms?.invite?.[room]?.invite_state.events ?? []
  const words = brief(invited)
  for (const part of [
    'm.room.create',
    'name "Kitchen"',
    'm.room.topic',
    'm.room.join_rules',
    'alice join',
    'bob invite',
  ])
    assert.ok(words.includes(part), part)
  assert.ok(!words.includes('name "secret"'))
  assert.equal(invited.find(({ state_key: key }) => key === bob.userId)?.content['is_direct'], true)
  assert.equal((await bob.sync()).rooms, undefined, 'once')
  bob.since = undefined
  assert.deepEqual(
    brief((await bob.sync()).rooms?.invite?.[room]?.invite_state.events),
    words,
    'and in every first sync',
  )
  await bob.leave(room)
  await stage.between()
  bob.since = since
  const rejected = leftIn(await bob.sync(), room)
  assert.deepEqual(
    [timeline(rejected), state(rejected)],
    [['bob leave'], []],
    'an invite turned down shows nothing of the room',
  )

  await alice.setState(room, 'm.room.join_rules', { join_rule: 'knock' })
  await bob.req('POST', `/knock/${encodeURIComponent(room)}`, { reason: 'please' })
  await stage.between()
  const knocked = brief((await bob.sync()).rooms?.knock?.[room]?.knock_state.events)
  for (const part of ['m.room.create', 'name "secret"', 'bob knock']) assert.ok(knocked.includes(part), part)
  await alice.req('POST', inRoom(room, '/kick'), { user_id: bob.userId })
  await stage.between()
  assert.deepEqual(timeline(leftIn(await bob.sync(), room)), ['bob leave'])
})

over('who was invited and turned down, between two syncs, is not shown the room', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  for (const query of [{}, { use_state_after: true }]) {
    bob.since = undefined
    await bob.sync(query)
    const room = await alice.createRoom({ name: 'secret', invite: [bob.userId] })
    await bob.leave(room)
    await stage.between()
    const left = leftIn(await bob.sync(query), room)
    assert.deepEqual([timeline(left), state(left)], [['bob leave'], []])
    assert.ok(stateAfter(left).every((one) => one === 'bob leave'))
    bob.since = undefined
    const anew = leftIn(await filtered(bob, { room: { include_leave: true } }, query), room)
    assert.deepEqual([timeline(anew), state(anew)], [['bob leave'], []])
  }
})

for (const way of ['leave', 'kick', 'ban', 'kick and ban'] as const) {
  over(`after a ${way} nothing of the room is told but how it ended`, async (stage) => {
    const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
    const room = await alice.createRoom({ preset: 'public_chat', name: 'one' })
    await bob.join(room)
    await bob.sync()
    await alice.setState(room, 'm.room.name', { name: 'two' })
    await alice.send(room, 'last words')
    if (way === 'leave') await bob.leave(room)
    for (const step of [act.kick, act.ban]) {
      if (!way.includes(step)) continue
      await alice.req('POST', inRoom(room, `/${step}`), { user_id: bob.userId, reason: 'because' })
      await alice.setState(room, 'm.room.name', { name: `secret after ${step}` })
    }
    await alice.setState(room, 'm.room.name', { name: 'secret' })
    await alice.send(room, 'about bob')
    await stage.between()
    const { since } = bob
    const ends = {
      leave: ['bob leave'],
      kick: ['bob leave'],
      ban: ['bob ban'],
      'kick and ban': ['bob leave', 'bob ban'],
    }[way]
    for (const query of [{}, { use_state_after: true }, { full_state: true }]) {
      bob.since = since
      const left = leftIn(await bob.sync(query), room)
      assert.deepEqual(timeline(left), ['name "two"', 'last words', ...ends])
      assert.ok(!JSON.stringify(left).includes('secret'))
      assert.equal((await bob.sync(query)).rooms, undefined, 'told once')
      bob.since = undefined
      assert.equal((await bob.sync(query)).rooms, undefined, 'and not in a first sync')
      bob.since = undefined
      const included = leftIn(
        await filtered(bob, { room: { include_leave: true, timeline: { limit: 50 } } }, query),
        room,
      )
      assert.deepEqual(timeline(included).slice(-2 - ends.length), ['name "two"', 'last words', ...ends])
      assert.ok(!JSON.stringify(included).includes('secret'))
      const past = await pastOf(bob, room, included.timeline.prev_batch ?? '')
      assert.ok(!JSON.stringify(past).includes('secret'))
    }
    await alice.send(room, 'more about bob')
    bob.since = since
    assert.ok(!JSON.stringify(await bob.sync()).includes('about bob'))
  })
}

over('who was in a room and turned down an invite later sees it as it was when they left', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  const room = await alice.createRoom({ name: 'old', invite: [bob.userId] })
  await bob.join(room)
  await bob.leave(room)
  await bob.sync()
  await alice.setState(room, 'm.room.name', { name: 'secret' })
  await alice.invite(room, bob.userId)
  await bob.leave(room)
  await stage.between()
  const left = leftIn(await bob.sync(), room)
  assert.deepEqual([timeline(left), state(left)], [['bob leave'], []])
  for (const query of [{}, { use_state_after: true }]) {
    bob.since = undefined
    const anew = leftIn(await filtered(bob, { room: { include_leave: true, timeline: { limit: 50 } } }, query), room)
    assert.ok(!JSON.stringify(anew).includes('secret'))
    assert.ok(JSON.stringify(anew).includes('"old"'))
    assert.deepEqual(timeline(anew).slice(-3), ['bob join', 'bob leave', 'bob leave'])
  }
})

over('who comes back gets the room anew, with a gap in the timeline', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat', name: 'one' })
  await bob.join(room)
  await bob.req('PUT', at(bob, `/rooms/${encodeURIComponent(room)}/tags/u.work`), {})
  await bob.sync()
  await bob.leave(room)
  await alice.setState(room, 'm.room.name', { name: 'two' })
  await stage.between()
  assert.deepEqual(timeline(leftIn(await bob.sync(), room)), ['bob leave'])
  await alice.send(room, 'while bob was away')
  await bob.join(room)
  await stage.between()
  const back = joinedIn(await filtered(bob, { room: { timeline: { limit: 1 } } }), room)
  assert.deepEqual([timeline(back), back.timeline.limited], [['bob join'], true])
  assert.ok(state(back).includes('name "two"') && state(back).includes('alice join'))
  assert.deepEqual(back.account_data?.events, [{ type: 'm.tag', content: { tags: { 'u.work': {} } } }])
  await bob.leave(room)
  await alice.setState(room, 'm.room.name', { name: 'three' })
  await bob.join(room)
  await stage.between()
  const again = joinedIn(await bob.sync(), room)
  assert.equal(again.timeline.limited, true, 'also when both happened between two syncs')
  const all = [...state(again), ...timeline(again)]
  assert.equal(
    all.findLast((one) => one.startsWith('name')),
    'name "three"',
  )
  const ends = ids([...(await pastOf(bob, room, again.timeline.prev_batch ?? '')), ...again.timeline.events])
  assert.equal(new Set(ends).size, ends.length)
})

over('who joins a room whose past is hidden gets its state all the same', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  const room = await alice.createRoom({
    preset: 'public_chat',
    initial_state: [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } }],
  })
  await alice.send(room, 'hidden')
  await bob.sync()
  await alice.setState(room, 'm.room.name', { name: 'Kitchen' })
  await alice.send(room, 'hidden too')
  await bob.join(room)
  await alice.send(room, 'welcome')
  await stage.between()
  const { since } = bob
  const room1 = joinedIn(await bob.sync(), room)
  assert.deepEqual([timeline(room1), room1.timeline.limited], [['bob join', 'welcome'], true])
  const past = brief(await pastOf(bob, room, room1.timeline.prev_batch ?? ''))
  assert.ok(
    past.includes('m.room.create') && !past.some((one) => one.startsWith('hidden') || one.startsWith('name')),
    'before it was hidden',
  )
  assert.ok(
    state(room1).includes('name "Kitchen"') && state(room1).includes('alice join'),
    JSON.stringify(state(room1)),
  )
  bob.since = undefined
  assert.deepEqual(state(joinedIn(await bob.sync(), room)), state(room1))
  bob.since = since
  await bob.leave(room)
  await alice.setState(room, 'm.room.name', { name: 'secret' })
  await stage.between()
  const left = leftIn(await bob.sync(), room)
  assert.deepEqual(timeline(left), ['bob join', 'welcome', 'bob leave'])
  assert.ok(state(left).includes('name "Kitchen"'), 'joined and left between two syncs')
})

over('a room that was forgotten is told of as left, to who does not know yet, and never again', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(room)
  await bob.sync()
  await alice.send(room, 'hello')
  await bob.leave(room)
  await bob.req('POST', inRoom(room, '/forget'), {})
  await stage.between()
  const left = leftIn(await bob.sync(), room)
  assert.deepEqual([timeline(left), state(left)], [['bob leave'], []])
  bob.since = undefined
  assert.equal((await filtered(bob, { room: { include_leave: true } })).rooms, undefined)
  await bob.join(room)
  await stage.between()
  assert.ok(timeline(joinedIn(await bob.sync(), room)).includes('bob join'))
})

over('values of the wrong type in the state are passed on, and break nothing', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  const odd = await alice.createRoom({ preset: 'public_chat' })
  const plain = await alice.createRoom({ name: 'Kitchen', invite: [bob.userId] })
  await bob.join(odd)
  await bob.sync()
  const values: unknown[] = [5, null, [], {}, true]
  for (const value of values) {
    for (const [type, key] of [
      ['m.room.name', 'name'],
      ['m.room.topic', 'topic'],
      ['m.room.avatar', 'url'],
      ['m.room.encryption', 'x'],
    ] as const) {
      await alice.setState(odd, type, { [key]: value })
    }
    await alice.setState(
      odd,
      'm.room.member',
      { membership: 'join', displayname: value, avatar_url: value },
      alice.userId,
    )
    await alice.req('POST', inRoom(odd, '/kick'), { user_id: bob.userId })
    await alice.invite(odd, bob.userId)
    await stage.between()
    assert.ok((await bob.sync()).rooms?.invite?.[odd])
    await bob.join(odd)
    const lazy = { room: { state: { lazy_load_members: true } } }
    for (const filter of [{}, lazy, { event_format: 'federation' }]) {
      bob.since = undefined
      const body = await filtered(bob, filter)
      assert.ok(body.rooms?.invite?.[plain])
      assert.deepEqual(joinedIn(body, odd).summary?.['m.heroes'], [alice.userId])
    }
  }
})
