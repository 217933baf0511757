import assert from 'node:assert/strict'
import { idOf, over, path, type Name, type Shown, type World } from '../../../test/harness/rooms.ts'

interface Page {
  start: string
  end?: string
  chunk: Shown[]
  state?: Shown[]
}

const page = (world: World, name: Name, roomId: string, query: Record<string, string | number>): Promise<Page> =>
  world.get<Page>(
    name,
    path(
      roomId,
      `/messages?${new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)])).toString()}`,
    ),
  )

async function everything(
  world: World,
  name: Name,
  roomId: string,
  query: Record<string, string | number>,
): Promise<{ events: Shown[]; pages: number }> {
  const events: Shown[] = []
  let from: string | undefined
  for (let pages = 1; ; pages++) {
    const one = await page(world, name, roomId, { ...query, ...(from !== undefined && { from }) })
    events.push(...one.chunk)
    if (one.end === undefined) return { events, pages }
    assert.notEqual(one.end, from)
    from = one.end
  }
}

const ids = (events: readonly Shown[]): string[] => events.map((event) => event.event_id)

over('a room is paged through both ways without loss or doubles, whatever the size of the page', async (world) => {
  const roomId = await world.create('alice', { preset: 'public_chat' })
  const sent: string[] = []
  for (let index = 0; index < 30; index++) {
    sent.push(await world.send('alice', roomId, `message ${index}`))
    // What belongs to other rooms lies between.
    if (index % 7 === 0) await world.create('bob')
  }
  const all = await everything(world, 'alice', roomId, { dir: 'f', limit: 500 })
  // Forwards, the page with the newest event can be gone on from: an empty one more says that there is nothing yet.
  assert.equal(all.pages, 2)
  assert.equal(all.events[0]?.type, 'm.room.create')
  assert.deepEqual(ids(all.events).slice(-30), sent)
  for (const limit of [1, 3, 7, 10, all.events.length, all.events.length + 1]) {
    const forth = await everything(world, 'alice', roomId, { dir: 'f', limit })
    assert.deepEqual(ids(forth.events), ids(all.events))
    assert.equal(forth.pages, Math.ceil(all.events.length / limit) + 1)
    const back = await everything(world, 'alice', roomId, { dir: 'b', limit })
    assert.deepEqual(ids(back.events).toReversed(), ids(all.events))
    assert.equal(back.pages, Math.ceil(all.events.length / limit))
  }
})

over('from and to bound a page, and its tokens lead back to where it began', async (world) => {
  const roomId = await world.create('alice')
  const sent: string[] = []
  for (let index = 0; index < 12; index++) sent.push(await world.send('alice', roomId))
  const first = await page(world, 'alice', roomId, { dir: 'b', limit: 4 })
  const second = await page(world, 'alice', roomId, { dir: 'b', limit: 4, from: first.end ?? '' })
  assert.equal(second.start, first.end)
  assert.deepEqual(ids(second.chunk), sent.slice(4, 8).toReversed())
  const between = await page(world, 'alice', roomId, { dir: 'b', limit: 100, from: first.start, to: second.end ?? '' })
  assert.deepEqual(ids(between.chunk), sent.slice(4).toReversed())
  assert.equal(between.end, second.end)
  const forth = await page(world, 'alice', roomId, {
    dir: 'f',
    limit: 100,
    from: second.end ?? '',
    to: first.end ?? '',
  })
  assert.deepEqual(ids(forth.chunk), sent.slice(4, 8))
  assert.equal(forth.end, first.end)
  const none = await page(world, 'alice', roomId, { dir: 'f', limit: 0, from: second.end ?? '' })
  assert.deepEqual([none.chunk, none.end], [[], second.end])
  assert.equal((await page(world, 'alice', roomId, { dir: 'f', from: String(world.log.now) })).end, undefined)
  const edge = await page(world, 'alice', roomId, { dir: 'f', limit: 100, from: second.end ?? '' })
  assert.deepEqual(ids(edge.chunk), sent.slice(4))
  const empty = await page(world, 'alice', roomId, { dir: 'f', from: edge.end ?? '' })
  assert.deepEqual([empty.chunk, empty.end], [[], undefined])
  const later = await world.send('alice', roomId)
  assert.deepEqual(ids((await page(world, 'alice', roomId, { dir: 'f', from: edge.end ?? '' })).chunk), [later])
})

over('a page is filled past what the filter leaves out', async (world) => {
  const roomId = await world.create('alice', { preset: 'public_chat' })
  await world.act('bob', roomId, 'join')
  const wanted: string[] = []
  for (let index = 0; index < 40; index++) {
    if (index % 10 === 0)
      wanted.push(await world.send('bob', roomId, { body: 'x', msgtype: 'm.file', url: 'mxc://one.test/abc' }))
    else await world.send('alice', roomId, 'noise')
  }
  const filter = JSON.stringify({ senders: [idOf('bob')], types: ['m.room.message'] })
  const found = await page(world, 'alice', roomId, { dir: 'b', limit: 3, filter })
  assert.deepEqual(ids(found.chunk), wanted.slice(1).toReversed())
  const rest = await page(world, 'alice', roomId, { dir: 'b', limit: 3, filter, from: found.end ?? '' })
  assert.deepEqual(ids(rest.chunk), wanted.slice(0, 1))
  assert.equal(rest.end, undefined)
  assert.deepEqual(
    ids((await page(world, 'alice', roomId, { dir: 'f', filter: JSON.stringify({ contains_url: true }) })).chunk),
    wanted,
  )
  assert.deepEqual(
    (await page(world, 'alice', roomId, { dir: 'f', filter: JSON.stringify({ not_rooms: [roomId] }) })).chunk,
    [],
  )
  assert.deepEqual((await page(world, 'alice', roomId, { dir: 'f', filter: JSON.stringify({ types: [] }) })).chunk, [])
})

