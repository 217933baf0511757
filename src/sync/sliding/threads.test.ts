import assert from 'node:assert/strict'
import { list, over, Slider, there, type Reply, type ThreadUpdates } from './fixture.test.ts'

const name = 'io.element.msc4360.threads'
const inThread = (root: string, body: string): object => ({
  msgtype: 'm.text',
  body,
  'm.relates_to': { rel_type: 'm.thread', event_id: root },
})
const updates = (reply: Reply): ThreadUpdates | undefined => reply.extensions[name]?.updates

over(
  'threads in which something was said are told, in rooms that are in no window, with their roots if wanted',
  async (world) => {
    const [alice, bob] = [await world.login('alice'), await world.login('bob')]
    const room = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(room)
    const [one, two] = [await alice.send(room, 'one'), await alice.send(room, 'two')]
    const slider = new Slider(alice)
    const wish = (more: object = {}): object => ({ extensions: { [name]: { enabled: true, ...more } } })
    assert.equal(updates(await slider.sync(wish())), undefined)
    const waiting = slider.sync(wish(), 5000)
    await bob.send(room, { ...inThread(one, 'a') })
    assert.deepEqual(updates(await waiting), { [room]: { [one]: {} } })
    await bob.send(room, { ...inThread(one, 'b') })
    await bob.send(room, { ...inThread(one, 'c') })
    await bob.send(room, { ...inThread(two, 'd') })
    const rooted = there((await slider.peek(wish({ include_roots: true }))).extensions[name])
    const root = there(rooted.updates[room]?.[one])
    assert.deepEqual(root.thread_root?.content['body'], 'one')
    assert.ok(
      JSON.stringify(root.thread_root?.unsigned).includes('"c"'),
      'the root has the newest message of its thread',
    )
    const page = await alice.req<{ chunk: Array<{ content: { body: string } }> }>(
      'GET',
      `/_matrix/client/v1/rooms/${encodeURIComponent(room)}/relations/${encodeURIComponent(one)}/m.thread?dir=b&from=${root.prev_batch}`,
    )
    assert.deepEqual(
      page.chunk.map((event) => event.content.body),
      ['b', 'a'],
    )

    const from = there(slider.pos)
    const cut = there((await slider.sync(wish({ limit: 1 }))).extensions[name])
    assert.deepEqual(Object.keys(cut.updates[room] ?? {}), [two])
    const rest = await alice.req<{ chunk: ThreadUpdates; next_batch?: string }>(
      'GET',
      `/_matrix/client/unstable/io.element.msc4360/thread_updates?dir=b&from=${cut.prev_batch}&to=${from}`,
    )
    assert.deepEqual([Object.keys(rest.chunk[room] ?? {}), rest.next_batch], [[one], undefined])
    assert.equal(
      await alice.refusal('GET', '/_matrix/client/unstable/io.element.msc4360/thread_updates?dir=b&from=x'),
      '400 M_INVALID_PARAM',
    )
  },
)

over('a thread is not told of twice, nor to who has left the room', async (world) => {
  const [alice, bob] = [await world.login('alice'), await world.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(room)
  const root = await alice.send(room, 'root')
  const slider = new Slider(bob)
  const wish = { lists: { all: list(9) }, extensions: { [name]: { enabled: true } } }
  await slider.sync(wish)
  await alice.send(room, { ...inThread(root, 'a') })
  assert.equal(updates(await slider.sync(wish)), undefined, 'it is in the timeline')
  await alice.send(room, { ...inThread(root, 'b') })
  await alice.send(room, 'something else')
  assert.deepEqual(
    Object.keys(there(updates(await slider.sync(wish)))[room] ?? {}),
    [root],
    'the timeline has no place for it',
  )
  await bob.leave(room)
  await alice.send(room, { ...inThread(root, 'secret') })
  assert.equal(updates(await slider.sync(wish)), undefined)
  const all = await bob.req('GET', '/_matrix/client/unstable/io.element.msc4360/thread_updates?dir=b')
  assert.deepEqual(all, { chunk: {} })
  const hers = await alice.req<{ chunk: ThreadUpdates }>(
    'GET',
    '/_matrix/client/unstable/io.element.msc4360/thread_updates?dir=b',
  )
  assert.deepEqual(Object.keys(hers.chunk[room] ?? {}), [root])
})
