import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client } from '../../../test/harness/client.ts'
import { startNetwork, type Network } from '../../../test/harness/federation.ts'
import { databases } from '../../../test/harness/postgres.ts'
import type { JsonObject } from '../../matrix/json.ts'

const enc = encodeURIComponent

const over = (name: string, body: (net: Network) => Promise<void>): void => {
  for (const db of databases)
    test(`${name} (${db.name})`, async () => {
      await using net = await startNetwork(['hs1.test', 'hs2.test'], {
        database: () => db.open(),
        strangers: ['s.test'],
      })
      await body(net)
    })
}

const members = async (client: Client, roomId: string): Promise<string[]> =>
  Object.keys((await client.req<{ joined: object }>('GET', `/rooms/${enc(roomId)}/joined_members`)).joined).toSorted()

const membershipOf = async (client: Client, roomId: string, userId: string): Promise<unknown> =>
  (await client.req<{ membership: string }>('GET', `/rooms/${enc(roomId)}/state/m.room.member/${enc(userId)}`))
    .membership

for (const version of ['1', '11', '12'])
  over(
    `an invitation to somebody elsewhere is seen, taken and declined, in a room of version ${version}`,
    async (net) => {
      const [alice, bob] = [await net.at('hs1.test').login('alice'), await net.at('hs2.test').login('bob')]
      const wish = { preset: 'private_chat', name: 'Secret plans', room_version: version }
      const taken = await alice.createRoom({ ...wish, invite: [bob.userId], is_direct: true })
      const declined = await alice.createRoom(wish)
      await alice.req('POST', `/rooms/${enc(declined)}/invite`, { user_id: bob.userId, reason: 'come' })

      const { rooms } = await bob.sync()
      assert.deepEqual(Object.keys(rooms?.invite ?? {}).toSorted(), [taken, declined].toSorted())
      const told = rooms?.invite?.[taken]?.invite_state.events ?? []
      assert.ok(told.some(({ type, content }) => type === 'm.room.name' && content['name'] === 'Secret plans'))
      const own = told.find(({ type, state_key: key }) => type === 'm.room.member' && key === bob.userId)
      assert.deepEqual(
        [own?.sender, own?.content['membership'], own?.content['is_direct']],
        [alice.userId, 'invite', true],
      )

      await bob.req('POST', `/join/${enc(taken)}`, {})
      assert.deepEqual(await members(bob, taken), [alice.userId, bob.userId])
      assert.deepEqual(await members(alice, taken), [alice.userId, bob.userId])
      await bob.send(taken, 'I am in')

      await bob.req('POST', `/rooms/${enc(declined)}/leave`, {})
      assert.equal(await membershipOf(alice, declined, bob.userId), 'leave')
      const after = await bob.sync()
      assert.ok(after.rooms?.leave?.[declined] ?? (await bob.sync()).rooms?.leave?.[declined], 'the invitation is gone')
    },
  )

over('an invitation that is set as state reaches the server of whom it invites', async (net) => {
  const [alice, bob] = [await net.at('hs1.test').login('alice'), await net.at('hs2.test').login('bob')]
  const room = await alice.createRoom({ preset: 'private_chat' })
  const path = `/rooms/${enc(room)}/state/m.room.member/${enc(bob.userId)}`
  const { event_id: id } = await alice.req<{ event_id: string }>('PUT', path, { membership: 'invite', reason: 'come' })
  assert.equal(
    (await alice.req<{ content: JsonObject }>('GET', `/rooms/${enc(room)}/event/${enc(id)}`)).content['reason'],
    'come',
  )
  assert.deepEqual(Object.keys((await bob.sync()).rooms?.invite ?? {}), [room])
  await bob.req('POST', `/join/${enc(room)}`, {})
  assert.deepEqual(await members(alice, room), [alice.userId, bob.userId])
})

// GHSA-22fw-4jq7-g8r8: the invite endpoint made a server sign events of any kind.
over('nothing but an invitation of somebody here, by somebody of the server that asks, is signed', async (net) => {
  const [server, stranger] = [net.at('hs1.test'), await net.stranger('s.test')]
  const alice = await server.login('alice')
  const good = {
    type: 'm.room.member',
    sender: '@mallory:s.test',
    state_key: alice.userId,
    room_id: '!room:s.test',
    content: { membership: 'invite' },
    prev_events: [],
    auth_events: [],
    depth: 1,
    origin_server_ts: 1,
    hashes: { sha256: 'x' },
    signatures: {},
  }
  const wrong: Array<[what: string, event: JsonObject]> = [
    ['a message', { ...good, type: 'm.room.message' }],
    ['a join', { ...good, content: { membership: 'join' } }],
    ['another sender', { ...good, sender: '@alice:hs1.test' }],
    ['another target', { ...good, state_key: '@mallory:s.test' }],
    ['another room', { ...good, room_id: '!other:s.test' }],
    ['no state key', Object.fromEntries(Object.entries(good).filter(([key]) => key !== 'state_key'))],
    ['no signature', good],
  ]
  for (const [what, event] of wrong) {
    const path = '/_matrix/federation/v2/invite/!room:s.test/$abcdefghijklmnopqrstuvwxyzabcdefghijklmnopq'
    const answer = await stranger.ask(server, 'PUT', path, { room_version: '11', event, invite_room_state: [] })
    assert.ok(answer.status === 400 || answer.status === 403, `${what}: ${answer.status}`)
    assert.doesNotMatch(answer.raw.toString(), /"hs1\.test":\{"ed25519/, what)
  }
  assert.equal((await alice.sync()).rooms?.invite, undefined)
})

over('a room that everybody has left is still here: one turns an invitation down, and comes back', async (net) => {
  const alice = await net.at('hs1.test').login('alice')
  const bob = await net.at('hs1.test').login('bob')
  const carol = await net.at('hs1.test').login('carol')
  const room = await alice.createRoom({ preset: 'public_chat', invite: [bob.userId, carol.userId] })
  await alice.leave(room)
  await bob.leave(room)
  assert.equal((await bob.sync()).rooms?.invite?.[room], undefined)
  await carol.join(room)
  assert.deepEqual(await members(carol, room), [carol.userId])
  await carol.leave(room)
  await alice.join(room)
  assert.deepEqual(await members(alice, room), [alice.userId])
})
