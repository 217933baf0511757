import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { JsonObject } from '../../matrix/json.ts'
import { idOf, openWorld, over, path, type Name, type Shown, type World } from '../../../test/harness/rooms.ts'

interface Relations {
  'm.replace'?: Shown
  'm.thread'?: { latest_event: Shown; count: number; current_user_participated: boolean }
  'm.reference'?: { chunk: Array<{ event_id: string }> }
}
interface Page {
  chunk: Shown[]
  next_batch?: string
  prev_batch?: string
  recursion_depth?: number
}

const relationsOf = (event: Shown): Relations | undefined => event.unsigned['m.relations'] as Relations | undefined
const read = (world: World, name: Name, roomId: string, id: string): Promise<Shown> =>
  world.get<Shown>(name, path(roomId, `/event/${id}`))
const bundled = async (world: World, name: Name, roomId: string, id: string): Promise<Relations | undefined> =>
  relationsOf(await read(world, name, roomId, id))
const related = (world: World, name: Name, roomId: string, id: string, rest = ''): Promise<Page> =>
  world.get<Page>(name, path(roomId, `/relations/${id}${rest}`, 'v1'))
const threads = (world: World, name: Name, roomId: string, rest = ''): Promise<Page> =>
  world.get<Page>(name, path(roomId, `/threads${rest}`, 'v1'))

const edit = (id: string, body: string): object => ({
  msgtype: 'm.text',
  body: `* ${body}`,
  'm.new_content': { msgtype: 'm.text', body },
  'm.relates_to': { rel_type: 'm.replace', event_id: id },
})
const reply = (id: string, body = 'reply'): object => ({
  msgtype: 'm.text',
  body,
  'm.relates_to': { rel_type: 'm.thread', event_id: id },
})
const reference = (id: string): object => ({
  msgtype: 'm.text',
  body: 'see',
  'm.relates_to': { rel_type: 'm.reference', event_id: id },
})

async function room(world: World, ...others: Name[]): Promise<string> {
  const roomId = await world.create('alice', { preset: 'public_chat' })
  for (const name of others) await world.act(name, roomId, 'join')
  return roomId
}

over('the newest valid edit comes with an event, by the time it says and not by when it came', async (world) => {
  const roomId = await room(world, 'bob')
  world.clock.now = 5000
  const id = await world.send('alice', roomId, 'one')
  assert.equal(await bundled(world, 'bob', roomId, id), undefined)
  world.clock.now = 9000
  const late = await world.send('alice', roomId, edit(id, 'late'))
  world.clock.now = 6000
  const early = await world.send('alice', roomId, edit(id, 'early'))
  await world.send('bob', roomId, edit(id, 'not yours'))
  await world.send('alice', roomId, { ...edit(id, ''), 'm.new_content': 'no content' })
  await world.send('alice', roomId, { ...edit(id, 'other type') }, 'm.other')
  const event = await read(world, 'bob', roomId, id)
  assert.equal(event.content['body'], 'one')
  const replaced = relationsOf(event)?.['m.replace']
  assert.deepEqual(
    [replaced?.event_id, replaced?.content['body'], replaced?.room_id, replaced?.sender],
    [late, '* late', roomId, idOf('alice')],
  )
  assert.equal(await bundled(world, 'bob', roomId, late), undefined)
  await world.redact('alice', roomId, late)
  assert.equal((await bundled(world, 'bob', roomId, id))?.['m.replace']?.event_id, early)
  await world.redact('alice', roomId, id)
  assert.equal(await bundled(world, 'bob', roomId, id), undefined)
})

