import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decode, encode } from './codec.ts'
import { live, newConnection, type Known } from './connection.ts'
import { requiredState } from './required-state.ts'
import { bodies, list, order, over, Slider, there } from './fixture.test.ts'

const wish = { lists: { all: list(99, { timeline_limit: 3 }) } }

over('an answer that was lost is given again', async (world) => {
  const alice = await world.login('alice')
  const room = await alice.createRoom()
  const slider = new Slider(alice)
  assert.deepEqual(order(await slider.peek(wish)), [room])
  assert.deepEqual(order(await slider.sync(wish)), [room], 'it begins anew without pos')
  await alice.send(room, 'one')
  const other = await alice.createRoom()
  const lost = await slider.peek(wish)
  await alice.send(room, 'two')
  const again = await slider.sync(wish)
  assert.deepEqual(
    [order(lost), order(again)],
    [
      [other, room],
      [room, other],
    ],
  )
  assert.deepEqual([bodies(again.rooms[room]), again.rooms[other]?.initial], [['one', 'two'], true])
  assert.deepEqual((await slider.sync(wish)).rooms, {})
  slider.pos = lost.pos
  assert.equal(await slider.refusal(wish), '400 M_UNKNOWN_POS', 'of an answer that was given up')
})

over('a connection goes on after a restart of the server, with what was said meanwhile', async (world) => {
  const alice = await world.login('alice')
  const [one, two, three] = [await alice.createRoom(), await alice.createRoom(), await alice.createRoom()]
  const slider = new Slider(alice)
  const narrow = { lists: { all: list(1, { timeline_limit: 3 }) } }
  await slider.sync(wish)
  await alice.send(two, 'up')
  await slider.sync(wish)
  await alice.send(three, 'further up')
  await alice.setState(one, 'm.room.topic', { topic: 'seen later' })
  await slider.sync(narrow)
  await alice.send(two, 'before the restart')
  await world.restart()
  await alice.send(two, 'after the restart')
  const reply = await slider.sync(narrow, 5000)
  assert.deepEqual(order(reply), [two])
  assert.deepEqual(
    [reply.rooms[two]?.initial, bodies(reply.rooms[two]), reply.rooms[two]?.limited],
    [undefined, ['before the restart', 'after the restart'], false],
  )
  const all = await slider.sync(wish)
  assert.deepEqual([order(all), all.rooms[one]?.initial, bodies(all.rooms[one])], [[one], undefined, ['m.room.topic']])
  await world.restart()
  const read = there(
    (
      await alice.req<{ event_id: string }>('PUT', `/rooms/${encodeURIComponent(one)}/send/m.room.message/x`, {
        msgtype: 'm.text',
        body: 'x',
      })
    ).event_id,
  )
  await alice
    .req('POST', `/rooms/${encodeURIComponent(two)}/receipt/m.read/${encodeURIComponent(read)}`, {})
    .catch(() => undefined)
  assert.deepEqual(bodies((await slider.sync(wish)).rooms[one]), ['x'])
})

over('an answer that was lost in a restart is given again, and one that arrived is not', async (world) => {
  const alice = await world.login('alice')
  const room = await alice.createRoom()
  const [lost, arrived] = [new Slider(alice, 'lost'), new Slider(alice, 'arrived')]
  for (const slider of [lost, arrived]) await slider.sync(wish)
  const other = await alice.createRoom()
  await lost.peek(wish)
  await arrived.sync(wish)
  await world.restart()
  assert.deepEqual(order(await lost.sync(wish)), [other])
  assert.deepEqual(order(await arrived.sync(wish)), [])
  await alice.send(room, 'hello')
  for (const slider of [lost, arrived]) assert.deepEqual(bodies((await slider.sync(wish)).rooms[room]), ['hello'])
})

over('connections of a device do not mix, and only the newest are kept', async (world) => {
  const [alice, phone] = [await world.login('alice'), await world.login('alice')]
  const room = await alice.createRoom()
  const sliders = Array.from({ length: 12 }, (_, index) => new Slider(alice, `c${index}`))
  for (const slider of sliders) assert.deepEqual(order(await slider.sync(wish)), [room])
  assert.deepEqual(order(await new Slider(phone, 'c0').sync(wish)), [room])
  await world.restart()
  const outcomes: string[] = []
  for (const slider of sliders) outcomes.push(await slider.refusal(wish))
  assert.deepEqual(
    [
      outcomes.filter((outcome) => outcome === '400 M_UNKNOWN_POS').length,
      outcomes.filter((outcome) => outcome.startsWith('200')).length,
    ],
    [2, 10],
  )
  const stranger = new Slider(phone, 'c11')
  stranger.pos = there(sliders[11]).pos
  assert.equal(await stranger.refusal(wish), '400 M_UNKNOWN_POS', 'of another device')
})

