import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startNetwork, type Stranger } from '../../../test/harness/federation.ts'
import { until } from '../../../test/harness/person.ts'
import { databases } from '../../../test/harness/postgres.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { listDestinations } from '../destinations.ts'
import { addMember } from '../fixture.test.ts'

const sqlite = databases[0]!.open

interface Sent {
  pdus: (JsonObject & { type: string; content: JsonObject })[]
  edus: { edu_type: string; content: JsonObject }[]
}

/** What the stranger was sent, in order. */
const sentTo = (stranger: Stranger): Sent => {
  const all = stranger.asked.filter(({ path }) => path.includes('/send/')).map(({ content }) => content as Sent)
  return { pdus: all.flatMap(({ pdus }) => pdus), edus: all.flatMap(({ edus }) => edus) }
}
const bodies = (stranger: Stranger): unknown[] =>
  sentTo(stranger)
    .pdus.filter(({ type }) => type === 'm.room.message')
    .map(({ content }) => content['body'])

test('a server in the room is told of events in order, and of typing, receipts, devices and messages to them', async () => {
  await using net = await startNetwork(['hs1.test'], { database: sqlite, strangers: ['s.test', 'other.test'] })
  const [server, stranger, other] = [net.at('hs1.test'), await net.stranger('s.test'), await net.stranger('other.test')]
  stranger.answer(({ path }) => (path.includes('/send/') ? { body: { pdus: {} } } : undefined))
  let alice = await server.login('alice')
  const { room_id: roomId } = (await alice.ask<{ room_id: string }>('POST', '/createRoom', { preset: 'public_chat' }))
    .body
  await addMember(server, roomId, '@bob:s.test')
  alice = await server.login('alice')
  const path = `/rooms/${encodeURIComponent(roomId)}`
  for (let index = 0; index < 120; index++)
    await alice.ask('PUT', `${path}/send/m.room.message/t${index}`, { msgtype: 'm.text', body: `m${index}` })
  await until('120 messages', () => bodies(stranger).length >= 120)
  assert.deepEqual(
    bodies(stranger),
    Array.from({ length: 120 }, (_, index) => `m${index}`),
  )
  for (const { content } of stranger.asked) assert.ok((content as Sent).pdus.length <= 50)
  const [first] = sentTo(stranger).pdus
  assert.equal(first?.['unsigned'], undefined)
  assert.ok(JSON.stringify(first?.['signatures']).includes('hs1.test'))

  const eventId = (
    await alice.ask<{ event_id: string }>('PUT', `${path}/send/m.room.message/x`, { msgtype: 'm.text', body: 'x' })
  ).body.event_id
  await alice.ask('PUT', `${path}/typing/${alice.userId}`, { typing: true, timeout: 30_000 })
  await alice.ask('POST', `${path}/receipt/m.read/${encodeURIComponent(eventId)}`, {})
  await alice.ask('PUT', '/sendToDevice/m.secret/t1', {
    messages: { '@bob:s.test': { D: { a: 1 } }, '@eve:other.test': { '*': { b: 2 } } },
  })
  await alice.ask('PUT', '/sendToDevice/m.secret/t1', { messages: { '@bob:s.test': { D: { a: 1 } } } })
  await alice.ask('PUT', `/devices/${alice.deviceId}`, { display_name: 'phone' })
  const of = (type: string) =>
    sentTo(stranger)
      .edus.filter(({ edu_type: one }) => one === type)
      .map(({ content }) => content)
  await until('all of it', () =>
    ['m.typing', 'm.receipt', 'm.direct_to_device', 'm.device_list_update'].every((type) => of(type).length > 0),
  )
  assert.deepEqual(of('m.typing'), [{ room_id: roomId, user_id: '@alice:hs1.test', typing: true }])
  const receipt = of('m.receipt')[0]?.[roomId] as { 'm.read': Record<string, { event_ids: string[] }> }
  assert.deepEqual(receipt['m.read']['@alice:hs1.test']?.event_ids, [eventId])
  assert.equal(of('m.direct_to_device').length, 1, 'the same transaction again sends nothing')
  const [message] = of('m.direct_to_device')
  assert.deepEqual(
    [message?.['sender'], message?.['messages']],
    ['@alice:hs1.test', { '@bob:s.test': { D: { a: 1 } } }],
  )
  assert.equal(of('m.device_list_update').at(-1)?.['user_id'], '@alice:hs1.test')
  await until('the message to the other server', () => sentTo(other).edus.length > 0)
  assert.equal(sentTo(other).pdus.length, 0, 'who is not in the room is told nothing of it')
})

