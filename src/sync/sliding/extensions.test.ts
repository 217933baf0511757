import assert from 'node:assert/strict'
import type { Client } from '../../../test/harness/client.ts'
import { list, over, Slider, there } from './fixture.test.ts'

const receipt = (client: Client, room: string, event: string, type = 'm.read', body: object = {}): Promise<unknown> =>
  client.req('POST', `/rooms/${encodeURIComponent(room)}/receipt/${type}/${encodeURIComponent(event)}`, body)
const lists = { all: list(99) }

over('messages to the device come until their token comes back, whatever becomes of the connection', async (world) => {
  const [alice, bob] = [await world.login('alice'), await world.login('bob')]
  let sent = 0
  const send = (): Promise<unknown> =>
    bob.req('PUT', `/sendToDevice/org.example/t${++sent}`, {
      messages: { [alice.userId]: { [alice.deviceId]: { n: sent } } },
    })
  const wish = (since?: string): object => ({
    extensions: { to_device: { enabled: true, limit: 2, ...(since !== undefined && { since }) } },
  })
  const slider = new Slider(alice, 'encryption')
  const told = (reply: Awaited<ReturnType<Slider['sync']>>): unknown[] =>
    there(reply.extensions.to_device).events.map((event) => event.content['n'])
  assert.deepEqual(told(await slider.sync(wish())), [])
  const waiting = slider.sync(wish(), 5000)
  await send()
  assert.deepEqual(told(await waiting), [1])
  slider.pos = undefined
  const again = await slider.sync(wish())
  assert.deepEqual(told(again), [1])
  for (let index = 0; index < 3; index++) await send()
  let since = again.extensions.to_device?.next_batch
  const all: unknown[] = []
  for (let round = 0; round < 3; round++) {
    const reply = await slider.sync(wish(since), 200)
    all.push(...told(reply))
    since = reply.extensions.to_device?.next_batch
  }
  assert.deepEqual(all, [2, 3, 4])
  assert.deepEqual(told(await slider.sync(wish())), [], 'what was acknowledged is gone')
})