over(
  'a thread is summarised: how many, the newest with its own edit, and whether the reader takes part',
  async (world) => {
    const roomId = await room(world, 'bob', 'carol')
    const root = await world.send('alice', roomId, 'root')
    assert.equal(await bundled(world, 'bob', roomId, root), undefined)
    const first = await world.send('bob', roomId, reply(root))
    const one = (await bundled(world, 'carol', roomId, root))?.['m.thread']
    assert.deepEqual([one?.count, one?.latest_event.event_id, one?.current_user_participated], [1, first, false])
    const second = await world.send('carol', roomId, reply(root))
    const fixed = await world.send('carol', roomId, edit(second, 'fixed'))
    for (const [name, takesPart] of [
      ['alice', true],
      ['bob', true],
      ['carol', true],
    ] as const) {
      const thread = (await bundled(world, name, roomId, root))?.['m.thread']
      assert.deepEqual(
        [thread?.count, thread?.latest_event.event_id, thread?.current_user_participated],
        [2, second, takesPart],
      )
      assert.equal(thread?.latest_event.room_id, roomId)
      assert.equal(thread && relationsOf(thread.latest_event)?.['m.replace']?.event_id, fixed)
    }
    await world.ignore('alice', 'carol')
    const without = (await bundled(world, 'alice', roomId, root))?.['m.thread']
    assert.deepEqual([without?.count, without?.latest_event.event_id], [1, first])
    await world.redact('bob', roomId, first)
    assert.equal((await bundled(world, 'alice', roomId, root))?.['m.thread'], undefined)
    assert.equal((await bundled(world, 'bob', roomId, root))?.['m.thread']?.count, 1)
  },
)

over('references are listed, reactions are not, and state has no summary', async (world) => {
  const roomId = await room(world, 'bob')
  const id = await world.send('alice', roomId)
  const one = await world.send('alice', roomId, reference(id))
  const two = await world.send('bob', roomId, reference(id))
  await world.send(
    'bob',
    roomId,
    { 'm.relates_to': { rel_type: 'm.annotation', event_id: id, key: '+' } },
    'm.reaction',
  )
  await world.send('bob', roomId, { 'm.relates_to': { rel_type: 'org.example', event_id: id } }, 'org.example')
  assert.deepEqual(await bundled(world, 'alice', roomId, id), {
    'm.reference': { chunk: [{ event_id: one }, { event_id: two }] },
  })
  await world.ignore('alice', 'bob')
  assert.deepEqual(await bundled(world, 'alice', roomId, id), { 'm.reference': { chunk: [{ event_id: one }] } })
  const topic = await world.state('alice', roomId, 'm.room.topic', { topic: 'x' })
  await world.send('alice', roomId, reference(topic))
  assert.equal(await bundled(world, 'alice', roomId, topic), undefined)
})

over('what relates to an event from another room is not told', async (world) => {
  const [roomId, other] = [await room(world, 'bob'), await world.create('bob')]
  const id = await world.send('alice', roomId)
  await world.send('bob', other, reply(id, 'from elsewhere'))
  await world.send('bob', other, reference(id))
  assert.equal(await bundled(world, 'alice', roomId, id), undefined)
  assert.deepEqual((await related(world, 'alice', roomId, id)).chunk, [])
  assert.deepEqual((await threads(world, 'alice', roomId)).chunk, [])
  const fresh = await openWorld(world.database)
  assert.equal(await bundled(fresh, 'alice', roomId, id), undefined)
  await fresh[Symbol.asyncDispose]()
})

over('who left, and who may not see all, gets summaries of what they may see', async (world) => {
  const roomId = await world.create('alice', {
    preset: 'public_chat',
    initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }],
  })
  await world.act('bob', roomId, 'join')
  const root = await world.send('alice', roomId, 'root')
  const inside = await world.send('alice', roomId, reply(root))
  const known = await world.send('alice', roomId, edit(root, 'known'))
  await world.act('bob', roomId, 'leave')
  await world.send('alice', roomId, reply(root))
  await world.send('alice', roomId, edit(root, 'unknown'))
  await world.send('alice', roomId, reference(root))
  const his = await bundled(world, 'bob', roomId, root)
  assert.deepEqual(
    [
      his?.['m.replace']?.event_id,
      his?.['m.thread']?.count,
      his?.['m.thread']?.latest_event.event_id,
      his?.['m.reference'],
    ],
    [known, 1, inside, undefined],
  )
  const hers = await bundled(world, 'alice', roomId, root)
  assert.deepEqual(
    [hers?.['m.replace']?.content['body'], hers?.['m.thread']?.count, hers?.['m.reference']?.chunk.length],
    ['* unknown', 2, 1],
  )
  assert.equal((await related(world, 'bob', roomId, root)).chunk.length, 2)
  const [listed] = (await threads(world, 'bob', roomId)).chunk
  assert.equal(listed && relationsOf(listed)?.['m.thread']?.count, 1)
})

