import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client, ClientEvent } from '../../../test/harness/client.ts'
import { startNetwork, type Network } from '../../../test/harness/federation.ts'
import { databases } from '../../../test/harness/postgres.ts'

const enc = encodeURIComponent

const over = (name: string, body: (net: Network) => Promise<void>): void => {
  for (const db of databases)
    test(`${name} (${db.name})`, async () => {
      await using net = await startNetwork(['hs1.test', 'hs2.test'], { database: () => db.open() })
      await body(net)
    })
}

const people = async (net: Network): Promise<[Client, Client]> => [
  await net.at('hs1.test').login('alice'),
  await net.at('hs2.test').login('bob'),
]
const join = (who: Client, roomId: string) => who.req('POST', `/join/${enc(roomId)}?via=hs1.test`, {})

/** All that somebody sees of a room, the newest first. */
async function all(client: Client, roomId: string, limit = 20): Promise<ClientEvent[]> {
  const events: ClientEvent[] = []
  for (let from = ''; ;) {
    const page = await client.req<{ chunk: ClientEvent[]; end?: string }>(
      'GET',
      `/rooms/${enc(roomId)}/messages?dir=b&limit=${limit}${from}`,
    )
    events.push(...page.chunk)
    if (page.end === undefined) return events
    from = `&from=${page.end}`
  }
}
const ids = (events: readonly ClientEvent[]): string[] => events.map((event) => event.event_id)

for (const version of ['1', '11', '12'])
  over(`what was said before somebody came is read from other servers, version ${version}`, async (net) => {
    const [alice, bob] = await people(net)
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: version })
    for (let i = 0; i < 150; i++) await alice.send(roomId, `old ${i}`)
    await alice.setState(roomId, 'm.room.topic', { topic: 'then' })
    const slip = await alice.send(roomId, 'a slip')
    const edited = await alice.send(roomId, 'wrong')
    await alice.send(roomId, {
      msgtype: 'm.text',
      body: '* right',
      'm.new_content': { msgtype: 'm.text', body: 'right' },
      'm.relates_to': { rel_type: 'm.replace', event_id: edited },
    })
    await alice.req('PUT', `/rooms/${enc(roomId)}/redact/${enc(slip)}/x`, {})
    await join(bob, roomId)
    const [theirs, ours] = [await all(alice, roomId), await all(bob, roomId)]
    assert.deepEqual(ids(ours), ids(theirs))
    assert.deepEqual(ours.find((event) => event.event_id === slip)?.content, {})
    assert.equal(ours.find((event) => event.event_id === edited)?.content['body'], 'wrong')
    // It is here now: nobody has to be asked again, and no sync tells of it as of news.
    await net.at('hs1.test').stop()
    assert.deepEqual(ids(await all(bob, roomId, 100)), ids(theirs))
    const { rooms } = await bob.sync()
    assert.deepEqual(rooms?.join?.[roomId]?.timeline.events.at(-1)?.type, 'm.room.member')
    assert.equal((await bob.sync()).rooms?.join?.[roomId], undefined)
  })

over('an event from before somebody came is found by its id, with what was said around it', async (net) => {
  const [alice, bob] = await people(net)
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  const [before, wanted] = [await alice.send(roomId, 'before it'), await alice.send(roomId, 'the one')]
  for (let i = 0; i < 150; i++) await alice.send(roomId, `later ${i}`)
  await join(bob, roomId)
  const path = `/rooms/${enc(roomId)}`
  assert.equal(await bob.refusal('GET', `${path}/event/${enc('$'.padEnd(44, 'A'))}`), '404 M_NOT_FOUND')
  const event = await bob.req<ClientEvent>('GET', `${path}/event/${enc(wanted)}`)
  assert.equal(event.content['body'], 'the one')
  const around = await bob.req<{ events_before: ClientEvent[] }>('GET', `${path}/context/${enc(wanted)}?limit=2`)
  assert.deepEqual(ids(around.events_before), [before])
})

over('who may not see what was said before does not, and a server that is away ends no history', async (net) => {
  const [alice, bob] = await people(net)
  const roomId = await alice.createRoom({
    preset: 'public_chat',
    initial_state: [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } }],
  })
  for (let i = 0; i < 5; i++) await alice.send(roomId, `secret ${i}`)
  await join(bob, roomId)
  const seen = await all(bob, roomId)
  assert.ok(!JSON.stringify(seen).includes('secret'))

  const open = await alice.createRoom({ preset: 'public_chat' })
  for (let i = 0; i < 5; i++) await alice.send(open, `open ${i}`)
  await join(bob, open)
  await net.at('hs1.test').stop()
  const page = await bob.req<{ chunk: ClientEvent[]; end?: string }>('GET', `/rooms/${enc(open)}/messages?dir=b`)
  assert.ok(page.end !== undefined, 'the client may ask again')
  assert.deepEqual((await all(bob, open)).length, page.chunk.length, 'and comes to an end all the same')
  await net.at('hs1.test').start()
  await alice.send(open, 'here again').catch(() => undefined)
})