over('a filter finds events by what relates to them', async (world) => {
  const roomId = await world.create('alice', { preset: 'public_chat' })
  await world.act('bob', roomId, 'join')
  const [liked, threaded] = [await world.send('alice', roomId), await world.send('alice', roomId)]
  await world.send(
    'bob',
    roomId,
    { 'm.relates_to': { rel_type: 'm.annotation', event_id: liked, key: '+' } },
    'm.reaction',
  )
  await world.send('alice', roomId, {
    body: 'x',
    msgtype: 'm.text',
    'm.relates_to': { rel_type: 'm.thread', event_id: threaded },
  })
  const found = async (filter: object): Promise<string[]> =>
    ids((await page(world, 'alice', roomId, { dir: 'f', limit: 100, filter: JSON.stringify(filter) })).chunk)
  assert.deepEqual(await found({ related_by_rel_types: ['m.annotation'] }), [liked])
  assert.deepEqual(await found({ related_by_rel_types: ['m.thread', '\0'] }), [threaded])
  assert.deepEqual(await found({ related_by_senders: [idOf('bob'), '@nobody:one.test'] }), [liked])
  assert.deepEqual(await found({ related_by_senders: ['@nobody:one.test'] }), [])
  assert.deepEqual(await found({ related_by_senders: [idOf('bob')], related_by_rel_types: ['m.thread'] }), [])
})

over('lazy loading sends the member events of who is on the page, as they were then', async (world) => {
  const roomId = await world.create('alice', { preset: 'public_chat' })
  await world.act('bob', roomId, 'join')
  await world.act('carol', roomId, 'join')
  await world.send('bob', roomId, 'one')
  await world.act('bob', roomId, 'leave')
  await world.send('alice', roomId, 'two')
  const filter = JSON.stringify({ lazy_load_members: true, types: ['m.room.message'] })
  const { state = [] } = await page(world, 'alice', roomId, { dir: 'b', filter })
  assert.deepEqual(
    state.map((event) => [event.state_key, event.content['membership']]),
    [
      [idOf('alice'), 'join'],
      [idOf('bob'), 'join'],
    ],
  )
  assert.equal((await page(world, 'alice', roomId, { dir: 'b', filter: '{}' })).state, undefined)
})

over('messages of ignored users are left out, their state is not', async (world) => {
  const roomId = await world.create('alice', { preset: 'public_chat' })
  await world.act('bob', roomId, 'join')
  const [hidden, shown] = [await world.send('bob', roomId), await world.send('alice', roomId)]
  await world.ignore('alice', 'bob')
  const { chunk } = await page(world, 'alice', roomId, { dir: 'b', limit: 3 })
  assert.ok(!ids(chunk).includes(hidden))
  assert.deepEqual([chunk[0]?.event_id, chunk[1]?.sender], [shown, idOf('bob')])
})

over('a page is found however much before it is not for the reader', async (world) => {
  const roomId = await world.create('alice', {
    preset: 'public_chat',
    initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }],
  })
  const room = await world.rooms.find(roomId)
  assert.ok(room)
  const sender = { nid: world.sessions.alice.user, userId: idOf('alice') }
  for (let part = 0; part < 5; part++) {
    await world.rooms.append(
      room,
      Array.from({ length: 500 }, (_, index) => ({
        type: 'm.room.message',
        sender,
        content: { body: `${part}.${index}` },
      })),
    )
  }
  await world.act('bob', roomId, 'join')
  const seen = await world.send('alice', roomId)
  const { events, pages } = await everything(world, 'bob', roomId, { dir: 'f', limit: 50 })
  assert.deepEqual(ids(events).slice(-1), [seen])
  assert.ok(!events.some((event) => String(event.content['body']).includes('.')))
  assert.ok(pages <= 3, `${pages} pages`)
  const back = await everything(world, 'bob', roomId, { dir: 'b', limit: 50 })
  assert.deepEqual(ids(back.events).toReversed(), ids(events))
})

over('a message may come without a transaction id, as old scripts send', async (world) => {
  const roomId = await world.create('alice')
  const send = (): Promise<string> =>
    world
      .ask('alice', 'POST', path(roomId, '/send/m.room.message'), { msgtype: 'm.text', body: 'x' })
      .then(({ body }) => String(body['event_id']))
  const sent = [await send(), await send()]
  assert.notEqual(sent[0], sent[1])
  assert.deepEqual(ids((await page(world, 'alice', roomId, { dir: 'b', limit: 2 })).chunk), sent.toReversed())
})
