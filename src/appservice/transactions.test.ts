import assert from 'node:assert/strict'
import type { Client } from '../../test/harness/client.ts'
import { enc, until, withService, type World } from './fixture.test.ts'

/** A room that alice made and bob, of the service, is in. */
async function bridged({ server, bridge }: World): Promise<{
  alice: Client
  bob: string
  roomId: string
  room: string
  say: (text: string) => Promise<string>
}> {
  const alice = await server.login('alice')
  const bob = await bridge.ghost('_irc_bob')
  const { room_id: roomId } = await alice.req<{ room_id: string }>('POST', '/createRoom', { preset: 'public_chat' })
  await bridge.req('POST', `/join/${enc(roomId)}`, {}, bob)
  const room = `/rooms/${enc(roomId)}`
  const say = async (text: string) =>
    (
      await alice.req<{ event_id: string }>('PUT', `${room}/send/m.room.message/${Math.random()}`, {
        msgtype: 'm.text',
        body: text,
      })
    ).event_id
  return { alice, bob, roomId, room, say }
}

withService(
  'a service is told of what its users are in, sent or have done to them, in order, and of nothing else',
  {},
  async (world) => {
    const { irc, server, bridge } = world
    const { alice, bob, roomId, room, say } = await bridged(world)
    await say('first')
    const { room_id: other } = await alice.req<{ room_id: string }>('POST', '/createRoom', {})
    await alice.req('PUT', `/rooms/${enc(other)}/send/m.room.message/1`, { msgtype: 'm.text', body: 'not for bridges' })
    await say('second')
    await until(() => irc.texts.includes('second'))
    assert.deepEqual(irc.texts, ['first', 'second'])
    const [join] = irc.events
    assert.deepEqual([join?.type, join?.state_key, join?.room_id, join?.sender], ['m.room.member', bob, roomId, bob])
    assert.ok(
      irc.asked.every(
        ({ token, path, method }) =>
          token === 'Bearer hs_token_of_irc_which_is_long' &&
          method === 'PUT' &&
          path.startsWith('/_matrix/app/v1/transactions/'),
      ),
    )
    // An invitation concerns it though it is not in the room.
    await alice.req('POST', `/rooms/${enc(other)}/invite`, { user_id: bob })
    await until(() => irc.events.some(({ room_id: id }) => id === other))
    assert.equal(irc.events.at(-1)?.content['membership'], 'invite')
    // Once its last user is gone, it hears no more; of that it hears.
    await say('before the kick')
    await alice.req('POST', `${room}/kick`, { user_id: bob })
    await say('after the kick')
    await bridge.req('POST', `/join/${enc(roomId)}`, {}, bob)
    await say('back again')
    await until(() => irc.texts.includes('back again'))
    assert.deepEqual(irc.texts, ['first', 'second', 'before the kick', 'back again'])
    assert.equal(new Set(irc.taken.map(({ id }) => id)).size, irc.taken.length)
    await (await server.login('carol')).req('GET', '/account/whoami')
  },
)

withService('a burst comes in batches of at most a hundred, in order and each event once', {}, async (world) => {
  const { irc } = world
  const { alice, room } = await bridged(world)
  await until(() => irc.events.length > 0)
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  irc.answer = async () => {
    await held
    return undefined
  }
  const sends = Array.from({ length: 350 }, (_, index) =>
    alice.req<{ event_id: string }>('PUT', `${room}/send/m.room.message/b${index}`, {
      msgtype: 'm.text',
      body: `${index}`,
    }),
  )
  await Promise.all(sends)
  release()
  await until(
    () => irc.texts.length >= 350,
    () => irc.texts.length,
  )
  const { chunk } = await alice.req<{ chunk: Array<{ event_id: string; type: string }> }>(
    'GET',
    `${room}/messages?dir=b&limit=350`,
  )
  const messages = irc.events.filter(({ type }) => type === 'm.room.message')
  assert.deepEqual(
    messages.map((event) => event.event_id),
    chunk
      .filter(({ type }) => type === 'm.room.message')
      .map((event) => event.event_id)
      .toReversed(),
  )
  assert.ok(
    irc.taken.every(({ events }) => events.length <= 100) && irc.taken.some(({ events }) => events.length === 100),
  )
})

