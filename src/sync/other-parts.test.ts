import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import type { Client, SyncBody } from '../../test/harness/client.ts'
import { canonicalJson } from '../matrix/json.ts'
import { at, filtered, inRoom, joinedIn, over, timeline } from './fixture.test.ts'

const receipt = (client: Client, room: string, event: string, type = 'm.read', body = {}): Promise<unknown> =>
  client.req('POST', inRoom(room, `/receipt/${type}/${encodeURIComponent(event)}`), body)
const typing = (client: Client, room: string, is: boolean): Promise<unknown> =>
  client.req(
    'PUT',
    inRoom(room, `/typing/${encodeURIComponent(client.userId)}`),
    is ? { typing: true, timeout: 30_000 } : { typing: false },
  )
const ephemeral = (body: SyncBody, room: string, type: string): unknown[] =>
  joinedIn(body, room)
    .ephemeral?.events.filter((event) => event.type === type)
    .map(({ content }) => content) ?? []
const counts = (body: SyncBody, room: string): number[] => {
  const { notification_count: all, highlight_count: highlights } =
    joinedIn(body, room).unread_notifications ?? assert.fail()
  return [all, highlights]
}

over('account data and tags come when they change, and all of them at first', async (stage) => {
  const [alice, other] = [await stage.login('alice'), await stage.login('alice')]
  const room = await alice.createRoom()
  await alice.sync()
  await other.req('PUT', at(alice, '/account_data/test'), { one: 1 })
  await other.req('PUT', at(alice, '/account_data/test'), { two: 2 })
  await other.req('PUT', at(alice, `/rooms/${encodeURIComponent(room)}/tags/m.favourite`), { order: 0.5 })
  await stage.between()
  const { since } = alice
  const tag = { type: 'm.tag', content: { tags: { 'm.favourite': { order: 0.5 } } } }
  const body = await alice.sync()
  assert.deepEqual(body.account_data?.events, [{ type: 'test', content: { two: 2 } }])
  assert.deepEqual([joinedIn(body, room).account_data?.events, timeline(joinedIn(body, room))], [[tag], []])
  assert.equal((await alice.sync()).account_data, undefined)
  alice.since = undefined
  const first = await alice.sync()
  assert.ok(
    first.account_data?.events.some(({ type }) => type === 'm.push_rules') &&
      first.account_data.events.some(({ type }) => type === 'test'),
  )
  assert.deepEqual(joinedIn(first, room).account_data?.events, [tag])
  await other.req('DELETE', at(alice, `/rooms/${encodeURIComponent(room)}/tags/m.favourite`))
  alice.since = since
  assert.deepEqual(joinedIn(await alice.sync(), room).account_data?.events, [{ type: 'm.tag', content: { tags: {} } }])
})

over('who types is told while they do, and that they stopped', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(room)
  await bob.sync()
  await typing(alice, room, true)
  assert.deepEqual(ephemeral(await bob.sync(), room, 'm.typing'), [{ user_ids: [alice.userId] }])
  bob.since = undefined
  assert.deepEqual(ephemeral(await bob.sync(), room, 'm.typing'), [{ user_ids: [alice.userId] }])
  if (stage.kind === 'memory') await typing(alice, room, false)
  else await stage.restart()
  await alice.send(room, 'said')
  assert.deepEqual(ephemeral(await bob.sync(), room, 'm.typing'), [{ user_ids: [] }])
})

