import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signJwt } from '../../../test/harness/jwt.ts'
import { databases } from '../../../test/harness/postgres.ts'
import { startServer, type TestServer } from '../../../test/harness/server.ts'
import type { Client } from '../../../test/harness/client.ts'

const over = (name: string, body: (server: TestServer) => Promise<void>): void => {
  for (const db of databases) {
    test(`${name} (${db.name})`, async () => {
      const { url, dispose } = await db.open()
      {
        await using server = await startServer({ database: url })
        await body(server)
      }
      await dispose()
    })
  }
}
const path = (roomId: string, rest: string): string => `/rooms/${encodeURIComponent(roomId)}/${rest}`
const membershipOf = async (client: Client, roomId: string, userId: string): Promise<unknown> =>
  (await client.ask<{ membership?: string }>('GET', path(roomId, `state/m.room.member/${encodeURIComponent(userId)}`)))
    .body.membership

over('who is invited may join, who is kicked may be invited again, who is banned may not join', async (server) => {
  const [alice, bob, carol] = [await server.login('alice'), await server.login('bob'), await server.login('carol')]
  const roomId = await alice.createRoom({ preset: 'private_chat' })
  assert.equal(await bob.refusal('POST', path(roomId, 'join'), {}), '403 M_FORBIDDEN')
  await alice.invite(roomId, bob.userId)
  assert.equal(await carol.refusal('POST', path(roomId, 'invite'), { user_id: carol.userId }), '403 M_FORBIDDEN')
  await bob.join(roomId)
  await bob.join(roomId)
  assert.equal(await alice.refusal('POST', path(roomId, 'invite'), { user_id: bob.userId }), '403 M_FORBIDDEN')
  assert.equal(await bob.refusal('POST', path(roomId, 'kick'), { user_id: alice.userId }), '403 M_FORBIDDEN')
  await alice.req('POST', path(roomId, 'kick'), { user_id: bob.userId, reason: 'noise' })
  assert.equal(await membershipOf(alice, roomId, bob.userId), 'leave')
  assert.equal(
    await bob.refusal('PUT', path(roomId, 'send/m.room.message/1'), { body: 'x', msgtype: 'm.text' }),
    '403 M_FORBIDDEN',
  )
  await alice.invite(roomId, bob.userId)
  await bob.join(roomId)
  await alice.req('POST', path(roomId, 'ban'), { user_id: bob.userId })
  assert.equal(await bob.refusal('POST', path(roomId, 'join'), {}), '403 M_FORBIDDEN')
  assert.equal(await alice.refusal('POST', path(roomId, 'invite'), { user_id: bob.userId }), '403 M_FORBIDDEN')
  assert.equal(await alice.refusal('POST', path(roomId, 'kick'), { user_id: bob.userId }), '403 M_FORBIDDEN')
  await alice.req('POST', path(roomId, 'unban'), { user_id: bob.userId })
  assert.equal(await alice.refusal('POST', path(roomId, 'unban'), { user_id: bob.userId }), '403 M_FORBIDDEN')
  await alice.invite(roomId, bob.userId)
  await bob.leave(roomId)
  assert.equal(await membershipOf(alice, roomId, bob.userId), 'leave')
})

over('a room is forgotten only by who has left it', async (server) => {
  const [alice, bob] = [await server.login('alice'), await server.login('bob')]
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(roomId)
  assert.equal(await bob.refusal('POST', path(roomId, 'forget'), {}), '400 M_UNKNOWN')
  await bob.leave(roomId)
  await bob.req('POST', path(roomId, 'forget'), {})
  assert.equal(await bob.refusal('GET', path(roomId, 'messages?dir=b')), '403 M_FORBIDDEN')
})

over('a restricted room lets in the members of the rooms it names, and nobody else', async (server) => {
  const [alice, bob, carol] = [await server.login('alice'), await server.login('bob'), await server.login('carol')]
  const club = await alice.createRoom({ preset: 'public_chat' })
  const roomId = await alice.createRoom({
    initial_state: [
      {
        type: 'm.room.join_rules',
        content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: club }] },
      },
    ],
  })
  assert.equal(await bob.refusal('POST', path(roomId, 'join'), {}), '403 M_FORBIDDEN')
  await bob.join(club)
  await bob.join(roomId)
  const member = await alice.req<{ join_authorised_via_users_server?: string }>(
    'GET',
    path(roomId, `state/m.room.member/${encodeURIComponent(bob.userId)}`),
  )
  assert.equal(member.join_authorised_via_users_server, alice.userId)
  assert.equal(await carol.refusal('POST', path(roomId, 'join'), {}), '403 M_FORBIDDEN')
})

over('one may knock where the room says so, and be let in', async (server) => {
  const [alice, bob] = [await server.login('alice'), await server.login('bob')]
  const closed = await alice.createRoom({})
  assert.equal(await bob.refusal('POST', `/knock/${encodeURIComponent(closed)}`, {}), '403 M_FORBIDDEN')
  const roomId = await alice.createRoom({
    name: 'Door',
    initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }],
  })
  await bob.req('POST', `/knock/${encodeURIComponent(roomId)}`, { reason: 'please' })
  const sync = await bob.sync()
  const types = sync.rooms?.knock?.[roomId]?.knock_state.events.map((event: { type: string }) => event.type)
  assert.ok(
    types?.includes('m.room.create') && types.includes('m.room.name') && types.includes('m.room.member'),
    String(types),
  )
  await alice.invite(roomId, bob.userId)
  await bob.join(roomId)
})

