// Rooms of three servers: what one does by another, the third is told.
import { test } from 'node:test'
import type { Client } from '../../../test/harness/client.ts'
import { startNetwork, type Network } from '../../../test/harness/federation.ts'
import { databases } from '../../../test/harness/postgres.ts'

const enc = encodeURIComponent

const over = (name: string, body: (net: Network, people: [Client, Client, Client]) => Promise<void>): void => {
  for (const db of databases)
    test(`${name} (${db.name})`, async () => {
      await using net = await startNetwork(['hs1.test', 'hs2.test', 'hs3.test'], { database: () => db.open() })
      await body(net, [
        await net.at('hs1.test').login('alice'),
        await net.at('hs2.test').login('bob'),
        await net.at('hs3.test').login('carol'),
      ])
    })
}

const join = (who: Client, roomId: string) => who.req('POST', `/join/${enc(roomId)}?via=hs1.test`, {})

/** Syncs until somebody sees how another stands. */
const stands = (who: Client, roomId: string, userId: string, as: string) =>
  who.syncUntil(({ rooms }) => {
    const room = rooms?.join?.[roomId]
    const events = [...(room?.state?.events ?? []), ...(room?.timeline.events ?? [])]
    return events.find((event) => event.state_key === userId && event.content['membership'] === as)
  })
const hears = (who: Client, roomId: string, eventId: string) =>
  who.syncUntil(({ rooms }) => rooms?.join?.[roomId]?.timeline.events.find((event) => event.event_id === eventId))

over('a third server hears of knocks, joins and leaves that came in by another', async (_, [alice, bob, carol]) => {
  const roomId = await alice.createRoom({
    preset: 'private_chat',
    room_version: '11',
    initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
    invite: [bob.userId],
    power_level_content_override: { users: { [alice.userId]: 100, [bob.userId]: 100 } },
  })
  await join(bob, roomId)
  await bob.sync()
  // Nobody of the third server has ever been in the room: it knows nobody else to tell.
  const knock = () => carol.req('POST', `/knock/${enc(roomId)}?via=hs1.test`, {})
  await knock()
  await stands(bob, roomId, carol.userId, 'knock')
  await carol.leave(roomId)
  await stands(bob, roomId, carol.userId, 'leave')
  await knock()
  await stands(bob, roomId, carol.userId, 'knock')
  // Turned down by somebody else than who was asked.
  await bob.req('POST', `/rooms/${enc(roomId)}/kick`, { user_id: carol.userId })
  await stands(alice, roomId, carol.userId, 'leave')
  await carol.syncUntil(({ rooms }) => rooms?.leave?.[roomId])

  await bob.invite(roomId, carol.userId)
  await carol.syncUntil(({ rooms }) => rooms?.invite?.[roomId])
  await join(carol, roomId)
  for (const who of [alice, bob]) await stands(who, roomId, carol.userId, 'join')
  await carol.sync()
  for (const [one, others] of [
    [alice, [bob, carol]],
    [bob, [alice, carol]],
    [carol, [alice, bob]],
  ] as const) {
    const id = await one.send(roomId, `from ${one.userId}`)
    for (const other of others) await hears(other, roomId, id)
  }
  await carol.leave(roomId)
  for (const who of [alice, bob]) await stands(who, roomId, carol.userId, 'leave')
})
