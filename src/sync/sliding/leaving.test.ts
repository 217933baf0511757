// What somebody is told of a room that they are not in: nothing but how they left it.
import assert from 'node:assert/strict'
import { bodies, list, order, over, Slider, there, type Reply } from './fixture.test.ts'

const wish = { lists: { all: list(99, { timeline_limit: 10, required_state: [['*', '*']] }) } }
const subscribed = (room: string): object => ({
  room_subscriptions: { [room]: { timeline_limit: 50, required_state: [['*', '*']] } },
})
const leaks = (reply: Reply): boolean => /secret/.test(JSON.stringify(reply))

over('nothing of a room is told after one has left it, whatever is asked for', async (world) => {
  const [alice, bob] = [await world.login('alice'), await world.login('bob')]
  for (const how of ['leave', 'kick', 'ban'] as const) {
    const room = await alice.createRoom({ preset: 'public_chat', name: 'Kitchen' })
    await bob.join(room)
    const away = new Slider(bob, `away ${how}`)
    await away.sync(wish)
    const slider = new Slider(bob)
    await slider.sync(wish)
    await bob.send(room, 'goodbye')
    if (how === 'leave') await bob.leave(room)
    else
      await alice.req('POST', `/rooms/${encodeURIComponent(room)}/${how}`, {
        user_id: bob.userId,
        reason: 'for a reason',
      })
    const told = there((await slider.sync(wish)).rooms[room], how)
    assert.deepEqual(bodies(told), ['goodbye', 'm.room.member'])
    assert.equal(
      told.required_state?.find((event) => event.state_key === bob.userId)?.content['membership'],
      how === 'ban' ? 'ban' : 'leave',
    )
    assert.equal(slider.rooms.has(room), how !== 'leave', 'who was put out keeps the room in the list')

    await alice.send(room, 'secret')
    await alice.setState(room, 'm.room.name', { name: 'secret name' })
    await alice.setState(room, 'm.room.topic', { topic: 'secret topic' })
    await alice.setState(room, 'org.example', { a: 'secret state' }, 'x')
    const later = [
      await slider.sync(wish),
      await slider.sync({ ...wish, ...subscribed(room) }),
      await slider.sync(subscribed(room)),
      await away.sync({ ...wish, ...subscribed(room) }),
      await away.sync(subscribed(room)),
      await new Slider(bob, 'fresh').sync({ ...wish, ...subscribed(room) }),
    ]
    assert.deepEqual(
      later.map(leaks),
      later.map(() => false),
      how,
    )
    assert.deepEqual(
      later
        .slice(0, 3)
        .map(({ rooms }) => rooms[room]?.timeline?.length ?? 0)
        .at(0),
      0,
    )
    assert.equal(later[3]?.rooms[room]?.name, undefined)
    assert.equal(later[5]?.rooms[room]?.name, how === 'leave' ? undefined : 'Kitchen')
    assert.deepEqual(bodies(later[3]?.rooms[room]), ['goodbye', 'm.room.member'])
    if (how === 'ban') await alice.req('POST', `/rooms/${encodeURIComponent(room)}/unban`, { user_id: bob.userId })
    const unbanned = [
      await slider.sync(wish),
      await away.sync({ ...wish, ...subscribed(room) }),
      await new Slider(bob, 'fresh').sync({ ...wish, ...subscribed(room) }),
    ]
    assert.deepEqual(unbanned.map(leaks), [false, false, false])
    await world.restart()
    assert.deepEqual(
      [await slider.sync({ ...wish, ...subscribed(room) }), await away.sync({ ...wish, ...subscribed(room) })].map(
        leaks,
      ),
      [false, false],
    )
  }
})

over('a ban that was lifted before the client looked shows nothing of what came between', async (world) => {
  const [alice, bob] = [await world.login('alice'), await world.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(room)
  const slider = new Slider(bob)
  await slider.sync(wish)
  await alice.req('POST', `/rooms/${encodeURIComponent(room)}/ban`, { user_id: bob.userId })
  await alice.send(room, 'secret')
  await alice.setState(room, 'm.room.topic', { topic: 'secret' })
  await alice.req('POST', `/rooms/${encodeURIComponent(room)}/unban`, { user_id: bob.userId })
  const reply = await slider.sync({ ...wish, ...subscribed(room) })
  assert.ok(!leaks(reply))
  assert.deepEqual(bodies(reply.rooms[room]).at(-1), 'm.room.member')
})

over('typing, receipts and account data of a room end with being in it', async (world) => {
  const [alice, bob] = [await world.login('alice'), await world.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(room)
  const slider = new Slider(bob)
  const extensions = { typing: { enabled: true }, receipts: { enabled: true }, account_data: { enabled: true } }
  await slider.sync({ ...wish, extensions })
  await alice.req('POST', `/rooms/${encodeURIComponent(room)}/kick`, { user_id: bob.userId })
  await slider.sync({ ...wish, extensions })
  const last = await alice.send(room, 'secret')
  await alice.req('PUT', `/rooms/${encodeURIComponent(room)}/typing/${alice.userId}`, { typing: true, timeout: 30_000 })
  await alice.req('POST', `/rooms/${encodeURIComponent(room)}/receipt/m.read/${encodeURIComponent(last)}`, {})
  const reply = await slider.sync({ ...wish, ...subscribed(room), extensions })
  assert.deepEqual([reply.extensions.typing, reply.extensions.receipts], [undefined, undefined])
})

over('who comes back begins anew with the room, and sees what the room shows to its members', async (world) => {
  const [alice, bob] = [await world.login('alice'), await world.login('bob')]
  const shown = await alice.createRoom({ preset: 'public_chat' })
  const hidden = await alice.createRoom({
    preset: 'public_chat',
    initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }],
  })
  const slider = new Slider(bob)
  for (const room of [shown, hidden]) await bob.join(room)
  await slider.sync(wish)
  for (const room of [shown, hidden]) await bob.leave(room)
  for (const room of [shown, hidden]) await alice.send(room, 'meanwhile')
  for (const room of [shown, hidden]) await bob.join(room)
  await alice.send(hidden, 'welcome')
  const reply = await slider.sync(wish)
  assert.ok(reply.rooms[shown]?.initial && reply.rooms[hidden]?.initial)
  assert.ok(bodies(reply.rooms[shown]).includes('meanwhile'))
  assert.ok(!bodies(reply.rooms[hidden]).includes('meanwhile') && bodies(reply.rooms[hidden]).includes('welcome'))
})

