// A server that is in a room, and lies: nothing gets in, nobody else waits.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, ClientEvent } from '../../../test/harness/client.ts'
import { startNetwork, type NetworkServer, type Stranger } from '../../../test/harness/federation.ts'
import { databases } from '../../../test/harness/postgres.ts'
import { enterRoom, type MadeEvent, type RoomGuest } from '../../../test/harness/room-guest.ts'
import type { JsonObject } from '../../matrix/json.ts'

const enc = encodeURIComponent

interface World {
  readonly server: NetworkServer
  readonly evil: Stranger
  readonly alice: Client
  readonly roomId: string
  readonly guest: RoomGuest
}

const over = (name: string, body: (world: World) => Promise<void>, roomVersion = '11'): void => {
  for (const db of databases)
    test(`${name} (${db.name})`, async () => {
      await using net = await startNetwork(['hs1.test'], { database: () => db.open(), strangers: ['evil.test'] })
      const [server, evil] = [net.at('hs1.test'), await net.stranger('evil.test')]
      const alice = await server.login('alice')
      const roomId = await alice.createRoom({ preset: 'public_chat', room_version: roomVersion })
      await body({ server, evil, alice, roomId, guest: await enterRoom(evil, server, roomId) })
    })
}

const timeline = async (who: Client, roomId: string): Promise<ClientEvent[]> =>
  (await who.req<{ chunk: ClientEvent[] }>('GET', `/rooms/${enc(roomId)}/messages?dir=b&limit=500`)).chunk

/** Waits until an event is there, for a generous while. */
async function comes(who: Client, roomId: string, { id }: MadeEvent): Promise<void> {
  const end = Date.now() + 60_000
  while (!(await timeline(who, roomId)).some((event) => event.event_id === id)) {
    if (Date.now() > end) throw new Error('a minute has not brought it')
    await sleep(50)
  }
}

/** Sends events, and one honest one after them, and waits until that is there: then all of them have been judged. */
async function send({ server, evil, alice, roomId, guest }: World, events: readonly MadeEvent[]): Promise<string[]> {
  const last = guest.make()
  const pdus = [...events, last].map(({ pdu }) => pdu)
  for (let start = 0; start < pdus.length; start += 50) {
    const { status } = await evil.send(server, { pdus: pdus.slice(start, start + 50) })
    assert.equal(status, 200)
  }
  await comes(alice, roomId, last)
  const seen = new Set((await timeline(alice, roomId)).map(({ event_id: id }) => id))
  return events.map(({ id }) => id).filter((id) => seen.has(id))
}

over('forged, foreign and ill-founded events do not get in', async (world) => {
  const { server, evil, alice, guest } = world
  const other = await alice.createRoom({ preset: 'public_chat', room_version: '11' })
  const elsewhere = await enterRoom(evil, server, other)
  const good = guest.make()
  const edit = (change: (pdu: JsonObject) => JsonObject): MadeEvent => {
    const { id, pdu } = guest.make()
    return { id, pdu: change(structuredClone(pdu)) }
  }
  const lies = [
    guest.make({ sender: alice.userId }),
    guest.make({ sender: '@nobody:evil.test' }),
    guest.make({ type: 'm.room.member', stateKey: '@mallory:hs1.test', content: { membership: 'join' } }),
    guest.make({ type: 'm.room.create', stateKey: '', content: { room_version: '11' } }),
    guest.make({ type: 'm.room.power_levels', stateKey: '', content: { users: { [guest.userId]: 100 } } }),
    guest.make({ authEvents: [...guest.authEvents, elsewhere.join.id] }),
    guest.make({ authEvents: [...guest.authEvents, good.id] }),
    guest.make({ authEvents: [guest.join.id, guest.join.id] }),
    guest.make({ authEvents: [] }),
    guest.make({ authEvents: elsewhere.authEvents }),
    edit((pdu) => ({ ...pdu, signatures: {} })),
    edit((pdu) => ({ ...pdu, signatures: { 'evil.test': { 'ed25519:test': 'A'.repeat(86) } } })),
    edit((pdu) => ({ ...pdu, room_id: other })),
    edit((pdu) => ({ ...pdu, depth: 1.5 })),
    edit((pdu) => ({ ...pdu, prev_events: 'all' })),
  ]
  assert.deepEqual(await send(world, [...lies, good]), [good.id])
  // A wrong hash leaves an event of which nothing is left to read.
  const wrong = guest.make()
  const content = { msgtype: 'm.text', body: 'not what was signed' }
  await send(world, [{ id: wrong.id, pdu: { ...wrong.pdu, content } }])
  assert.ok(!JSON.stringify(await timeline(alice, world.roomId)).includes('not what was signed'))
})

over('hundreds of forks are one room, and what is said next follows twenty of them', async (world) => {
  const { alice, roomId, guest, evil, server } = world
  const forks = Array.from({ length: 400 }, () => guest.make())
  await send(world, forks)
  const next = await alice.send(roomId, 'together')
  const { body } = await evil.ask(server, 'GET', `/_matrix/federation/v1/event/${enc(next)}`)
  const [pdu] = body['pdus'] as [{ prev_events: string[] }]
  assert.equal(pdu.prev_events.length, 20)
  for (let i = 0; i < 10; i++) await alice.send(roomId, `more ${i}`)
  const last = await alice.send(roomId, 'the last')
  const again = await evil.ask(server, 'GET', `/_matrix/federation/v1/event/${enc(last)}`)
  assert.equal((again.body['pdus'] as [{ prev_events: string[] }])[0].prev_events.length, 1)
})

over('a server that tells of ever more that is missing is asked so often and no more', async (world) => {
  const { server, evil, alice, roomId, guest } = world
  const endless = (): MadeEvent => guest.make({ prevEvents: [guest.make().id] })
  evil.answer(({ path }) =>
    path.includes('get_missing_events')
      ? { body: { events: Array.from({ length: 50 }, () => endless().pdu) } }
      : undefined,
  )
  const before = evil.asked.length
  const { status } = await evil.send(server, { pdus: [endless().pdu] })
  assert.equal(status, 200)
  const good = guest.make()
  await evil.send(server, { pdus: [good.pdu] })
  await comes(alice, roomId, good)
  const asked = evil.asked.slice(before).filter(({ path }) => !path.includes('/send/'))
  assert.ok(asked.length <= 120, `${asked.length} questions for one event`)
})

over('a server that never answers holds up nobody but itself', async (world) => {
  const { server, evil, alice, roomId, guest } = world
  const other = await alice.createRoom({ preset: 'public_chat', room_version: '11' })
  const elsewhere = await enterRoom(evil, server, other)
  evil.hang(({ path }) => path.includes('get_missing_events'))
  await evil.send(server, { pdus: [guest.make({ prevEvents: [guest.make().id] }).pdu] })
  // People here go on in the same room, and everybody in others.
  await alice.send(roomId, 'still here')
  const good = elsewhere.make()
  await evil.send(server, { pdus: [good.pdu] })
  await comes(alice, other, good)
})