over('relations are paged through both ways, by type and event type', async (world) => {
  const roomId = await room(world, 'bob')
  const id = await world.send('alice', roomId)
  const sent: string[] = []
  for (let index = 0; index < 11; index++) sent.push(await world.send('bob', roomId, reply(id, String(index))))
  const reaction = await world.send(
    'bob',
    roomId,
    { 'm.relates_to': { rel_type: 'm.annotation', event_id: id, key: '+' } },
    'm.reaction',
  )
  for (const dir of ['b', 'f']) {
    const found: string[] = []
    let from = ''
    for (let pages = 0; ; pages++) {
      const one = await related(
        world,
        'alice',
        roomId,
        id,
        `/m.thread/m.room.message?dir=${dir}&limit=3${from && `&from=${from}`}`,
      )
      assert.equal(one.prev_batch, from || undefined)
      found.push(...one.chunk.map((event) => event.event_id))
      if (one.next_batch === undefined) {
        assert.equal(pages, 3)
        break
      }
      from = one.next_batch
    }
    assert.deepEqual(dir === 'b' ? found.toReversed() : found, sent)
  }
  assert.equal((await related(world, 'alice', roomId, id)).chunk.length, 12)
  assert.deepEqual(
    (await related(world, 'alice', roomId, id, '/m.annotation')).chunk.map((event) => event.event_id),
    [reaction],
  )
  assert.deepEqual((await related(world, 'alice', roomId, id, '/m.thread/m.other')).chunk, [])
  await world.ignore('alice', 'bob')
  assert.deepEqual((await related(world, 'alice', roomId, id)).chunk, [])
})

over('relations of relations are found to a depth, and only by way of what fits', async (world) => {
  const roomId = await room(world)
  const root = await world.send('alice', roomId)
  const child = await world.send('alice', roomId, reply(root))
  const grandchild = await world.send('alice', roomId, edit(child, 'x'))
  const reaction = await world.send(
    'alice',
    roomId,
    { 'm.relates_to': { rel_type: 'm.annotation', event_id: grandchild, key: '+' } },
    'm.reaction',
  )
  await world.send('alice', roomId, { 'm.relates_to': { rel_type: 'org.example', event_id: reaction } }, 'org.example')
  const found = async (rest: string): Promise<[string[], number | undefined]> => {
    const { chunk, recursion_depth: depth } = await related(world, 'alice', roomId, root, rest)
    return [chunk.map((event) => event.event_id), depth]
  }
  assert.deepEqual(await found(''), [[child], undefined])
  assert.deepEqual(await found('?recurse=true'), [[reaction, grandchild, child], 3])
  assert.deepEqual(await found('?recurse=true&dir=f'), [[child, grandchild, reaction], 3])
  assert.deepEqual(await found('/m.annotation?recurse=true'), [[], 0])
  assert.deepEqual(await found('/m.thread?recurse=true'), [[child], 1])
  const first = await related(world, 'alice', roomId, root, '?recurse=true&limit=2')
  assert.deepEqual(
    first.chunk.map((event) => event.event_id),
    [reaction, grandchild],
  )
  assert.deepEqual(
    (await related(world, 'alice', roomId, root, `?recurse=true&limit=2&from=${first.next_batch}`)).chunk.map(
      (event) => event.event_id,
    ),
    [child],
  )
})

over('threads are listed by their newest event, each once, and those one takes part in', async (world) => {
  const roomId = await room(world, 'bob', 'carol')
  const roots: string[] = []
  for (let index = 0; index < 7; index++)
    roots.push(await world.send(index % 2 ? 'alice' : 'bob', roomId, `root ${index}`))
  for (let round = 0; round < 3; round++) for (const root of roots) await world.send('bob', roomId, reply(root))
  const [third = '', fifth = ''] = [roots[3], roots[5]]
  await world.send('carol', roomId, reply(third))
  const order = [third, ...roots.filter((root) => root !== third).toReversed()]
  const list = async (name: Name, rest: string): Promise<string[]> => {
    const found: string[] = []
    for (let from = ''; ;) {
      const one = await threads(world, name, roomId, `?limit=2${rest}${from && `&from=${from}`}`)
      found.push(...one.chunk.map((event) => event.event_id))
      if (one.next_batch === undefined) return found
      from = one.next_batch
    }
  }
  assert.deepEqual(await list('alice', ''), order)
  assert.deepEqual(await list('carol', '&include=participated'), [third])
  assert.deepEqual(
    await list('alice', '&include=participated'),
    order.filter((root) => roots.indexOf(root) % 2 === 1),
  )
  await world.ignore('carol', 'alice')
  const ignoring = (await threads(world, 'carol', roomId)).chunk
  assert.deepEqual(
    ignoring.map((event) => event.event_id),
    order,
  )
  assert.deepEqual(ignoring.find((event) => event.event_id === fifth)?.content, {})
  await world.ignore('carol', 'bob')
  assert.deepEqual(await list('carol', ''), [third])
})

