import assert from 'node:assert/strict'
import type { ClientEvent } from '../../../test/harness/client.ts'
import { inRoom, over } from '../fixture.test.ts'

interface Info {
  room_id: string
  membership?: string
  visibility: string
  messages: { start?: string; end: string; chunk: ClientEvent[] }
  state: ClientEvent[]
  account_data: Array<{ type: string }>
}
interface Chunk {
  start: string
  end: string
  chunk: Array<ClientEvent & { room_id: string }>
}

const bodies = (events: readonly ClientEvent[]): unknown[] =>
  events.filter(({ type }) => type === 'm.room.message').map(({ content }) => content['body'])

over('clients from before /sync find what they ask for', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat', visibility: 'public' })
  await alice.send(room, 'one')
  await bob.join(room)
  const hidden = await alice.createRoom({})
  const two = await alice.send(room, 'two')
  await alice.createRoom({ invite: [bob.userId] })
  await stage.between()
  const info = await bob.req<Info>('GET', inRoom(room, '/initialSync'))
  assert.deepEqual([info.membership, info.visibility, bodies(info.messages.chunk)], ['join', 'public', ['one', 'two']])
  assert.ok(info.state.some(({ type }) => type === 'm.room.create'))
  assert.deepEqual(bodies((await bob.req<Info>('GET', inRoom(room, '/initialSync?limit=1'))).messages.chunk), ['two'])
  assert.equal(await bob.refusal('GET', inRoom(hidden, '/initialSync')), '403 M_FORBIDDEN')

  const all = await bob.req<{ end: string; rooms: Info[] }>('GET', '/initialSync')
  assert.deepEqual(new Set(all.rooms.map(({ membership }) => membership)), new Set(['invite', 'join']))
  assert.equal((await bob.req<ClientEvent>('GET', `/events/${encodeURIComponent(two)}`)).content['body'], 'two')
  const secret = await alice.send(hidden, 'secret')
  assert.equal(await bob.refusal('GET', `/events/${encodeURIComponent(secret)}`), '404 M_NOT_FOUND')

  const waiting = bob.req<Chunk>('GET', `/events?from=${all.end}&timeout=20000`)
  await alice.send(room, 'three')
  const { chunk, end } = await waiting
  assert.deepEqual(bodies(chunk), ['three'])
  assert.deepEqual(
    new Set(chunk.filter(({ type }) => type === 'm.room.message').map(({ room_id }) => room_id)),
    new Set([room]),
  )
  assert.deepEqual(bodies((await bob.req<Chunk>('GET', `/events?from=${end}`)).chunk), [])
  assert.equal(await bob.refusal('GET', '/events?from=x'), '400 M_INVALID_PARAM')
  await bob.leave(room)
  const later = await alice.send(room, 'after')
  assert.deepEqual(bodies((await bob.req<Info>('GET', inRoom(room, '/initialSync'))).messages.chunk), [
    'one',
    'two',
    'three',
  ])
  assert.equal(await bob.refusal('GET', `/events/${encodeURIComponent(later)}`), '404 M_NOT_FOUND')
  assert.deepEqual(bodies((await bob.req<Chunk>('GET', `/events?from=${end}`)).chunk), [])
})

over('who is not in a room looks into it while all the world may', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  assert.equal(await bob.refusal('GET', `/events?room_id=${encodeURIComponent(room)}`), '403 M_FORBIDDEN')
  await alice.send(room, 'before')
  await alice.setState(room, 'm.room.history_visibility', { history_visibility: 'world_readable' })
  const { messages, membership } = await bob.req<Info>('GET', inRoom(room, '/initialSync'))
  assert.deepEqual([membership, bodies(messages.chunk)], [undefined, []])
  const waiting = bob.req<Chunk>(
    'GET',
    `/events?room_id=${encodeURIComponent(room)}&from=${messages.end}&timeout=20000`,
  )
  await alice.send(room, 'shown')
  assert.deepEqual(bodies((await waiting).chunk), ['shown'])
})
