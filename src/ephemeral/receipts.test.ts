import assert from 'node:assert/strict'
import fc from 'fast-check'
import { over, type World } from './fixture.test.ts'
import { openEphemeral } from './index.ts'

const receipt = (
  { outcome, path }: World,
  token: string,
  type: string,
  eventId: string,
  body: unknown = {},
): Promise<string> => outcome(token, 'POST', `${path}/receipt/${type}/${encodeURIComponent(eventId)}`, body)

/** The receipts that a user is told of, as lines. */
async function told(
  { ephemeral, log, room, users, sessions }: World,
  who: 'alice' | 'bob',
  since: number,
  until = log.now,
  from = ephemeral,
): Promise<string[]> {
  const contents = (await from.receipts.since(sessions[who].user, [room.nid], since, until)).get(room.nid) ?? []
  assert.ok(users)
  const lines: string[] = []
  for (const content of contents) {
    for (const [eventId, types] of Object.entries(content)) {
      for (const [type, readers] of Object.entries(types as object)) {
        for (const [userId, data] of Object.entries(readers as Record<string, { thread_id?: string }>)) {
          lines.push([eventId, type, userId, data.thread_id ?? '-'].join(' '))
        }
      }
    }
  }
  return lines.sort()
}

over('a receipt is told to the room, a private one to its owner alone', async (world) => {
  const { log, say, sessions } = world
  const one = await say('alice')
  const two = await say('alice')
  const start = log.now
  using alice = log.watch(sessions.alice.user)
  assert.equal(await receipt(world, 'bob', 'm.read', one), '200')
  await alice.wait(60_000)
  assert.equal(await receipt(world, 'bob', 'm.read.private', two), '200')
  const [open, hidden] = [`${one} m.read @bob:one.test -`, `${two} m.read.private @bob:one.test -`]
  // Once from the log's tail, and once from the tables.
  for (const since of [start, 0]) {
    assert.deepEqual(await told(world, 'alice', since), [open])
    assert.deepEqual(await told(world, 'bob', since), [open, hidden].sort())
    assert.deepEqual(await told(world, 'bob', since, log.now - 1), [open])
  }
  assert.deepEqual(await told(world, 'bob', log.now), [])
})

over('a receipt never moves back', async (world) => {
  const { log, say, room, sessions, ephemeral } = world
  const [one, two, three] = [await say('alice'), await say('alice'), await say('alice')]
  await ephemeral.receipts.readUpTo(sessions.bob.user, room.nid)
  assert.equal(await receipt(world, 'bob', 'm.read', two), '200')
  const start = log.now
  assert.equal(await receipt(world, 'bob', 'm.read', one), '200')
  assert.equal(await receipt(world, 'bob', 'm.read', two), '200')
  assert.equal(log.now, start, 'and nobody is told')
  assert.equal(await receipt(world, 'bob', 'm.read', three), '200')
  assert.deepEqual(await told(world, 'alice', 0), [`${three} m.read @bob:one.test -`])
})

over('threads have receipts of their own', async (world) => {
  const { say, log, ephemeral, sessions, room, rooms, database, users } = world
  const root = await say('alice')
  const inThread = await say('alice', {
    msgtype: 'm.text',
    body: 'y',
    'm.relates_to': { rel_type: 'm.thread', event_id: root },
  })
  const main = await say('alice')
  const start = log.now
  assert.equal(await receipt(world, 'bob', 'm.read', inThread, { thread_id: root }), '200')
  assert.equal(
    await receipt(world, 'bob', 'm.read', root, { thread_id: root }),
    '200',
    'the root is in its thread, and further back',
  )
  assert.equal(await receipt(world, 'bob', 'm.read', main, { thread_id: 'main' }), '200')
  assert.equal(await receipt(world, 'bob', 'm.read', main), '200')
  assert.equal(await receipt(world, 'bob', 'm.read.private', inThread), '200')
  for (const [event, thread] of [
    [inThread, 'main'],
    [main, root],
    [root, main],
    [main, ''],
    [main, 7],
    [main, null],
    [main, {}],
  ] as const) {
    assert.equal(await receipt(world, 'bob', 'm.read', event, { thread_id: thread }), '400 M_INVALID_PARAM')
  }
  assert.equal(await receipt(world, 'bob', 'm.fully_read', main, { thread_id: 'main' }), '400 M_INVALID_PARAM')
  const expected = [
    `${inThread} m.read @bob:one.test ${root}`,
    `${main} m.read @bob:one.test main`,
    `${main} m.read @bob:one.test -`,
  ].sort()
  for (const since of [start, 0]) assert.deepEqual(await told(world, 'alice', since), expected)

  const place = async (eventId: string): Promise<number> => (await rooms.events.byId(eventId))?.position ?? 0
  using later = openEphemeral({ database, log, users, rooms, now: () => 0, onError: () => {}, presence: false })
  for (const { receipts } of [ephemeral, later]) {
    const read = await receipts.readUpTo(sessions.bob.user, room.nid)
    assert.equal(read.everywhere, await place(main))
    assert.deepEqual(
      new Map(read.threads),
      new Map([
        ['main', await place(main)],
        [root, await place(inThread)],
      ]),
    )
    assert.ok(!(receipts.readUpTo(sessions.bob.user, room.nid) instanceof Promise))
  }
  using third = openEphemeral({ database, log, users, rooms, now: () => 0, onError: () => {}, presence: false })
  const others = Array.from({ length: 30 }, (_, index) => 1_000_000 + index)
  const many = await third.receipts.readUpToMany(sessions.bob.user, [room.nid, ...others])
  assert.deepEqual(many.get(room.nid), await ephemeral.receipts.readUpTo(sessions.bob.user, room.nid))
  assert.deepEqual(many.get(others[0] ?? 0), { everywhere: 0, threads: new Map() })
})