withService('what is not taken is sent again in the same words, and nothing overtakes it', {}, async (world) => {
  const { irc, bridge } = world
  const { say } = await bridged(world)
  await until(() => irc.events.length > 0)
  let refusals = 0
  irc.answer = () => (++refusals <= 2 ? { status: 500, json: {} } : undefined)
  await say('one')
  await until(() => refusals > 0)
  await say('two')
  await until(() => irc.texts.length === 2)
  assert.deepEqual(irc.texts, ['one', 'two'])
  const tries = irc.asked.filter(({ body }) => body.includes('"one"'))
  assert.equal(tries.length, 3)
  assert.equal(new Set(tries.map(({ path, body }) => path + body)).size, 1)
  // One that was away is asked at once when it says that it is there.
  await irc.deafen()
  await say('three')
  await new Promise((resolve) => setTimeout(resolve, 50))
  await irc.listen()
  assert.equal(await bridge.outcome('POST', '/_matrix/client/v1/appservice/irc/ping', { transaction_id: 'x' }), '200')
  await until(() => irc.texts.length === 3)
})

withService(
  "rooms of its namespaces of rooms and aliases are a service's, whoever is in them",
  {
    namespaces: { users: [], aliases: [{ exclusive: false, regex: '#_irc_.*' }], rooms: [] },
  },
  async (world) => {
    const { irc, server } = world
    const alice = await server.login('alice')
    const { room_id: roomId } = await alice.req<{ room_id: string }>('POST', '/createRoom', {})
    const say = (text: string) =>
      alice.req('PUT', `/rooms/${enc(roomId)}/send/m.room.message/${text}`, { msgtype: 'm.text', body: text })
    await say('unseen')
    const alias = `/directory/room/${enc('#_irc_chat:test')}`
    await alice.req('PUT', alias, { room_id: roomId })
    await say('seen')
    await until(() => irc.texts.length > 0)
    await alice.req('DELETE', alias)
    await say('unseen again')
    await alice.req('PUT', alias, { room_id: roomId })
    await say('last')
    await until(() => irc.texts.includes('last'))
    assert.deepEqual(irc.texts, ['seen', 'last'])
  },
)

withService(
  'typing, receipts and presence come under the names that are asked for',
  { receive_ephemeral: true, 'de.sorunome.msc2409.push_ephemeral': true },
  async (world) => {
    const { irc } = world
    const { alice, roomId, room, say } = await bridged(world)
    const eventId = await say('read this')
    await alice.req('PUT', `${room}/typing/${enc(alice.userId)}`, { typing: true, timeout: 30_000 })
    await alice.req('POST', `${room}/receipt/m.read.private/${enc(eventId)}`, {})
    await alice.req('POST', `${room}/receipt/m.read/${enc(eventId)}`, {})
    await alice.req('PUT', `/presence/${enc(alice.userId)}/status`, { presence: 'online', status_msg: 'there' })
    type Told = { type: string; room_id?: string; sender?: string; content: Record<string, unknown> }
    const told = (): Told[] => irc.taken.flatMap(({ body }) => (body['ephemeral'] ?? []) as Told[])
    await until(
      () => ['m.typing', 'm.receipt', 'm.presence'].every((type) => told().some((one) => one.type === type)),
      told,
    )
    assert.deepEqual(
      told().find(({ type }) => type === 'm.typing'),
      { type: 'm.typing', room_id: roomId, content: { user_ids: [alice.userId] } },
    )
    const receipts = told().filter(({ type }) => type === 'm.receipt')
    assert.deepEqual(
      receipts.flatMap(({ content }) =>
        Object.entries(content).map(([id, byType]) => [id, ...Object.keys(byType as object)]),
      ),
      [[eventId, 'm.read']],
    )
    assert.equal(receipts[0]?.room_id, roomId)
    assert.ok(
      told().some(
        ({ type, sender, content }) =>
          type === 'm.presence' && sender === alice.userId && content['status_msg'] === 'there',
      ),
    )
    for (const { body } of irc.taken) assert.deepEqual(body['de.sorunome.msc2409.ephemeral'], body['ephemeral'])
  },
)

withService('a service that does not want it gets nothing ephemeral', {}, async (world) => {
  const { irc } = world
  const { alice, room, say } = await bridged(world)
  await alice.req('PUT', `${room}/typing/${enc(alice.userId)}`, { typing: true, timeout: 30_000 })
  await say('after')
  await until(() => irc.texts.includes('after'))
  for (const { body } of irc.taken) assert.deepEqual(Object.keys(body), ['events'])
})