over('receipts of others come when they are public, the own ones always, threads kept apart', async (stage) => {
  const [alice, bob, carol] = [await stage.login('alice'), await stage.login('bob'), await stage.login('carol')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  for (const one of [bob, carol]) await one.join(room)
  const root = await alice.send(room, 'root')
  const reply = await alice.send(room, {
    msgtype: 'm.text',
    body: 'reply',
    'm.relates_to': { rel_type: 'm.thread', event_id: root },
  })
  for (const one of [alice, bob, carol]) await one.sync()
  await receipt(carol, room, root, 'm.read', { thread_id: 'main' })
  await receipt(carol, room, reply, 'm.read', { thread_id: root })
  await receipt(bob, room, root, 'm.read.private')
  await stage.between()
  const { since } = bob
  const readers = (content: unknown): Record<string, unknown> =>
    JSON.parse(JSON.stringify(content, (key, value: unknown) => (key === 'ts' ? undefined : value))) as Record<
      string,
      unknown
    >
  const expected = {
    [root]: { 'm.read': { [carol.userId]: { thread_id: 'main' } } },
    [reply]: { 'm.read': { [carol.userId]: { thread_id: root } } },
  }
  assert.deepEqual(ephemeral(await alice.sync(), room, 'm.receipt').map(readers), [expected])
  const own = [{ ...expected, [root]: { ...expected[root], 'm.read.private': { [bob.userId]: {} } } }]
  assert.deepEqual(ephemeral(await bob.sync(), room, 'm.receipt').map(readers), own)
  bob.since = undefined
  assert.deepEqual(ephemeral(await bob.sync(), room, 'm.receipt').map(readers), own)
  bob.since = since
  const late = await stage.login('dave')
  await late.sync()
  await late.join(room)
  await stage.between()
  assert.deepEqual(
    ephemeral(await late.sync(), room, 'm.receipt').map(readers),
    [expected],
    'a room that is new brings its old receipts',
  )
})

over('counts of unread messages go up, and to zero when they are read, in all or by thread', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(room)
  await bob.sync()
  const root = await alice.send(room, 'root')
  await alice.send(room, { msgtype: 'm.text', body: 'bob', 'm.mentions': { user_ids: [bob.userId] } })
  const reply = await alice.send(room, {
    msgtype: 'm.text',
    body: 'reply',
    'm.relates_to': { rel_type: 'm.thread', event_id: root },
  })
  await stage.between()
  const { since } = bob
  assert.deepEqual(counts(await bob.sync(), room), [3, 1])
  bob.since = since
  const byThread = { room: { timeline: { unread_thread_notifications: true } } }
  const threaded = await filtered(bob, byThread)
  assert.deepEqual(counts(threaded, room), [2, 1])
  assert.deepEqual(joinedIn(threaded, room).unread_thread_notifications, {
    [root]: { notification_count: 1, highlight_count: 0 },
  })
  await receipt(bob, room, reply, 'm.read.private', { thread_id: root })
  await stage.between()
  const read = await filtered(bob, byThread)
  assert.deepEqual([counts(read, room), joinedIn(read, room).unread_thread_notifications], [[2, 1], {}])
  await receipt(bob, room, reply)
  await stage.between()
  assert.deepEqual(counts(await bob.sync(), room), [0, 0])
  bob.since = undefined
  assert.deepEqual(counts(await bob.sync(), room), [0, 0])
})

over('who is there is told to those who share a room', async (stage) => {
  const [alice, bob, carol] = [await stage.login('alice'), await stage.login('bob'), await stage.login('carol')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(room)
  await bob.sync()
  await alice.req('PUT', `/presence/${encodeURIComponent(alice.userId)}/status`, {
    presence: 'online',
    status_msg: 'busy',
  })
  const told = await bob.syncUntil((body) => body.presence?.events.find(({ sender }) => sender === alice.userId))
  assert.equal(told.content['status_msg'], 'busy')
  await carol.sync()
  assert.equal((await carol.sync()).presence?.events.some(({ sender }) => sender === alice.userId) ?? false, false)
  await carol.join(room)
  assert.ok(
    await carol.syncUntil((body) => body.presence?.events.find(({ sender }) => sender === alice.userId)),
    'also to who comes later',
  )
  await stage.restart()
  await bob.sync({ set_presence: 'offline' })
  bob.since = undefined
  assert.equal(
    (await bob.sync({ set_presence: 'offline' })).presence?.events.some(({ sender }) => sender === bob.userId) ?? false,
    false,
  )
})

over('the members of a room learn of the presence of who joins, and everybody of their own once', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  const of = (body: SyncBody, who: Client): number =>
    body.presence?.events.filter(({ sender }) => sender === who.userId).length ?? 0
  assert.equal(of(await alice.sync(), alice), 1)
  const quiet = await alice.sync({ timeout: 300 })
  assert.equal(of(quiet, alice), 0, 'a sync right after the first one sleeps')
  await bob.sync()
  await alice.sync()
  await bob.join(room)
  const told = await alice.syncUntil((body) => body.presence?.events.find(({ sender }) => sender === bob.userId))
  assert.equal(told.content['presence'], 'online')
  await bob.req('PUT', `/profile/${encodeURIComponent(bob.userId)}/displayname`, { displayname: 'Bob' })
  assert.ok(await alice.syncUntil((body) => body.presence?.events.find(({ sender }) => sender === bob.userId)))
})

over(
  'where presence is switched off nobody is told of any',
  async (stage) => {
    const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
    const room = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(room)
    for (const one of [alice, bob, alice, bob]) assert.equal((await one.sync()).presence, undefined)
  },
  { presence: false },
)