over('an invitation is told as stripped state; declining, joining and taking it back end it', async (world) => {
  const [alice, bob] = [await world.login('alice'), await world.login('bob')]
  const slider = new Slider(bob)
  await slider.sync(wish)
  const rooms: string[] = []
  for (const name of ['declined', 'joined', 'taken back'])
    rooms.push(await alice.createRoom({ name, invite: [bob.userId] }))
  const [declined = '', joined = '', back = ''] = rooms
  const invited = await slider.sync(wish)
  assert.deepEqual(order(invited), [back, joined, declined])
  const room = there(invited.rooms[joined])
  assert.deepEqual(
    [room.initial, room.timeline, room.required_state, room.name],
    [true, undefined, undefined, undefined],
  )
  assert.ok(room.invite_state?.some((event) => event.type === 'm.room.name' && event.content['name'] === 'joined'))
  assert.equal(room.invite_state?.find((event) => event.state_key === bob.userId)?.content['membership'], 'invite')
  for (const one of rooms) await alice.send(one, 'secret before bob is in')
  assert.deepEqual((await slider.sync(wish)).rooms, {}, 'what happens in the room is not for those who are not in it')

  await bob.leave(declined)
  await bob.join(joined)
  await alice.req('POST', `/rooms/${encodeURIComponent(back)}/kick`, { user_id: bob.userId })
  const after = await slider.sync(wish)
  assert.deepEqual([after.rooms[joined]?.initial, after.rooms[joined]?.name], [true, 'joined'])
  for (const gone of [declined, back]) {
    assert.deepEqual(
      after.rooms[gone]?.required_state?.map((event) => [event.state_key, event.content['membership']]),
      [[bob.userId, 'leave']],
    )
    assert.ok(!JSON.stringify(after.rooms[gone]).includes('secret'))
  }
  assert.deepEqual([...slider.rooms.keys()], [joined])
  assert.equal((await slider.sync(wish)).lists['all']?.count, 1)
})

over('a room that was left and forgotten on another device is told once as ended', async (world) => {
  const [alice, bob] = [await world.login('alice'), await world.login('bob')]
  const path = (room: string, act: string): string => `/rooms/${encodeURIComponent(room)}/${act}`
  const open = { preset: 'public_chat', name: 'Kitchen' }
  const gone: Record<string, (room: string) => Promise<unknown>> = {
    declined: (room) => bob.leave(room),
    left: (room) => bob.leave(room),
    kicked: (room) => alice.req('POST', path(room, 'kick'), { user_id: bob.userId }),
    banned: (room) => alice.req('POST', path(room, 'ban'), { user_id: bob.userId }),
    'knock taken back': (room) => bob.leave(room),
    'left, joined and left': async (room) => {
      await bob.leave(room)
      await bob.join(room)
      await bob.leave(room)
    },
  }
  const rooms = new Map<string, string>()
  for (const how of Object.keys(gone)) {
    const room = await alice.createRoom(
      how === 'knock taken back'
        ? { initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }] }
        : how === 'declined'
          ? { invite: [bob.userId] }
          : open,
    )
    if (how === 'knock taken back') await bob.req('POST', `/knock/${encodeURIComponent(room)}`, {})
    else if (how !== 'declined') await bob.join(room)
    rooms.set(how, room)
  }
  const [slider, late] = [new Slider(bob), new Slider(bob, 'late')]
  assert.equal((await slider.sync(wish)).lists['all']?.count, rooms.size)
  await late.sync(wish)
  for (const [how, room] of rooms) {
    await gone[how]?.(room)
    await bob.req('POST', path(room, 'forget'), {})
    await alice.send(room, 'secret')
  }
  const assertTold = (reply: Reply): void => {
    for (const [how, room] of rooms) {
      const told = there(reply.rooms[room], how)
      assert.deepEqual(
        told.required_state?.map((event) => [event.state_key, event.content['membership']]),
        [[bob.userId, how === 'banned' ? 'ban' : 'leave']],
        how,
      )
    }
    assert.ok(!leaks(reply))
    assert.equal(reply.lists['all']?.count, 0)
  }
  assertTold(await slider.sync(wish))
  assert.deepEqual((await slider.sync(wish)).rooms, {}, 'and once only')
  await world.restart()
  assertTold(await late.sync(wish))
})
