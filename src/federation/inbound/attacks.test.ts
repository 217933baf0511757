import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client } from '../../../test/harness/client.ts'
import { startNetwork, type Network } from '../../../test/harness/federation.ts'
import { databases } from '../../../test/harness/postgres.ts'
import { joinAs } from '../fixture.test.ts'

const enc = encodeURIComponent

const over = (name: string, body: (net: Network) => Promise<void>): void => {
  for (const db of databases)
    test(`${name} (${db.name})`, async () => {
      await using net = await startNetwork(['hs1.test'], {
        database: () => db.open(),
        strangers: ['s.test', 'evil.test'],
      })
      await body(net)
    })
}

const hears = (client: Client, roomId: string, text: string): Promise<unknown> =>
  client.syncUntil(({ rooms }) =>
    rooms?.join?.[roomId]?.timeline.events.find(({ content }) => content['body'] === text),
  )

over('texts with a zero in them are taken as they are', async (net) => {
  const [server, stranger] = [net.at('hs1.test'), await net.stranger('s.test')]
  const alice = await server.login('alice')
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await alice.sync()
  const bob = await joinAs(stranger, server, roomId, '@bob:s.test', { displayname: 'a\0b', avatar_url: 'mxc://\0' })
  assert.equal(bob.joined.status, 200, bob.joined.raw.toString())
  const list = ['odd\0type', 'm.room.message'].map(
    (type) => bob.make({ type, content: { body: 'odd\0text' }, prev: [bob.joinId] }).pdu,
  )
  const relation = { 'm.relates_to': { rel_type: 'm.thread\0', event_id: '$x\0', key: '\0' } }
  const related = bob.make({ type: 'm.reaction', content: relation })
  const last = bob.make({ type: 'm.room.message', content: { msgtype: 'm.text', body: 'the last' } })
  const answer = await stranger.send(server, { pdus: [...list, related.pdu, last.pdu] })
  assert.equal(answer.status, 200)
  await hears(alice, roomId, 'the last')
})

over('an event that names one of another room before it is not taken', async (net) => {
  const [server, stranger] = [net.at('hs1.test'), await net.stranger('s.test')]
  const alice = await server.login('alice')
  for (const version of ['1', '10', '12']) {
    const mine = await alice.createRoom({ preset: 'public_chat', room_version: version })
    const other = await alice.createRoom({ preset: 'public_chat', room_version: version })
    await alice.sync()
    const [bob, there] = [
      await joinAs(stranger, server, mine, '@bob:s.test'),
      await joinAs(stranger, server, other, '@bob:s.test'),
    ]
    const wrong = bob.make({ type: 'm.room.message', content: { body: 'wrong' }, prev: [bob.joinId, there.joinId] })
    const good = bob.make({ type: 'm.room.message', content: { body: 'good' }, prev: [bob.joinId] })
    await stranger.send(server, { pdus: [wrong.pdu, good.pdu] })
    await hears(alice, mine, 'good')
    const { status } = await alice.ask('GET', `/rooms/${enc(mine)}/event/${enc(wrong.id)}`)
    assert.equal(status, 404, `version ${version}`)
  }
})

over('forks of whoever may not set state undo nothing that others have settled', async (net) => {
  const [server, stranger] = [net.at('hs1.test'), await net.stranger('s.test')]
  const alice = await server.login('alice')
  const roomId = await alice.createRoom({ preset: 'public_chat', name: 'before' })
  await alice.sync()
  const bob = await joinAs(stranger, server, roomId, '@bob:s.test')
  await alice.setState(roomId, 'm.room.name', { name: 'after' })
  const said = bob.make({ type: 'm.room.message', content: { body: 'shown all the same' }, prev: [bob.joinId] })
  const forks = Array.from({ length: 110 }, (_, index) =>
    bob.make({
      type: 'm.room.member',
      stateKey: '@bob:s.test',
      content: { membership: 'join', displayname: `b${index}` },
      prev: [bob.joinId],
      auth: bob.joinAuth,
      depth: Number.MAX_SAFE_INTEGER - 200 + index,
    }),
  )
  for (let start = 0; start < forks.length; start += 50)
    assert.equal(
      (await stranger.send(server, { pdus: forks.slice(start, start + 50).map(({ pdu }) => pdu) })).status,
      200,
    )
  await stranger.send(server, { pdus: [said.pdu] })
  await hears(alice, roomId, 'shown all the same')
  const name = () => alice.req('GET', `/rooms/${enc(roomId)}/state/m.room.name`)
  assert.deepEqual(await name(), { name: 'after' })
  for (let count = 0; count < 4; count++) await alice.send(roomId, 'healing')
  assert.deepEqual(await name(), { name: 'after' })
})

over('an unsigned copy does not take the place of the event', async (net) => {
  const [server, stranger, evil] = [net.at('hs1.test'), await net.stranger('s.test'), await net.stranger('evil.test')]
  const alice = await server.login('alice')
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await alice.sync()
  const bob = await joinAs(stranger, server, roomId, '@bob:s.test')
  const unsigned = bob.make({ type: 'm.room.message', content: { body: 'unsigned' }, prev: [bob.joinId] })
  const { status, body } = await evil.send(server, { pdus: [{ ...unsigned.pdu, signatures: {} }] })
  assert.deepEqual(
    [status, body],
    [200, { pdus: { [unsigned.id]: { error: 'The event is not signed as it should be' } } }],
  )
  const same = await stranger.send(server, { pdus: [unsigned.pdu] })
  assert.deepEqual(same.body, { pdus: { [unsigned.id]: {} } })
  await hears(alice, roomId, 'unsigned')
})
