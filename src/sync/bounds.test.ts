import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Client } from '../../test/harness/client.ts'
import { startServer, type TestServer } from '../../test/harness/server.ts'
import { filtered, joinedIn } from './fixture.test.ts'
import { Slider } from './sliding/fixture.test.ts'

const large = 'x'.repeat(20_000)
const [roomCount, eventCount] = [10, 8]
const MiB = 1024 * 1024
const size = (value: unknown): number => JSON.stringify(value).length

let server: TestServer
let alice: Client
const rooms: string[] = []

/** Rooms with 1.6 MB of state, on a server that answers with 1 MiB. */
before(async () => {
  server = await startServer({ memory: 16 * MiB })
  alice = await server.login('alice')
  for (let index = 0; index < roomCount; index++) {
    const room = await alice.createRoom({})
    rooms.push(room)
    for (let key = 0; key < eventCount; key++)
      await alice.req('PUT', `/_matrix/client/v3/rooms/${room}/state/test.large/${key}`, { large })
  }
})
after(() => server[Symbol.asyncDispose]())

test('timelines of one answer are bounded in bytes, and what they leave out is to be had by paging back', async () => {
  alice.since = undefined
  const body = await filtered(alice, { room: { timeline: { limit: 100 }, state: { types: [] } } })
  assert.ok(size(body) < 0.8 * MiB, String(size(body)))
  for (const room of rooms) {
    const { events, limited, prev_batch: from } = joinedIn(body, room).timeline
    assert.ok(events.length > 0)
    if (limited !== true) continue
    const page = await alice.req<{ chunk: { event_id: string }[] }>(
      'GET',
      `/_matrix/client/v3/rooms/${room}/messages?dir=b&limit=1&from=${from}`,
    )
    assert.equal(
      events.some(({ event_id: id }) => id === page.chunk[0]?.event_id),
      false,
    )
  }
  assert.ok(rooms.some((room) => joinedIn(body, room).timeline.limited === true))
})

test('a sync that would be too large has the rest of the rooms in the next one', async () => {
  alice.since = undefined
  const seen = new Map<string, number>()
  let answers = 0
  for (; seen.size < roomCount && answers < 5; answers++) {
    const body = await alice.sync({ timeout: 10_000 })
    assert.ok(size(body) < 1.3 * MiB, String(size(body)))
    for (const [room, { state, timeline }] of Object.entries(body.rooms?.join ?? {})) {
      const keys = [...(state?.events ?? []), ...timeline.events].flatMap(({ type, state_key: key }) =>
        type === 'test.large' ? key : [],
      )
      seen.set(room, (seen.get(room) ?? 0) + new Set(keys).size)
    }
  }
  assert.ok(answers > 1)
  assert.deepEqual([...seen.values()], Array.from({ length: roomCount }).fill(eventCount))
})

test('a sliding sync that would be too large goes on in the next one, and tells of every room once', async () => {
  const slider = new Slider(alice)
  const wish = { lists: { all: { ranges: [[0, 99]], timeline_limit: 1, required_state: [['test.large', '*']] } } }
  const seen: string[] = []
  for (let answers = 0; seen.length < roomCount && answers < 5; answers++) {
    const reply = await slider.sync(wish, 10_000)
    assert.ok(size(reply) < 2 * MiB)
    for (const [room, { required_state: state }] of Object.entries(reply.rooms)) {
      seen.push(room)
      assert.equal(state?.length, eventCount)
    }
  }
  assert.deepEqual(seen.toSorted(), rooms.toSorted())
})

test('a sliding sync asks for so much, and no more', async () => {
  const slider = new Slider(alice, 'greedy')
  const pairs = (from: number, count: number): string[][] =>
    Array.from({ length: count }, (_, index) => ['test.large', `k${from + index}`])
  const lists = (count: number, each: (index: number) => string[][]): object => ({
    lists: Object.fromEntries(
      Array.from({ length: count }, (_, index) => [`l${index}`, { ranges: [[0, 9]], required_state: each(index) }]),
    ),
  })
  await slider.sync(lists(100, (index) => pairs(index, 5)))
  await slider.sync(lists(50, () => pairs(0, 200)))
  for (const [wish, code] of [
    [lists(101, () => []), 'M_INVALID_PARAM'],
    [lists(100, (index) => pairs(index * 10, 10)), 'M_INVALID_PARAM'],
    [lists(100, (index) => pairs(index, 100)), 'M_INVALID_PARAM'],
    [lists(1, () => pairs(0, 501)), 'M_BAD_JSON'],
    [lists(1, () => [['x'.repeat(256), '']]), 'M_BAD_JSON'],
    [
      { room_subscriptions: Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`!${index}:test`, {}])) },
      'M_INVALID_PARAM',
    ],
  ] as const)
    assert.equal(await slider.refusal(wish), `400 ${code}`)
})