over('however much relates to an event, its summary stays small', async (world) => {
  const roomId = await room(world, 'bob')
  const id = await world.send('alice', roomId)
  const head = await world.rooms.find(roomId)
  assert.ok(head)
  const sender = { nid: world.sessions.alice.user, userId: idOf('alice') }
  const contents = Array.from({ length: 150 }, (_, index) => [
    edit(id, String(index)),
    reply(id),
    reference(id),
  ]).flat() as JsonObject[]
  for (const restarted of [false, true]) {
    const from = restarted ? await openWorld(world.database) : world
    if (!restarted) {
      assert.equal(await bundled(world, 'bob', roomId, id), undefined)
      await world.rooms.append(
        head,
        contents.map((content, index) => ({ type: 'm.room.message', sender, content, ts: Date.now() + index })),
      )
    }
    const summary = await bundled(from, 'bob', roomId, id)
    assert.equal(summary?.['m.replace']?.content['body'], '* 149')
    assert.deepEqual([summary?.['m.reference']?.chunk.length, summary?.['m.thread']?.count], [100, 150])
    assert.equal((await related(from, 'bob', roomId, id, '?limit=100000')).chunk.length, 100)
    assert.equal((await related(from, 'bob', roomId, id, '?limit=100000&recurse=true')).chunk.length, 100)
    if (restarted) await from[Symbol.asyncDispose]()
  }
})

over('what is kept in memory of relations is what the database would say', async (world) => {
  const name = fc.constantFrom<Name>('alice', 'bob')
  const step = fc.record({
    name,
    what: fc.constantFrom('send', 'edit', 'reply', 'reference', 'redact', 'read'),
    at: fc.nat(30),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 30 }),
      fc.constantFrom('shared', 'joined'),
      async (steps, visibility) => {
        const roomId = await world.create('alice', {
          preset: 'public_chat',
          initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: visibility } }],
        })
        const sent = [await world.send('alice', roomId), await world.send('alice', roomId)]
        await world.act('bob', roomId, 'join')
        for (const { name: who, what, at } of steps) {
          const id = sent[at % sent.length] ?? ''
          if (what === 'read') await world.get(who, path(roomId, '/messages?dir=b&limit=100'))
          else if (what === 'redact')
            await world.ask(who, 'PUT', path(roomId, `/redact/${id}/${sent.length}.${at}`), {})
          else {
            const content =
              what === 'edit'
                ? edit(id, 'x')
                : what === 'reply'
                  ? reply(id)
                  : what === 'reference'
                    ? reference(id)
                    : { msgtype: 'm.text', body: 'hello' }
            const { body } = await world.ask(
              who,
              'PUT',
              path(roomId, `/send/m.room.message/${what}${sent.length}`),
              content,
            )
            if (typeof body['event_id'] === 'string') sent.push(body['event_id'])
          }
        }
        const fresh = await openWorld(world.database)
        for (const reader of ['alice', 'bob'] as const) {
          const summaries = async (from: World): Promise<unknown> =>
            (await from.get<{ chunk: Shown[] }>(reader, path(roomId, '/messages?dir=b&limit=100'))).chunk.map(
              (event) => [
                event.event_id,
                JSON.parse(JSON.stringify(relationsOf(event) ?? null).replaceAll(/"age":\d+/g, '"age":0')) as unknown,
              ],
            )
          assert.deepEqual(await summaries(world), await summaries(fresh))
        }
        await fresh[Symbol.asyncDispose]()
      },
    ),
    { numRuns: 12 },
  )
})