over('changes of device lists come for all rooms, in a window or not', async (world) => {
  const [alice, bob, carol] = [await world.login('alice'), await world.login('bob'), await world.login('carol')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  await alice.createRoom()
  const slider = new Slider(alice)
  const wish = { lists: { all: list(0) }, extensions: { e2ee: { enabled: true } } }
  const first = await slider.sync(wish)
  assert.deepEqual(
    [first.extensions.e2ee?.device_lists, first.extensions.e2ee?.device_unused_fallback_key_types],
    [undefined, []],
  )
  await bob.join(room)
  assert.deepEqual((await slider.sync(wish)).extensions.e2ee?.device_lists, { changed: [bob.userId], left: [] })
  const waiting = slider.sync(wish, 5000)
  await world.login('carol')
  const second = await world.login('bob')
  assert.deepEqual((await waiting).extensions.e2ee?.device_lists?.changed, [bob.userId])
  await second.leave(room)
  assert.deepEqual((await slider.sync(wish)).extensions.e2ee?.device_lists, { changed: [], left: [bob.userId] })
  await carol.join(room)
  await alice.leave(room)
  assert.deepEqual((await slider.sync(wish)).extensions.e2ee?.device_lists?.left, [carol.userId])
  await slider.client.req('POST', '/keys/upload', { one_time_keys: {} })
})

over('account data comes whole, then as it changes; of rooms, when they come into a window', async (world) => {
  const alice = await world.login('alice')
  const [low, high] = [await alice.createRoom(), await alice.createRoom()]
  const mark = (room: string, n: number): Promise<unknown> =>
    alice.req('PUT', `/user/${alice.userId}/rooms/${encodeURIComponent(room)}/account_data/org.example`, { n })
  await alice.req('PUT', `/user/${alice.userId}/account_data/org.example`, { n: 0 })
  for (const room of [low, high]) await mark(room, 1)
  const slider = new Slider(alice)
  const wish = (last: number): object => ({
    lists: { all: list(last) },
    extensions: { account_data: { enabled: true } },
  })
  const first = there((await slider.sync(wish(0))).extensions.account_data)
  assert.deepEqual(first.global.map((event) => event.type).sort(), ['m.push_rules', 'org.example'])
  assert.deepEqual(first.rooms, { [high]: [{ type: 'org.example', content: { n: 1 } }] })
  const waiting = slider.sync(wish(0), 5000)
  await alice.req('PUT', `/user/${alice.userId}/account_data/org.example`, { n: 2 })
  assert.deepEqual((await waiting).extensions.account_data, {
    global: [{ type: 'org.example', content: { n: 2 } }],
    rooms: {},
  })
  await mark(high, 3)
  await mark(low, 3)
  assert.deepEqual((await slider.sync(wish(0))).extensions.account_data?.rooms, {
    [high]: [{ type: 'org.example', content: { n: 3 } }],
  })
  assert.deepEqual((await slider.sync(wish(1))).extensions.account_data?.rooms, {
    [low]: [{ type: 'org.example', content: { n: 3 } }],
  })
  await mark(low, 4)
  assert.equal((await slider.sync(wish(0))).extensions.account_data, undefined)
  await world.restart()
  assert.deepEqual((await slider.sync(wish(1))).extensions.account_data?.rooms, {
    [low]: [{ type: 'org.example', content: { n: 4 } }],
  })
})

over('an extension that is turned on later begins with all that there is', async (world) => {
  const alice = await world.login('alice')
  const room = await alice.createRoom()
  const event = await alice.send(room, 'hello')
  await receipt(alice, room, event)
  await alice.req('PUT', `/user/${alice.userId}/account_data/org.example`, { n: 0 })
  const slider = new Slider(alice)
  await slider.sync({ lists })
  const reply = await slider.sync({
    lists,
    extensions: { account_data: { enabled: true }, receipts: { enabled: true } },
  })
  assert.ok(reply.extensions.account_data?.global.some(({ type }) => type === 'org.example'))
  assert.deepEqual(Object.keys(reply.extensions.receipts?.rooms ?? {}), [room])
})

over(
  'receipts come for the messages shown, then as they come, and private ones to their owner alone',
  async (world) => {
    const [alice, bob, carol] = [await world.login('alice'), await world.login('bob'), await world.login('carol')]
    const room = await alice.createRoom({ preset: 'public_chat' })
    for (const other of [bob, carol]) await other.join(room)
    const [old, shown] = [await alice.send(room, 'old'), await alice.send(room, 'shown')]
    await receipt(bob, room, shown)
    await receipt(carol, room, old)
    await receipt(alice, room, old, 'm.read.private')
    await receipt(bob, room, old, 'm.read.private')
    const extensions = { receipts: { enabled: true } }
    const slider = new Slider(alice)
    const readers = (reply: Awaited<ReturnType<Slider['sync']>>): Record<string, string[]> =>
      Object.fromEntries(
        Object.entries(
          (reply.extensions.receipts?.rooms[room]?.content ?? {}) as Record<string, Record<string, object>>,
        ).flatMap(([event, types]) =>
          Object.entries(types).map(([type, users]) => [
            `${event === old ? 'old' : 'shown'} ${type}`,
            Object.keys(users),
          ]),
        ),
      )
    assert.deepEqual(readers(await slider.sync({ lists, extensions })), {
      'shown m.read': [bob.userId],
      'old m.read.private': [alice.userId],
    })
    const waiting = slider.sync({ lists, extensions }, 5000)
    await receipt(carol, room, shown)
    assert.deepEqual(readers(await waiting), { 'shown m.read': [carol.userId] })
    await receipt(bob, room, shown, 'm.read.private')
    assert.equal((await slider.sync({ lists, extensions })).extensions.receipts, undefined)
    await alice.createRoom()
    await receipt(alice, room, shown)
    assert.equal(
      (await slider.sync({ lists: { all: list(0) }, extensions })).extensions.receipts,
      undefined,
      'the room is not in the window',
    )
    await world.restart()
    assert.deepEqual(readers(await slider.sync({ lists, extensions })), { 'shown m.read': [alice.userId] })
  },
)

over('typing is told while it lasts, in rooms that are wanted', async (world) => {
  const [alice, bob] = [await world.login('alice'), await world.login('bob')]
  const [room, other] = [
    await alice.createRoom({ preset: 'public_chat' }),
    await alice.createRoom({ preset: 'public_chat' }),
  ]
  for (const one of [room, other]) await bob.join(one)
  const type = (where: string, typing: boolean): Promise<unknown> =>
    bob.req(
      'PUT',
      `/rooms/${encodeURIComponent(where)}/typing/${bob.userId}`,
      typing ? { typing, timeout: 30_000 } : { typing },
    )
  const wish = { lists, extensions: { typing: { enabled: true } } }
  const slider = new Slider(alice)
  await type(room, true)
  assert.deepEqual((await slider.sync(wish)).extensions.typing?.rooms, {
    [room]: { type: 'm.typing', content: { user_ids: [bob.userId] } },
  })
  const waiting = slider.sync(wish, 5000)
  await type(room, false)
  assert.deepEqual((await waiting).extensions.typing?.rooms[room]?.content, { user_ids: [] })
  await type(room, true)
  await type(other, true)
  const chosen = (choice: object): Promise<string[]> =>
    slider
      .peek({
        lists,
        room_subscriptions: { [other]: { timeline_limit: 0 } },
        extensions: { typing: { enabled: true, ...choice } },
      })
      .then((reply) => Object.keys(reply.extensions.typing?.rooms ?? {}).sort())
  assert.deepEqual(await chosen({}), [room, other].sort())
  assert.deepEqual(await chosen({ lists: [] }), [other])
  assert.deepEqual(await chosen({ lists: ['all'], rooms: [] }), [room, other].sort())
  assert.deepEqual(await chosen({ lists: [], rooms: [room] }), [])
  assert.deepEqual(await chosen({ lists: [], rooms: ['*'] }), [other])
  assert.deepEqual(await chosen({ lists: ['none'], rooms: [] }), [])
})

over('a request gets its txn_id back, and marks the user as online', async (world) => {
  const [alice, bob] = [await world.login('alice'), await world.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(room)
  assert.equal((await new Slider(alice).sync({ txn_id: 'x"y' })).txn_id, 'x"y')
  assert.equal((await bob.req<{ presence: string }>('GET', `/presence/${alice.userId}/status`)).presence, 'online')
})
