import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startNetwork } from '../../../test/harness/federation.ts'
import { databases } from '../../../test/harness/postgres.ts'
import { enterRoom } from '../../../test/harness/room-guest.ts'

const enc = encodeURIComponent

for (const db of databases)
  test(`what the resolution of state takes back is told to clients (${db.name})`, async () => {
    await using net = await startNetwork(['hs1.test'], { database: () => db.open(), strangers: ['s.test'] })
    const [server, stranger] = [net.at('hs1.test'), await net.stranger('s.test')]
    const alice = await server.login('alice')
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '11' })
    const guest = await enterRoom(stranger, server, roomId)
    const [create = '', , join = ''] = guest.authEvents
    const levels = await alice.setState(roomId, 'm.room.power_levels', {
      users: { [alice.userId]: 50, [guest.userId]: 100 },
    })
    const first = guest.make({
      type: 'm.room.topic',
      stateKey: '',
      content: { topic: 'the first' },
      prevEvents: [levels],
      authEvents: [create, levels, join],
    })
    await stranger.send(server, { pdus: [first.pdu] })
    await alice.syncUntil(({ rooms }) =>
      rooms?.join?.[roomId]?.timeline.events.find(({ event_id: id }) => id === first.id),
    )
    await alice.setState(roomId, 'm.room.topic', { topic: 'the second' })
    await alice.sync()
    const sliding = {
      lists: {},
      room_subscriptions: { [roomId]: { timeline_limit: 10, required_state: [['m.room.topic', '']] } },
    }
    const path = '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync'
    const { pos } = await alice.req<{ pos: string }>('POST', path, sliding)

    // At another place, before the second topic was there, alice loses her power: then she had none to set it.
    const demotion = guest.make({
      type: 'm.room.power_levels',
      stateKey: '',
      content: { users: { [alice.userId]: 0, [guest.userId]: 100 } },
      prevEvents: [first.id],
      authEvents: [create, levels, join],
      depth: 50,
    })
    await stranger.send(server, { pdus: [demotion.pdu] })
    const told = await alice.syncUntil(({ rooms }) => rooms?.join?.[roomId])
    assert.deepEqual(
      told.timeline.events.map(({ event_id: id }) => id),
      [demotion.id],
    )
    assert.deepEqual(
      told.state?.events.map(({ event_id: id }) => id),
      [first.id],
    )
    assert.deepEqual(await alice.req('GET', `/rooms/${enc(roomId)}/state/m.room.topic`), { topic: 'the first' })
    const slid = await alice.req<{ rooms: Record<string, { required_state?: { event_id: string }[] }> }>(
      'POST',
      `${path}?pos=${pos}`,
      sliding,
    )
    assert.deepEqual(
      slid.rooms[roomId]?.required_state?.map(({ event_id: id }) => id),
      [first.id],
    )
  })