over('a connection ends with its device', async (world) => {
  const alice = await world.login('alice')
  await alice.createRoom()
  const slider = new Slider(alice)
  await slider.sync(wish)
  await alice.req('POST', '/logout', {})
  assert.equal(await slider.refusal(wish), '401 M_UNKNOWN_TOKEN')
  await alice.login('alice')
  assert.equal(await slider.refusal(wish), '400 M_UNKNOWN_POS')
})

over('a request ends the one before it on the same connection without either losing anything', async (world) => {
  const alice = await world.login('alice')
  const room = await alice.createRoom()
  const slider = new Slider(alice)
  await slider.sync(wish)
  const sleeping = slider.peek(wish, 300)
  await alice.setState(room, 'm.room.topic', { topic: 'x' })
  const wider = {
    ...wish,
    room_subscriptions: { [room]: { timeline_limit: 3, required_state: [['m.room.topic', '']] } },
  }
  assert.deepEqual(bodies((await slider.sync(wider)).rooms[room]), ['m.room.topic'])
  await sleeping
  assert.deepEqual((await slider.sync(wider)).rooms, {})
})

over('a request that comes late, after the one that took its place, takes nothing back', async (world) => {
  const alice = await world.login('alice')
  await alice.createRoom()
  const slider = new Slider(alice)
  await slider.sync(wish)
  for (const restarts of [false, true]) {
    const room = await alice.createRoom()
    const late = new Slider(alice)
    late.pos = slider.pos
    assert.deepEqual(order(await slider.sync(wish)), [room])
    await late.peek(wish)
    if (restarts) await world.restart()
    assert.deepEqual(order(await slider.sync(wish)), [])
    await alice.send(room, 'hello')
    assert.deepEqual(bodies((await slider.sync(wish)).rooms[room]), ['hello'])
  }
})

const known = fc.record({
  upTo: fc.oneof(fc.constant(live), fc.integer({ min: 0, max: 1e12 })),
  timeline: fc.oneof(fc.constant(Infinity), fc.nat(100)),
  required: fc.constantFrom(
    requiredState([], '@a:t'),
    requiredState(
      [
        ['a', 'b'],
        ['m.room.member', '$LAZY'],
      ],
      '@a:t',
    ),
    requiredState([['*', '*']], '@a:t'),
  ),
})
const rooms = fc
  .dictionary(fc.nat(2 ** 31 - 1).map(String), known)
  .map((all) => new Map(Object.entries(all).map(([nid, one]): [number, Known] => [Number(nid), one])))
const sorted = (all: ReadonlyMap<number, Known | undefined>): unknown[] =>
  [...all].sort(([a], [b]) => a - b).map(([nid, one]) => [nid, one && [one.upTo, one.timeline, one.required.text]])

test('what is written down of a connection is read back', () => {
  fc.assert(
    fc.property(rooms, fc.array(rooms, { maxLength: 3 }), fc.array(fc.nat()), (base, given, gone) => {
      const connection = {
        ...newConnection(3, 'c'),
        state: 'abc',
        extensions: 3,
        rooms: base,
        given: given.map((changed, index) => ({
          state: `def${index}`,
          changes: {
            rooms: new Map<number, Known | undefined>([
              ...gone.map((nid): [number, undefined] => [nid, undefined]),
              ...changed,
            ]),
            extensions: index,
          },
        })),
      }
      const again = decode(3, 'c', encode(connection), 7)
      assert.deepEqual([again.state, again.extensions, sorted(again.rooms), again.savedTs], ['abc', 3, sorted(base), 7])
      const told = (all: typeof again.given): unknown[] =>
        all.map(({ state, changes }) => [state, changes.extensions, sorted(changes.rooms)])
      assert.deepEqual(told(again.given), told(connection.given))
    }),
  )
})

test('a connection that knows 2,000 rooms takes up a few kilobytes', () => {
  const all = new Map(
    Array.from({ length: 2000 }, (_, index): [number, Known] => [
      index * 3 + 100_000,
      { upTo: live, timeline: index % 2 ? 1 : Infinity, required: requiredState([['a', '']], '@a:t') },
    ]),
  )
  assert.ok(encode({ ...newConnection(1, 'c'), rooms: all }).length < 6000)
})

over('who was away while hundreds of rooms went on begins anew, instead of waiting for all of them', async (world) => {
  const alice = await world.login('alice')
  const rooms = await Promise.all(Array.from({ length: 201 }, () => alice.createRoom()))
  const all = { lists: { all: list(999) } }
  const slider = new Slider(alice)
  await slider.sync(all)
  await world.restart()
  await Promise.all(rooms.slice(1).map((room) => alice.send(room, 'x')))
  assert.equal(Object.keys((await slider.peek(all)).rooms).length, 200)
  await alice.send(there(rooms[0]), 'x')
  assert.equal(await slider.refusal(all), '400 M_UNKNOWN_POS')
})
