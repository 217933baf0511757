import assert from 'node:assert/strict'
import type { Body, ClientEvent } from '../../../test/harness/client.ts'
import { enc, ended, leftOf, over } from '../fixture.test.ts'

const api = '/_synapse/admin'

over('a deleted room leaves no row in any table, and nothing to be found', async (world) => {
  const { root, alice, bob, server } = world
  const other = await alice.createRoom({ name: 'other' })
  await alice.send(other, 'unique words elsewhere')
  const room = await alice.createRoom({ preset: 'public_chat', name: 'bad', room_alias_name: 'bad' })
  await bob.join(room)
  const events: string[] = []
  for (let count = 0; count < 130; count++) events.push(await alice.send(room, `unspeakable ${count}`))
  await alice.setState(room, 'm.room.topic', { topic: 'worse' })
  await bob.send(room, {
    msgtype: 'm.text',
    body: 'an answer',
    'm.relates_to': { rel_type: 'm.thread', event_id: events[0] },
  })
  await bob.req('POST', `/rooms/${enc(room)}/receipt/m.read/${enc(events[3] ?? '')}`, {})
  await bob.req('PUT', `/user/${enc(bob.userId)}/rooms/${enc(room)}/tags/u.bad`, { order: 0.1 })
  await bob.req('POST', `/rooms/${enc(room)}/report/${enc(events[1] ?? '')}`, { reason: 'bad' })
  await bob.sync()
  const nid = (await server.rooms.find(room))?.nid ?? 0

  const { delete_id: id } = await root.req('DELETE', `${api}/v2/rooms/${enc(room)}`, {
    block: true,
    new_room_user_id: '@moderator:test',
    message: 'It is closed.',
  })
  const status = await ended(root, `${api}/v2/rooms/delete_status/${String(id)}`)
  assert.equal(status['status'], 'complete', JSON.stringify(status))
  const shutdown = status['shutdown_room'] as Record<string, unknown>
  assert.deepEqual(new Set(shutdown['kicked_users'] as string[]), new Set([alice.userId, bob.userId]))
  assert.deepEqual([shutdown['failed_to_kick_users'], shutdown['local_aliases']], [[], ['#bad:test']])
  assert.deepEqual(await root.req('GET', `${api}/v2/rooms/${enc(room)}/delete_status`), { results: [status] })

  const left = await leftOf(server.database, nid, room)
  assert.deepEqual(
    Object.entries(left).filter(([, count]) => count > 0),
    [],
  )
  const fresh = String(shutdown['new_room_id'])
  const news = await bob.sync()
  assert.ok(news.rooms?.join?.[fresh]?.timeline.events.some(({ content }) => content['body'] === 'It is closed.'))
  assert.equal(news.rooms?.join?.[room], undefined)
  bob.since = undefined
  assert.deepEqual(Object.keys((await bob.sync()).rooms?.join ?? {}), [fresh])
  assert.equal(
    await bob.refusal('PUT', `/rooms/${enc(fresh)}/send/m.room.message/x`, { body: 'hm' }),
    '403 M_FORBIDDEN',
  )
  for (const path of ['/messages?dir=b', '/state', '/members', `/event/${enc(events[0] ?? '')}`])
    assert.match(await alice.refusal('GET', `/rooms/${enc(room)}${path}`), /^40[34] /, path)
  assert.match(await alice.refusal('PUT', `/rooms/${enc(room)}/send/m.room.message/t9`, { body: 'x' }), /^40[34] /)
  assert.equal(await alice.refusal('POST', `/join/${enc(room)}`, {}), '404 M_NOT_FOUND')
  const found = await alice.req<{ search_categories: { room_events: { count: number } } }>('POST', '/search', {
    search_categories: { room_events: { search_term: 'unspeakable' } },
  })
  assert.equal(found.search_categories.room_events.count, 0)
  await alice.send(other, 'life goes on')
  assert.equal(await root.refusal('GET', `${api}/v1/rooms/${enc(room)}`), '404 M_NOT_FOUND')
  assert.deepEqual(await root.req('GET', `${api}/v1/rooms/${enc(room)}/block`), { block: true, user_id: root.userId })
  const { scheduled_tasks: tasks } = await root.req<{ scheduled_tasks: Body[] }>('GET', `${api}/v1/scheduled_tasks`)
  assert.deepEqual([tasks[0]?.['action'], tasks[0]?.['status']], ['delete_room', 'complete'])
})