over('a deactivated account leaves its rooms, its invitations too', async (server) => {
  const [alice, bob] = [await server.login('alice'), await server.login('bob')]
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  const invited = await alice.createRoom({ invite: [bob.userId] })
  await bob.join(roomId)
  const body = { auth: { type: 'org.matrix.login.jwt', token: signJwt({ sub: 'bob' }) } }
  const first = await bob.ask<{ session: string }>('POST', '/account/deactivate', {})
  assert.equal(first.status, 401)
  await bob.req('POST', '/account/deactivate', { auth: { ...body.auth, session: first.body.session } })
  for (let tries = 0; tries < 50 && (await membershipOf(alice, roomId, bob.userId)) === 'join'; tries++)
    await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(await membershipOf(alice, roomId, bob.userId), 'leave')
  for (let tries = 0; tries < 50 && (await membershipOf(alice, invited, bob.userId)) === 'invite'; tries++)
    await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(await membershipOf(alice, invited, bob.userId), 'leave')
})

over('a new name reaches the member events of all rooms', async (server) => {
  const alice = await server.login('alice')
  const rooms = [await alice.createRoom({}), await alice.createRoom({})]
  await alice.req('PUT', `/profile/${encodeURIComponent(alice.userId)}/displayname`, { displayname: 'Alice A.' })
  for (const roomId of rooms) {
    const member = await alice.req<{ displayname?: string }>(
      'GET',
      path(roomId, `state/m.room.member/${encodeURIComponent(alice.userId)}`),
    )
    assert.equal(member.displayname, 'Alice A.')
  }
})

over('twenty rooms made at once by one user are twenty rooms', async (server) => {
  const alice = await server.login('alice')
  const rooms = await Promise.all(Array.from({ length: 20 }, () => alice.createRoom({})))
  assert.equal(new Set(rooms).size, 20)
  const joined = await alice.req<{ joined_rooms: string[] }>('GET', '/joined_rooms')
  assert.deepEqual(joined.joined_rooms.toSorted(), rooms.toSorted())
})

over('a transaction id sends once on each endpoint, also when the requests run at once', async (server) => {
  const alice = await server.login('alice')
  const [roomId, other] = [await alice.createRoom({}), await alice.createRoom({})]
  const send = (room: string, type: string): Promise<{ event_id: string }> =>
    alice.req('PUT', path(room, `send/${type}/same`), { body: 'x', msgtype: 'm.text' })
  const sent = await Promise.all(Array.from({ length: 10 }, () => send(roomId, 'm.room.message')))
  assert.equal(new Set(sent.map((one) => one.event_id)).size, 1)
  assert.notEqual((await send(other, 'm.room.message')).event_id, sent[0]?.event_id)
  assert.notEqual((await send(roomId, 'test.other')).event_id, sent[0]?.event_id)
  assert.equal((await send(roomId, 'm.room.message')).event_id, sent[0]?.event_id)
})

over(
  'who may not redact is refused, one may redact oneself, and what was redacted is gone everywhere',
  async (server) => {
    const [alice, bob] = [await server.login('alice'), await server.login('bob')]
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const hers = await alice.send(roomId, 'a secret of alice')
    const his = await bob.send(roomId, 'a secret of bob')
    assert.equal(await bob.refusal('PUT', path(roomId, `redact/${encodeURIComponent(hers)}/1`), {}), '403 M_FORBIDDEN')
    await bob.req('PUT', path(roomId, `redact/${encodeURIComponent(his)}/2`), { reason: 'typo' })
    await alice.req('PUT', path(roomId, `redact/${encodeURIComponent(hers)}/1`), {})
    for (const text of [
      JSON.stringify(await bob.req('GET', path(roomId, 'messages?dir=b&limit=100'))),
      JSON.stringify(await alice.sync()),
    ]) {
      assert.doesNotMatch(text, /a secret of/)
      assert.match(text, /redacted_because/)
    }
    assert.equal(await alice.refusal('PUT', path(roomId, 'redact/%24nothing/3'), {}), '404 M_NOT_FOUND')
  },
)

over('an event that is too large is refused with 413, and the room goes on', async (server) => {
  const alice = await server.login('alice')
  const roomId = await alice.createRoom({})
  assert.equal(
    await alice.refusal('PUT', path(roomId, 'send/m.room.message/1'), { body: 'x'.repeat(70_000) }),
    '413 M_TOO_LARGE',
  )
  assert.equal(await alice.refusal('PUT', path(roomId, 'send/m.room.message/2'), { body: 1.5 }), '400 M_BAD_JSON')
  assert.equal(await alice.refusal('PUT', path(roomId, `send/${'t'.repeat(300)}/3`), {}), '413 M_TOO_LARGE')
  await alice.send(roomId, 'still here')
})

over('who repeats what somebody else is about to set is not answered before it is stored', async (server) => {
  const alice = await server.login('alice')
  const roomId = await alice.createRoom({})
  const answered: string[] = []
  await Promise.all(
    ['first', 'second'].map(async (name) => {
      await alice.req('PUT', path(roomId, 'state/m.room.topic/'), { topic: 'same' })
      answered.push(name)
    }),
  )
  assert.deepEqual(answered, ['first', 'second'])
})
