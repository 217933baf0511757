import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startNetwork } from '../../../test/harness/federation.ts'
import { databases } from '../../../test/harness/postgres.ts'
import { addMember } from '../fixture.test.ts'

test('what another server tells is taken of its own users alone, and only in rooms that these are in', async () => {
  await using net = await startNetwork(['hs1.test'], {
    database: databases[0]!.open,
    strangers: ['s.test', 'evil.test'],
  })
  const server = net.at('hs1.test')
  const [stranger, evil] = [await net.stranger('s.test'), await net.stranger('evil.test')]
  let alice = await server.login('alice')
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  const eventId = await alice.send(roomId, 'hello')
  await addMember(server, roomId, '@bob:s.test')
  alice = await server.login('alice')
  await alice.sync()

  const typing = (userId: string) => ({
    edu_type: 'm.typing',
    content: { room_id: roomId, user_id: userId, typing: true },
  })
  const receipt = (userId: string) => ({
    edu_type: 'm.receipt',
    content: { [roomId]: { 'm.read': { [userId]: { event_ids: [eventId], data: { ts: 1 } } } } },
  })
  const secret = (sender: string, id: string) => ({
    edu_type: 'm.direct_to_device',
    content: { sender, type: 'm.secret', message_id: id, messages: { [alice.userId]: { '*': { from: sender } } } },
  })
  const devices = (userId: string) => ({
    edu_type: 'm.device_list_update',
    content: { user_id: userId, device_id: 'D', stream_id: 1, prev_id: [] },
  })
  // Each of these is somebody else's to say, or nobody's.
  const lies = [
    typing('@bob:s.test'),
    receipt('@bob:s.test'),
    secret('@bob:s.test', 'm1'),
    devices('@bob:s.test'),
    typing('@stranger:evil.test'),
    receipt('@stranger:evil.test'),
    devices('@stranger:evil.test'),
    { edu_type: 'm.typing', content: [] },
    { edu_type: 'm.receipt', content: { [roomId]: { 'm.read': { '@bob:s.test': null } }, x: 5 } },
    { edu_type: 'constructor', content: {} },
    null,
    7,
  ]
  assert.equal((await evil.send(server, { edus: lies })).status, 200)
  const quiet = await alice.sync({ timeout: 0 })
  assert.deepEqual(quiet.rooms?.join ?? {}, {})
  assert.deepEqual(quiet.to_device?.events ?? [], [])
  assert.deepEqual(quiet.device_lists?.changed ?? [], [])

  const edus = [typing('@bob:s.test'), receipt('@bob:s.test'), secret('@bob:s.test', 'm1'), devices('@bob:s.test')]
  assert.deepEqual((await stranger.send(server, { edus }, 'again')).body, { pdus: {} })
  assert.deepEqual((await stranger.send(server, { edus }, 'again')).body, { pdus: {} })
  assert.deepEqual((await stranger.send(server, { edus: [secret('@bob:s.test', 'm1')] })).status, 200)
  const news = await alice.sync({ timeout: 0 })
  const ephemeral = news.rooms?.join?.[roomId]?.ephemeral?.events ?? []
  assert.deepEqual(ephemeral.find(({ type }) => type === 'm.typing')?.content['user_ids'], ['@bob:s.test'])
  assert.ok(JSON.stringify(ephemeral.find(({ type }) => type === 'm.receipt')?.content).includes('@bob:s.test'))
  assert.deepEqual(
    news.to_device?.events.map(({ sender }) => sender),
    ['@bob:s.test'],
  )
  assert.deepEqual(news.device_lists?.changed, ['@bob:s.test'])

  await alice.setState(roomId, 'm.room.server_acl', { allow: ['*'], deny: ['S.test'] })
  await stranger.send(server, {
    edus: [{ ...typing('@bob:s.test'), content: { ...typing('@bob:s.test').content, typing: false } }],
  })
  const banned = await alice.sync({ timeout: 0 })
  assert.deepEqual(
    banned.rooms?.join?.[roomId]?.ephemeral?.events ?? [],
    [],
    'a server that the room denies says nothing',
  )
})

test('a transaction that is too large or malformed is refused whole', async () => {
  await using net = await startNetwork(['hs1.test'], { strangers: ['s.test'] })
  const [server, stranger] = [net.at('hs1.test'), await net.stranger('s.test')]
  const path = '/_matrix/federation/v1/send/t1'
  const outcome = (content: object) => stranger.outcome(server, 'PUT', path, content as never)
  assert.equal(await outcome({ edus: Array.from({ length: 101 }, () => ({})) }), '400 M_BAD_JSON')
  assert.equal(await outcome({ pdus: Array.from({ length: 51 }, () => ({})) }), '400 M_BAD_JSON')
  assert.equal(await outcome({ edus: {} }), '400 M_BAD_JSON')
  let deep: object = {}
  for (let level = 0; level < 2000; level++) deep = { deep }
  assert.match(await outcome({ edus: [deep] }), /^400/)
  assert.equal(await outcome({}), '200')
})