over('the old endpoint answers when the room is gone, and blocks rooms that nobody knows', async (world) => {
  const { root, alice, server } = world
  const room = await alice.createRoom()
  const nid = (await server.rooms.find(room))?.nid ?? 0
  assert.deepEqual(await root.req('DELETE', `${api}/v1/rooms/${enc(room)}`, {}), {
    kicked_users: [alice.userId],
    failed_to_kick_users: [],
    local_aliases: [],
    new_room_id: null,
  })
  assert.ok(Object.values(await leftOf(server.database, nid, room)).every((count) => count === 0))
  assert.equal(await root.refusal('DELETE', `${api}/v1/rooms/${enc('!x:far.test')}`, {}), '400 M_NOT_FOUND')
  await root.req('DELETE', `${api}/v1/rooms/${enc('!x:far.test')}`, { block: true })
  const kept = await alice.createRoom({ name: 'kept' })
  await root.req('DELETE', `${api}/v1/rooms/${enc(kept)}`, { purge: false })
  assert.equal((await root.req('GET', `${api}/v1/rooms/${enc(kept)}`))['joined_members'], 0)
  assert.equal(await alice.refusal('DELETE', `${api}/v2/rooms/${enc(kept)}`, {}), '403 M_FORBIDDEN')
  assert.equal(await root.refusal('GET', `${api}/v2/rooms/delete_status/none`), '404 M_NOT_FOUND')
})

over('history is purged up to an event or a time, and the room goes on', async (world) => {
  const { root, alice, server } = world
  const room = await alice.createRoom({ name: 'long' })
  const said: string[] = []
  for (let count = 0; count < 120; count++) said.push(await alice.send(room, `forgettable ${count}`))
  const bodies = async (): Promise<unknown[]> =>
    (await alice.req<{ chunk: ClientEvent[] }>('GET', `/rooms/${enc(room)}/messages?dir=b&limit=500`)).chunk
      .filter(({ type }) => type === 'm.room.message')
      .map(({ content }) => content['body'])
  const purge = async (body: object, event?: string): Promise<Body> => {
    const path = `${api}/v1/purge_history/${enc(room)}${event === undefined ? '' : `/${enc(event)}`}`
    const { purge_id: id } = await root.req('POST', path, body)
    return ended(root, `${api}/v1/purge_history_status/${String(id)}`)
  }
  assert.equal((await bodies()).length, 120)
  assert.deepEqual(await purge({}, said[100]), { status: 'complete' })
  assert.equal((await bodies()).length, 120, 'what was said here stays unless it is asked for')
  assert.deepEqual(await purge({ delete_local_events: true }, said[100]), { status: 'complete' })
  assert.deepEqual(
    await bodies(),
    Array.from({ length: 20 }, (_, index) => `forgettable ${119 - index}`),
  )
  assert.match(await alice.refusal('GET', `/rooms/${enc(room)}/event/${enc(said[5] ?? '')}`), /^404 /)
  await purge({ delete_local_events: true, purge_up_to_ts: Date.now() + 60_000 })
  assert.deepEqual(await bodies(), ['forgettable 119'], 'the newest stays')
  await alice.send(room, 'and on')
  assert.deepEqual(await bodies(), ['and on', 'forgettable 119'])
  const nid = (await server.rooms.find(room))?.nid ?? 0
  const { events, relations, search_index: index } = await leftOf(server.database, nid, room)
  assert.ok((events ?? 0) < 15 && relations === 0 && index === 0)
  assert.equal((await alice.req<ClientEvent[]>('GET', `/rooms/${enc(room)}/state`)).length > 5, true)
  assert.equal(await root.refusal('POST', `${api}/v1/purge_history/${enc(room)}`, {}), '400 M_MISSING_PARAM')
  assert.equal(
    await root.refusal('POST', `${api}/v1/purge_history/${enc(room)}/${enc('$none')}`, {}),
    '404 M_NOT_FOUND',
  )
})

over('what somebody has said is redacted, in their name', async ({ root, alice, bob }) => {
  const room = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(room)
  for (const text of ['one', 'two', 'three']) await bob.send(room, text)
  await alice.send(room, 'stays')
  const { redact_id: id } = await root.req('POST', `${api}/v1/user/${enc(bob.userId)}/redact`, {
    rooms: [],
    reason: 'spam',
  })
  assert.deepEqual(await ended(root, `${api}/v1/user/redact_status/${String(id)}`), {
    status: 'completed',
    failed_redactions: {},
  })
  const { chunk } = await alice.req<{ chunk: ClientEvent[] }>('GET', `/rooms/${enc(room)}/messages?dir=b&limit=100`)
  const bodies = chunk.filter(({ type }) => type === 'm.room.message').map(({ content }) => content['body'])
  assert.deepEqual(bodies, ['stays', undefined, undefined, undefined])
  const redactions = chunk.filter(({ type }) => type === 'm.room.redaction')
  assert.ok(redactions.every(({ sender, content }) => sender === bob.userId && content['reason'] === 'spam'))
  await bob.send(room, 'four')
  await bob.leave(room)
  const again = await root.req('POST', `${api}/v1/user/${enc(bob.userId)}/redact`, { rooms: [room], limit: 1 })
  await ended(root, `${api}/v1/user/redact_status/${String(again['redact_id'])}`)
  const later = await alice.req<{ chunk: ClientEvent[] }>('GET', `/rooms/${enc(room)}/messages?dir=b&limit=1`)
  assert.equal(later.chunk[0]?.sender, alice.userId, 'who is gone is redacted by a moderator')
  assert.equal(
    await root.refusal('POST', `${api}/v1/user/${enc('@none:test')}/redact`, { rooms: [] }),
    '404 M_NOT_FOUND',
  )
})
