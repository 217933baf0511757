// Who asked to be forgotten is forgotten by whoever comes later, on every path by which events are read.
import assert from 'node:assert/strict'
import { idOf, over, path, type Name, type Shown } from '../../../test/harness/rooms.ts'

const enc = encodeURIComponent

over('what an erased user said is redacted for who joins later, and stays for who was there', async (world) => {
  const { users, sessions } = world
  await world.database.write((tx) => users.create(tx, { localpart: 'bob', createdBy: 'test' }))
  const roomId = await world.create('alice', {
    preset: 'public_chat',
    initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } }],
  })
  const act = (who: Name, action: string, body: object = {}): Promise<unknown> =>
    world.ask(who, 'POST', path(roomId, `/${action}`), body)
  await act('bob', 'join')
  const root = await world.send('alice', roomId, 'alice says hello')
  const said = await world.send('bob', roomId, 'bob says secret')
  await world.ask('bob', 'PUT', path(roomId, '/send/m.room.message/edit'), {
    msgtype: 'm.text',
    body: '* edited secret',
    'm.new_content': { msgtype: 'm.text', body: 'edited secret' },
    'm.relates_to': { rel_type: 'm.replace', event_id: said },
  })
  await world.ask('bob', 'PUT', path(roomId, '/send/m.room.message/thread'), {
    msgtype: 'm.text',
    body: 'threaded secret',
    'm.relates_to': { rel_type: 'm.thread', event_id: root },
  })
  await users.deactivate(sessions.bob.user, true)
  await act('carol', 'join')

  const reads = [
    path(roomId, '/messages?dir=b&limit=50'),
    path(roomId, `/event/${enc(said)}`),
    path(roomId, `/context/${enc(root)}?limit=20`),
    path(roomId, `/relations/${enc(said)}`).replace('/v3/', '/v1/'),
    path(roomId, `/relations/${enc(root)}`).replace('/v3/', '/v1/'),
    path(roomId, '/threads').replace('/v3/', '/v1/'),
    path(roomId, '/state'),
  ]
  for (const read of reads) {
    const text = async (who: Name): Promise<string> => JSON.stringify((await world.ask(who, 'GET', read)).body)
    assert.doesNotMatch(await text('carol'), /secret/, read)
    if (!read.endsWith('/state')) assert.match(await text('alice'), /secret/, read)
  }
  const { chunk } = await world.get<{ chunk: Shown[] }>('carol', path(roomId, '/messages?dir=b&limit=50'))
  const redacted = chunk.find((event) => event.event_id === said)
  assert.deepEqual([redacted?.sender, redacted?.content], [idOf('bob'), {}])
  const search = async (who: Name): Promise<unknown> => {
    const { body } = await world.ask(who, 'POST', '/search', {
      search_categories: { room_events: { search_term: 'secret' } },
    })
    return (body as { search_categories: { room_events: { count: number } } }).search_categories.room_events.count
  }
  assert.equal(await search('carol'), 0)
  assert.notEqual(await search('alice'), 0)
})