over('read markers move receipts and the fully read marker, forward only', async (world) => {
  const { ask, outcome, say, path, log, users, sessions } = world
  const [one, two] = [await say('alice'), await say('alice')]
  const start = log.now
  const marker = async (): Promise<unknown> =>
    (await ask('bob', 'GET', `/user/@bob:one.test${path}/account_data/m.fully_read`)).body['event_id']
  assert.equal(
    await outcome('bob', 'POST', `${path}/read_markers`, { 'm.fully_read': one, 'm.read': two, 'm.read.private': one }),
    '200',
  )
  assert.equal(await marker(), one)
  assert.deepEqual(
    await told(world, 'bob', start),
    [`${one} m.read.private @bob:one.test -`, `${two} m.read @bob:one.test -`].sort(),
  )
  assert.deepEqual(
    (await users.accountData.since(sessions.bob.user, start, log.now)).map((item) => [item.type, item.content]),
    [['m.fully_read', { event_id: one }]],
  )
  assert.equal(await receipt(world, 'bob', 'm.fully_read', two), '200')
  assert.equal(await outcome('bob', 'POST', `${path}/read_markers`, { 'm.fully_read': one }), '200')
  assert.equal(await marker(), two)
  assert.equal(await outcome('bob', 'POST', `${path}/read_markers`, {}), '200')
  assert.equal(await outcome('bob', 'POST', `${path}/read_markers`, { 'm.read': 7 }), '400 M_BAD_JSON')
  assert.equal(await outcome('bob', 'POST', `${path}/read_markers`, { 'm.read': '$none' }), '404 M_NOT_FOUND')
})

over('only who is in a room marks what is in that room', async (world) => {
  const { say, outcome, path, other } = world
  const mine = await say('alice')
  const elsewhere = await say('bob', undefined, other)
  assert.equal(await receipt(world, 'carol', 'm.read', mine), '403 M_FORBIDDEN')
  assert.equal(await outcome('carol', 'POST', `${path}/read_markers`, { 'm.read': mine }), '403 M_FORBIDDEN')
  assert.equal(await outcome('alice', 'POST', `${other}/receipt/m.read/${elsewhere}`, {}), '403 M_FORBIDDEN')
  for (const type of ['m.read', 'm.read.private', 'm.fully_read']) {
    assert.equal(await receipt(world, 'bob', type, elsewhere), '404 M_NOT_FOUND')
    assert.equal(await receipt(world, 'bob', type, '$none'), '404 M_NOT_FOUND')
    assert.equal(await receipt(world, undefined as never, type, mine), '401 M_MISSING_TOKEN')
  }
  assert.equal(await receipt(world, 'bob', 'm.other', mine), '400 M_INVALID_PARAM')
})

over('nothing that a client can send makes the server stumble', async (world) => {
  const { outcome, path, say } = world
  const real = await say('alice')
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }).filter((part) => part.isWellFormed()),
    fc.constantFrom(real, 'main', '\0', '$\0'),
  )
  await fc.assert(
    fc.asyncProperty(text, text, fc.jsonValue(), async (eventId, thread, value) => {
      assert.match(
        await outcome('bob', 'POST', `${path}/read_markers`, { 'm.read': eventId, 'm.fully_read': value }),
        /^[24]/,
      )
      assert.match(
        await outcome('bob', 'POST', `${path}/receipt/m.read/${encodeURIComponent(real)}`, { thread_id: thread }),
        /^[24]/,
      )
      assert.match(
        await outcome('bob', 'PUT', `${path}/typing/@bob:one.test`, { typing: true, timeout: value }),
        /^[24]/,
      )
      assert.match(
        await outcome('bob', 'PUT', '/presence/@bob:one.test/status', { presence: 'online', status_msg: value }),
        /^[24]/,
      )
      assert.match(
        await outcome('bob', 'PUT', '/presence/@bob:one.test/status', { presence: 'online', status_msg: thread }),
        /^[24]/,
      )
    }),
    { numRuns: 50 },
  )
})
