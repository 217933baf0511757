// Many events at once, a server that is away, and two that are cut off from each other.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { serverOf } from '../../../src/matrix/ids.ts'
import type { Client } from '../../harness/client.ts'
import { agree, newest, oneWorld, sees, stands, tells, until } from './world.ts'

const enc = encodeURIComponent
const { skip, world, fresh, close } = oneWorld()
after(close)

async function pair(version = '11'): Promise<{ alice: Client; bob: Client; roomId: string }> {
  const { latchkey, synapse: theirs } = await world()
  const [alice, bob] = [await latchkey.login(fresh('alice')), await theirs.register(fresh('bob'))]
  const roomId = await alice.createRoom({
    preset: 'public_chat',
    room_version: version,
    power_level_content_override: { events_default: 0, state_default: 0, users_default: 0 },
  })
  await bob.req('POST', `/join/${enc(roomId)}?server_name=${latchkey.name}&via=${latchkey.name}`, {})
  await stands([alice, bob], roomId, bob.userId, 'join')
  return { alice, bob, roomId }
}

async function said(client: Client, roomId: string): Promise<Set<string>> {
  const texts = new Set<string>()
  let from = ''
  for (;;) {
    const page = await client.req<{ chunk: { content: { body?: string } }[]; end?: string }>(
      'GET',
      `/rooms/${enc(roomId)}/messages?dir=b&limit=500${from}`,
    )
    for (const { content } of page.chunk) if (content.body !== undefined) texts.add(content.body)
    if (page.end === undefined || page.chunk.length === 0) return texts
    from = `&from=${enc(page.end)}`
  }
}

test('500 messages each way at once arrive, and the state is one', { skip }, async () => {
  const { alice, bob, roomId } = await pair()
  const talk = async (who: Client): Promise<void> => {
    for (let i = 0; i < 500; i++) await who.send(roomId, `${who.userId} ${i}`)
  }
  await Promise.all([talk(alice), talk(bob)])
  for (const [client, other] of [
    [alice, bob],
    [bob, alice],
  ] as const)
    await until(`${client.userId} has all`, async () => {
      const texts = await said(client, roomId)
      return Array.from({ length: 500 }, (_, i) => texts.has(`${other.userId} ${i}`)).every(Boolean)
    })
  await agree(alice, bob, roomId)
})

test('what was said before somebody came is read by them, both ways', { skip }, async () => {
  const { latchkey, synapse: theirs } = await world()
  const [alice, bob] = [await latchkey.login(fresh('alice')), await theirs.register(fresh('bob'))]
  for (const [host, guest] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    const roomId = await host.createRoom({ preset: 'public_chat' })
    for (let i = 0; i < 130; i++) await host.send(roomId, `old ${i}`)
    const via = serverOf(host.userId)
    await guest.req('POST', `/join/${enc(roomId)}?server_name=${via}&via=${via}`, {})
    await until(`${guest.userId} has all`, async () => {
      const texts = await said(guest, roomId)
      return Array.from({ length: 130 }, (_, i) => texts.has(`old ${i}`)).every(Boolean)
    })
  }
})

test('a Synapse that was away catches up, and so do we', { skip }, async () => {
  const { alice, bob, roomId } = await pair()
  const { synapse: theirs } = await world()
  await tells(alice, bob, roomId, 'before')
  await theirs.stop()
  const ids: string[] = []
  for (let i = 0; i < 30; i++) ids.push(await alice.send(roomId, `while you were away ${i}`))
  await theirs.start()
  // What is heard of it ends the pause.
  await bob.send(roomId, 'back again')
  for (const id of ids) await sees(bob, roomId, id)
  await agree(alice, bob, roomId)
})

for (const version of ['10', '12'])
  test(`what went different ways while nobody answered becomes one state, version ${version}`, { skip }, async () => {
    const { alice, bob, roomId } = await pair(version)
    const { cut, heal } = await world()
    await tells(alice, bob, roomId, 'before')
    cut()
    for (let i = 0; i < 5; i++) {
      await alice.setState(roomId, 'm.room.topic', { topic: `ours ${i}` })
      await bob.setState(roomId, 'm.room.topic', { topic: `theirs ${i}` })
      await alice.setState(roomId, 'org.example.side', { side: 'ours', i })
      await bob.setState(roomId, 'org.example.side', { side: 'theirs', i })
      await alice.send(roomId, `alone ${i}`)
      await bob.send(roomId, `alone, too ${i}`)
    }
    heal()
    const last = await alice.send(roomId, 'are you there?')
    await sees(bob, roomId, last)
    const answer = await bob.send(roomId, 'I am')
    await sees(alice, roomId, answer)
    await agree(alice, bob, roomId)
    const texts = new Set((await newest(alice, roomId, 100)).map(({ content }) => content['body']))
    assert.ok(texts.has('alone, too 0') && texts.has('alone 4'))
  })