over('of ignored users neither messages nor invites come, but state does', async (stage) => {
  const [alice, bob, mallory] = [await stage.login('alice'), await stage.login('bob'), await stage.login('mallory')]
  const room = await mallory.createRoom({ preset: 'public_chat' })
  for (const one of [alice, bob]) await one.join(room)
  await alice.sync()
  await alice.req('PUT', at(alice, '/account_data/m.ignored_user_list'), { ignored_users: { [mallory.userId]: {} } })
  await mallory.send(room, 'unwanted')
  await bob.send(room, 'wanted')
  await mallory.setState(room, 'm.room.name', { name: 'Kitchen' })
  const invited = await mallory.createRoom({ invite: [alice.userId] })
  await stage.between()
  const { since } = alice
  const body = await alice.sync()
  assert.deepEqual(
    [timeline(joinedIn(body, room)), counts(body, room)],
    [
      ['wanted', 'name "Kitchen"'],
      [1, 0],
    ],
  )
  assert.equal(body.rooms?.invite, undefined)
  alice.since = undefined
  const first = await alice.sync()
  assert.ok(!JSON.stringify(first).includes('unwanted') && !first.rooms?.invite)
  await alice.req('PUT', at(alice, '/account_data/m.ignored_user_list'), { ignored_users: {} })
  await stage.between()
  alice.since = since
  const again = await alice.sync()
  assert.deepEqual(timeline(joinedIn(again, room)), ['unwanted', 'wanted', 'name "Kitchen"'])
  assert.ok(again.rooms?.invite?.[invited])
})

over('messages to a device come once, and again while nothing shows that they came', async (stage) => {
  const [alice, bob, other] = [await stage.login('alice'), await stage.login('bob'), await stage.login('bob')]
  for (const one of [bob, other]) await one.sync()
  await alice.req('PUT', '/sendToDevice/test/t1', { messages: { [bob.userId]: { [bob.deviceId]: { one: 1 } } } })
  await stage.between()
  const { since } = bob
  const expected = [{ type: 'test', sender: alice.userId, content: { one: 1 } }]
  assert.deepEqual((await bob.sync()).to_device?.events, expected)
  bob.since = since
  await stage.between()
  assert.deepEqual((await bob.sync()).to_device?.events, expected, 'the answer may have been lost')
  await stage.between()
  assert.equal((await bob.sync()).to_device, undefined)
  bob.since = since
  assert.equal((await bob.sync()).to_device, undefined, 'proved to have come, it is gone')
  assert.equal((await other.sync()).to_device, undefined)
})

function signedKeys({ userId, deviceId }: Client): object {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const base64 = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')
  const name = `ed25519:${deviceId}`
  const keys = {
    user_id: userId,
    device_id: deviceId,
    algorithms: [],
    keys: { [name]: base64(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)) },
  }
  return {
    ...keys,
    signatures: { [userId]: { [name]: base64(sign(null, Buffer.from(canonicalJson(keys)), privateKey)) } },
  }
}

over('device lists name who shares a room now and has new devices, and who does no longer', async (stage) => {
  const [alice, bob, carol, dave] = [
    await stage.login('alice'),
    await stage.login('bob'),
    await stage.login('carol'),
    await stage.login('dave'),
  ]
  const room = await alice.createRoom({ preset: 'public_chat' })
  const next = async (one: Client): Promise<{ changed: string[]; left: string[] }> => {
    await stage.between()
    const { changed = [], left = [] } = (await one.sync({ filter: '{"room":{"rooms":[]}}' })).device_lists ?? {}
    return { changed: changed.toSorted(), left: left.toSorted() }
  }
  for (const one of [alice, bob, carol, dave]) await one.sync()
  await bob.join(room)
  assert.deepEqual(await next(alice), { changed: [bob.userId], left: [] })
  assert.deepEqual(await next(bob), { changed: [alice.userId], left: [] })
  await bob.req('PUT', `/profile/${encodeURIComponent(bob.userId)}/displayname`, { displayname: 'Robert' })
  assert.deepEqual(await next(alice), { changed: [], left: [] }, 'a new name is no new device')
  const upload = (one: Client): Promise<unknown> => one.req('POST', '/keys/upload', { device_keys: signedKeys(one) })
  await upload(bob)
  await upload(dave)
  assert.deepEqual(await next(alice), { changed: [bob.userId], left: [] }, 'dave is in no room of alice')
  await carol.join(room)
  await bob.leave(room)
  assert.deepEqual(await next(alice), { changed: [carol.userId], left: [bob.userId] })
  assert.deepEqual(
    await next(bob),
    { changed: [bob.userId], left: [alice.userId, carol.userId] },
    'and the own new device',
  )
  await carol.leave(room)
  await alice.leave(room)
  assert.deepEqual(await next(alice), { changed: [], left: [carol.userId] }, 'who left before oneself, too')
})
