import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startNetwork, type Network } from '../../../test/harness/federation.ts'
import type { Client } from '../../../test/harness/client.ts'
import { databases } from '../../../test/harness/postgres.ts'

const enc = encodeURIComponent

/** Syncs until the client has all these texts in a room, in whatever order; gives them in the order in which they came. */
const hears = async (client: Client, roomId: string, texts: readonly string[]): Promise<string[]> => {
  const heard: string[] = []
  for (let round = 0; round < 60 && !texts.every((text) => heard.includes(text)); round++) {
    const body = await client.sync({ timeout: 1000, filter: JSON.stringify({ room: { timeline: { limit: 100 } } }) })
    for (const { type, content } of body.rooms?.join?.[roomId]?.timeline.events ?? [])
      if (type === 'm.room.message') heard.push(String(content['body']))
  }
  assert.deepEqual(
    texts.filter((text) => !heard.includes(text)),
    [],
    `${client.userId} heard ${heard.join(', ')}`,
  )
  return heard
}

const stateOf = async (client: Client, roomId: string): Promise<string[]> =>
  (await client.req<{ type: string; state_key: string; event_id: string }[]>('GET', `/rooms/${enc(roomId)}/state`))
    .map(({ type, state_key: key, event_id: id }) => `${type} ${key} ${id}`)
    .toSorted()

const over = (name: string, body: (net: Network) => Promise<void>): void => {
  for (const db of databases)
    test(`${name} (${db.name})`, async () => {
      await using net = await startNetwork(['hs1.test', 'hs2.test'], { database: () => db.open() })
      await body(net)
    })
}

for (const version of ['1', '6', '10', '11', '12'])
  over(`users of two servers chat in a room of version ${version}`, async (net) => {
    const [alice, bob] = [await net.at('hs1.test').login('alice'), await net.at('hs2.test').login('bob')]
    const roomId = await alice.createRoom({ preset: 'public_chat', name: 'Both', room_version: version })
    await alice.send(roomId, 'before bob was here')
    await alice.sync()
    const { room_id: joined } = await bob.req<{ room_id: string }>(
      'POST',
      `/join/${enc(roomId)}?server_name=hs1.test`,
      {},
    )
    assert.equal(joined, roomId)
    const first = await bob.sync()
    const room = first.rooms?.join?.[roomId]
    assert.ok(
      [...(room?.state?.events ?? []), ...(room?.timeline.events ?? [])].some(
        ({ content }) => content['name'] === 'Both',
      ),
    )

    await bob.send(roomId, 'hello from hs2')
    await hears(alice, roomId, ['hello from hs2'])
    await alice.send(roomId, 'hello from hs1')
    await hears(bob, roomId, ['hello from hs1'])
    await alice.setState(roomId, 'm.room.topic', { topic: 'set by alice' })
    await Promise.all([
      ...Array.from({ length: 10 }, (_, index) => alice.send(roomId, `a${index}`)),
      ...Array.from({ length: 10 }, (_, index) => bob.send(roomId, `b${index}`)),
    ])
    const all = Array.from({ length: 10 }, (_, index) => [`a${index}`, `b${index}`]).flat()
    await hears(alice, roomId, all)
    await hears(bob, roomId, all)
    assert.deepEqual(await stateOf(bob, roomId), await stateOf(alice, roomId))
    await bob.leave(roomId)
    for (let round = 0; round < 40; round++) {
      const { joined: members } = await alice.req<{ joined: object }>('GET', `/rooms/${enc(roomId)}/joined_members`)
      if (Object.keys(members).length === 1) return
      await alice.sync({ timeout: 500 })
    }
    assert.fail('bob has not left')
  })

over('members of another room join a restricted one, vouched for by somebody who is in it', async (net) => {
  const [alice, bob] = [await net.at('hs1.test').login('alice'), await net.at('hs2.test').login('bob')]
  const club = await alice.createRoom({ preset: 'public_chat' })
  const rule = { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: club }] }
  const roomId = await alice.createRoom({
    preset: 'private_chat',
    initial_state: [{ type: 'm.room.join_rules', state_key: '', content: rule }],
  })
  const join = (room: string): Promise<{ status: number }> =>
    bob.ask('POST', `/join/${enc(room)}?server_name=hs1.test`, {})
  assert.equal((await join(roomId)).status, 403, 'who is in neither')
  assert.equal((await join(club)).status, 200)
  assert.equal((await join(roomId)).status, 200)
  const content = await alice.req<Record<string, unknown>>(
    'GET',
    `/rooms/${enc(roomId)}/state/m.room.member/${enc(bob.userId)}`,
  )
  assert.deepEqual([content['membership'], content['join_authorised_via_users_server']], ['join', alice.userId])
  await bob.send(roomId, 'let in')
  await hears(alice, roomId, ['let in'])
})
