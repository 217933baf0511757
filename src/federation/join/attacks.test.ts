import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startNetwork, type Network, type Stranger } from '../../../test/harness/federation.ts'
import { databases } from '../../../test/harness/postgres.ts'
import { buildEvent, type EventFields } from '../../matrix/event-build.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { findRoomVersion } from '../../matrix/room-version.ts'

const enc = encodeURIComponent

const over = (name: string, body: (net: Network) => Promise<void>): void => {
  for (const db of databases)
    test(`${name} (${db.name})`, async () => {
      await using net = await startNetwork(['hs1.test', 'hs2.test'], {
        database: () => db.open(),
        strangers: ['evil.test'],
      })
      await body(net)
    })
}

/** An event of a stranger's, signed. */
function made(
  { name, key }: Stranger,
  version: string,
  fields: Partial<EventFields> & Pick<EventFields, 'type' | 'roomId' | 'content'>,
): { id: string; pdu: JsonObject } {
  const rules = findRoomVersion(version)
  assert.ok(rules)
  const { event, json } = buildEvent(
    {
      sender: `@mallory:${name}`,
      prevEvents: [],
      authEvents: [],
      depth: 1,
      ts: Date.now(),
      v1: { eventId: `$${Date.now()}${Math.random()}:${name}`, referenceHashes: new Map() },
      ...fields,
    },
    rules,
    name,
    key,
  )
  return { id: event.id, pdu: JSON.parse(json) as JsonObject }
}

const invite = async (evil: Stranger, net: Network, version: string, roomId: string, target: string) => {
  const { id, pdu } = made(evil, version, {
    type: 'm.room.member',
    stateKey: target,
    roomId,
    content: { membership: 'invite' },
  })
  const path = `/_matrix/federation/v2/invite/${enc(roomId)}/${enc(id)}`
  return evil.ask(net.at('hs1.test'), 'PUT', path, { event: pdu, room_version: version, invite_room_state: [] })
}

over('a false invitation does not keep anybody from the room of that id', async (net) => {
  const [alice, bob] = [await net.at('hs1.test').login('alice'), await net.at('hs2.test').login('bob')]
  const evil = await net.stranger('evil.test')
  for (const version of ['10', '11']) {
    const wish = { preset: 'private_chat', room_version: version }
    const [invited, open] = [
      await bob.createRoom(wish),
      await bob.createRoom({ ...wish, preset: 'public_chat', name: 'Open' }),
    ]
    for (const roomId of [invited, open]) assert.equal((await invite(evil, net, '1', roomId, alice.userId)).status, 200)
    await bob.invite(invited, alice.userId)
    await alice.join(invited)
    await alice.send(invited, 'here')
    await alice.req('POST', `/join/${enc(open)}?server_name=hs2.test`, {})
    await alice.send(open, 'here')
    const again = await invite(evil, net, '1', open, alice.userId)
    assert.equal(again.status, 400, 'a room that is here has its version')
    assert.doesNotMatch(again.raw.toString(), /"hs1\.test":\{"ed25519/)
  }
})

over('a server that the room denies invites nobody into it', async (net) => {
  const alice = await net.at('hs1.test').login('alice')
  const bob = await net.at('hs1.test').login('bob')
  const evil = await net.stranger('evil.test')
  const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '11' })
  assert.equal((await invite(evil, net, '11', roomId, bob.userId)).status, 200)
  await alice.setState(roomId, 'm.room.server_acl', { allow: ['*'], deny: ['evil.test'] })
  const { status, raw } = await invite(evil, net, '11', roomId, bob.userId)
  assert.equal(status, 403)
  assert.doesNotMatch(raw.toString(), /"hs1\.test":\{"ed25519/)
})

over('a join is answered by that join and by nothing else', async (net) => {
  const alice = await net.at('hs1.test').login('alice')
  const evil = await net.stranger('evil.test')
  const roomId = '!room:evil.test'
  const event = (type: string, stateKey: string, content: JsonObject, before: readonly string[]) =>
    made(evil, '11', { type, stateKey, content, roomId, prevEvents: before.slice(-1), authEvents: before })
  const create = event('m.room.create', '', { room_version: '11' }, [])
  const mallory = event('m.room.member', '@mallory:evil.test', { membership: 'join' }, [create.id])
  const rules = event('m.room.join_rules', '', { join_rule: 'public' }, [create.id, mallory.id])
  const state = [create.pdu, mallory.pdu, rules.pdu]
  const again = event('m.room.member', '@mallory:evil.test', { membership: 'join', displayname: 'M' }, [
    create.id,
    mallory.id,
    rules.id,
  ])
  let answer: JsonObject | undefined
  evil.answer(({ path, content }) => {
    if (path.includes('/make_join/'))
      return {
        body: {
          room_version: '11',
          event: { prev_events: [rules.id], auth_events: [create.id, rules.id], depth: 9, content: {} },
        },
      }
    if (!path.includes('/send_join/')) return undefined
    return { body: { state, auth_chain: state, event: answer ?? (content as JsonObject) } }
  })
  const join = () => alice.ask('POST', `/join/${enc(roomId)}?server_name=evil.test`, {})
  answer = again.pdu
  assert.equal((await join()).status, 502)
  answer = undefined
  assert.equal((await join()).status, 200)
  assert.ok((await alice.sync()).rooms?.join?.[roomId])
})
