import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client, SyncBody } from '../../../test/harness/client.ts'
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

const membershipOf = async (client: Client, roomId: string, userId: string): Promise<unknown> =>
  (await client.req('GET', `/rooms/${enc(roomId)}/state/m.room.member/${enc(userId)}`))['membership']

const people = async (net: Network): Promise<[Client, Client]> => [
  await net.at('hs1.test').login('alice'),
  await net.at('hs2.test').login('bob'),
]

const knocking = (roomVersion: string) => ({
  preset: 'private_chat',
  name: 'Knock first',
  room_version: roomVersion,
  initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
})
const knock = (who: Client, roomId: string) =>
  who.ask('POST', `/knock/${enc(roomId)}?via=hs1.test`, { reason: 'let me in' })
const left =
  (roomId: string) =>
  ({ rooms }: SyncBody): object | undefined =>
    rooms?.leave?.[roomId]

for (const version of ['7', '12'])
  over(`somebody elsewhere knocks, takes it back, and is let in, in a room of version ${version}`, async (net) => {
    const [alice, bob] = await people(net)
    const roomId = await alice.createRoom(knocking(version))
    await bob.sync()
    assert.equal((await knock(bob, roomId)).status, 200)
    const told = await bob.syncUntil(({ rooms }) => rooms?.knock?.[roomId])
    const { events } = told.knock_state
    assert.ok(events.some(({ content }) => content['name'] === 'Knock first'))
    assert.ok(events.some(({ content }) => content['reason'] === 'let me in'))
    assert.equal(await membershipOf(alice, roomId, bob.userId), 'knock')

    await bob.leave(roomId)
    await bob.syncUntil(left(roomId))
    assert.equal(await membershipOf(alice, roomId, bob.userId), 'leave')

    assert.equal((await knock(bob, roomId)).status, 200)
    await alice.invite(roomId, bob.userId)
    await bob.syncUntil(({ rooms }) => rooms?.invite?.[roomId])
    await bob.join(roomId)
    assert.equal(await membershipOf(alice, roomId, bob.userId), 'join')
    // What was known of the room before it was joined, that nobody of it is elsewhere, is forgotten.
    const said = await bob.send(roomId, 'thank you')
    await alice.syncUntil(({ rooms }) => rooms?.join?.[roomId]?.timeline.events.find(({ event_id: id }) => id === said))
  })

over('whose knock is turned down, or whose invitation is taken back, is told', async (net) => {
  const [alice, bob] = await people(net)
  const roomId = await alice.createRoom(knocking('11'))
  await bob.sync()
  assert.equal((await knock(bob, roomId)).status, 200)
  await alice.req('POST', `/rooms/${enc(roomId)}/kick`, { user_id: bob.userId, reason: 'no' })
  await bob.syncUntil(left(roomId))

  await alice.invite(roomId, bob.userId)
  await bob.syncUntil(({ rooms }) => rooms?.invite?.[roomId])
  await alice.req('POST', `/rooms/${enc(roomId)}/ban`, { user_id: bob.userId })
  await bob.syncUntil(left(roomId))
  assert.equal((await knock(bob, roomId)).status, 403)
})

over('nobody knocks where that is not asked for', async (net) => {
  const [alice, bob] = await people(net)
  const closed = await alice.createRoom({ preset: 'private_chat' })
  const old = await alice.createRoom({ ...knocking('6') })
  for (const roomId of [closed, old]) {
    const { status, body } = await knock(bob, roomId)
    assert.deepEqual([status, body['errcode']], [403, 'M_FORBIDDEN'])
  }
  const { status, body } = await knock(bob, '!nowhere:hs1.test')
  assert.deepEqual([status, body['errcode']], [404, 'M_NOT_FOUND'])
})

for (const version of ['1', '12'])
  over(`an invitation is turned down although no server answers, in a room of version ${version}`, async (net) => {
    const [alice, bob] = await people(net)
    const roomId = await alice.createRoom({ preset: 'private_chat', room_version: version })
    await alice.invite(roomId, bob.userId)
    await bob.syncUntil(({ rooms }) => rooms?.invite?.[roomId])
    await net.at('hs1.test').stop()
    await bob.leave(roomId)
    await bob.syncUntil(left(roomId))
    assert.equal((await bob.sync({ full_state: true })).rooms?.invite, undefined)
  })