test('what a server refuses is passed over; what it missed it gets when it is heard of again, over a restart too', async () => {
  await using net = await startNetwork(['hs1.test'], { database: sqlite, strangers: ['s.test'] })
  const [server, stranger] = [net.at('hs1.test'), await net.stranger('s.test')]
  let alice = await server.login('alice')
  const { room_id: roomId } = (await alice.ask<{ room_id: string }>('POST', '/createRoom', { preset: 'public_chat' }))
    .body
  await addMember(server, roomId, '@bob:s.test')
  alice = await server.login('alice')
  let sent = 0
  const say = async (body: string): Promise<void> => {
    const path = `/rooms/${encodeURIComponent(roomId)}/send/m.room.message/n${++sent}`
    assert.equal((await alice.ask('PUT', path, { msgtype: 'm.text', body })).status, 200)
  }
  let mode: 'up' | 'down' | 'picky' = 'picky'
  stranger.answer(({ path, content }) => {
    if (!path.includes('/send/')) return undefined
    if (mode === 'down') return { status: 503, body: {} }
    const isPoison = JSON.stringify(content).includes('poison')
    return mode === 'picky' && isPoison ? { status: 400, body: { errcode: 'M_BAD_JSON' } } : { body: { pdus: {} } }
  })
  await say('one')
  await say('poison')
  await say('two')
  await until('what comes after the poison', () => bodies(stranger).includes('two'))
  // It may have come with the poison at first, and comes once more by itself.
  const destinations = () => listDestinations(server.homeserver.wires!.reach, server.homeserver.outbound!)
  await until('all of it is taken', () => destinations()[0]?.waiting.events === 0)

  mode = 'down'
  await say('three')
  await until('a failure', () => server.homeserver.wires!.reach.of('s.test').failures === 1)
  const before = stranger.asked.length
  await say('four')
  await alice.ask('PUT', '/sendToDevice/m.secret/t9', { messages: { '@bob:s.test': { D: { a: 9 } } } })
  await server.homeserver.outbound!.idle()
  assert.equal(stranger.asked.length, before, 'it is left alone for a while')
  const [told] = destinations()
  assert.deepEqual([told?.server, told?.failures, told?.waiting.events], ['s.test', 1, 2])
  mode = 'up'
  await stranger.ask(server, 'GET', '/_matrix/federation/v1/query/profile?user_id=@alice:hs1.test')
  await until('what it missed', () => bodies(stranger).includes('four'))
  assert.deepEqual(bodies(stranger).slice(-2), ['three', 'four'])
  await until('the message to a device', () =>
    sentTo(stranger).edus.some(({ content }) => JSON.stringify(content).includes('"a":9')),
  )

  mode = 'down'
  await say('five')
  await until('a failure', () => server.homeserver.wires!.reach.of('s.test').failures === 1)
  await say('six')
  await alice.ask('PUT', '/sendToDevice/m.secret/t10', { messages: { '@bob:s.test': { D: { a: 10 } } } })
  await server.stop()
  await server.start()
  assert.equal(
    server.homeserver.wires!.reach.of('s.test').failures,
    1,
    'how it can be reached is known after a restart',
  )
  mode = 'up'
  await stranger.ask(server, 'GET', '/_matrix/federation/v1/query/profile?user_id=@alice:hs1.test')
  await until('the newest event of the room', () => bodies(stranger).at(-1) === 'six')
  await until('the message to a device', () =>
    sentTo(stranger).edus.some(({ content }) => JSON.stringify(content).includes('"a":10')),
  )
})
