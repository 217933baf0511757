import assert from 'node:assert/strict'
import fc from 'fast-check'
import { idOf, openWorld, over, path, type Shown } from '../../../test/harness/rooms.ts'

over('state is read whole, by its place, and with its event', async (world) => {
  const roomId = await world.create('alice', { name: 'Kitchen' })
  const id = await world.state('alice', roomId, 'org.example.thing', { a: 1 }, 'k/e y')
  const place = `/state/org.example.thing/${encodeURIComponent('k/e y')}`
  assert.deepEqual(await world.get('alice', path(roomId, place)), { a: 1 })
  const event = await world.get<Shown>('alice', path(roomId, `${place}?format=event`))
  assert.deepEqual([event.event_id, event.state_key, event.content, event.room_id], [id, 'k/e y', { a: 1 }, roomId])
  for (const spelling of ['/state/m.room.name', '/state/m.room.name/', '/state/m.room.name/?format=content']) {
    assert.deepEqual(await world.get('alice', path(roomId, spelling)), { name: 'Kitchen' })
  }
  assert.deepEqual(await world.get('alice', path(roomId, '/state/m.room.name', 'r0')), { name: 'Kitchen' })
  assert.equal(await world.outcome('alice', 'GET', path(roomId, '/state/m.room.topic')), '404 M_NOT_FOUND')
  assert.equal(
    await world.outcome('alice', 'GET', path(roomId, '/state/m.room.name?format=xml')),
    '400 M_INVALID_PARAM',
  )
  const all = await world.get<Shown[]>('alice', path(roomId, '/state'))
  assert.deepEqual(
    all
      .map((one) => one.type)
      .filter((type) => type !== 'm.room.member')
      .sort(),
    [
      'm.room.create',
      'm.room.guest_access',
      'm.room.history_visibility',
      'm.room.join_rules',
      'm.room.name',
      'm.room.power_levels',
      'org.example.thing',
    ],
  )
  assert.ok(all.every((one) => one.state_key !== undefined && one.unsigned['prev_content'] === undefined))
})

over('members are chosen by membership, and by what it is not', async (world) => {
  const roomId = await world.create('alice', { preset: 'public_chat' })
  await world.act('bob', roomId, 'join')
  await world.on('alice', roomId, 'invite', 'carol')
  await world.act('dave', roomId, 'join')
  const both = String(world.log.now)
  await world.act('dave', roomId, 'leave')
  await world.on('alice', roomId, 'ban', 'erin')
  const members = async (query: string): Promise<string[]> =>
    (await world.get<{ chunk: Shown[] }>('alice', path(roomId, `/members${query}`))).chunk
      .map((event) => String(event.state_key).slice(1, -9))
      .sort()
  assert.deepEqual(await members(''), ['alice', 'bob', 'carol', 'dave', 'erin'])
  assert.deepEqual(await members('?membership=join'), ['alice', 'bob'])
  assert.deepEqual(await members('?not_membership=leave'), ['alice', 'bob', 'carol', 'erin'])
  assert.deepEqual(await members('?membership=leave&not_membership=join'), ['carol', 'dave', 'erin'])
  assert.deepEqual(await members(`?membership=join&at=${both}`), ['alice', 'bob', 'dave'])
  assert.deepEqual(await members(`?membership=join&at=${world.log.now}`), ['alice', 'bob'])
  assert.deepEqual(await members('?at=0'), [])
  assert.equal(await world.outcome('alice', 'GET', path(roomId, '/members?membership=owner')), '400 M_INVALID_PARAM')
})

over('joined members come with their names, and joined rooms are those one is in', async (world) => {
  const [roomId, other] = [await world.create('alice', { preset: 'public_chat' }), await world.create('alice')]
  await world.act('bob', roomId, 'join')
  await world.state(
    'bob',
    roomId,
    'm.room.member',
    { membership: 'join', displayname: 'Bob', avatar_url: 'no address' },
    idOf('bob'),
  )
  assert.deepEqual(await world.get('alice', path(roomId, '/joined_members')), {
    joined: { [idOf('alice')]: {}, [idOf('bob')]: { display_name: 'Bob' } },
  })
  const joined = async (): Promise<string[]> =>
    (await world.get<{ joined_rooms: string[] }>('alice', '/joined_rooms')).joined_rooms.sort()
  assert.deepEqual(await joined(), [roomId, other].sort())
  await world.act('alice', other, 'leave')
  assert.deepEqual(await joined(), [roomId])
})

over('the context of an event has what came before and after, and state as of its end', async (world) => {
  const roomId = await world.create('alice', { preset: 'public_chat', topic: 'early' })
  await world.act('bob', roomId, 'join')
  const sent: string[] = []
  for (let index = 0; index < 10; index++) sent.push(await world.send(index % 2 ? 'bob' : 'alice', roomId))
  await world.state('alice', roomId, 'm.room.topic', { topic: 'late' })
  interface Context {
    start: string
    end: string
    event: Shown
    events_before: Shown[]
    events_after: Shown[]
    state: Shown[]
  }
  const context = (id: string | undefined, query = ''): Promise<Context> =>
    world.get<Context>('alice', path(roomId, `/context/${id}${query}`))
  const around = await context(sent[5], '?limit=5')
  assert.deepEqual(
    around.events_before.map((event) => event.event_id),
    [sent[4], sent[3], sent[2]],
  )
  assert.equal(around.event.event_id, sent[5])
  assert.deepEqual(
    around.events_after.map((event) => event.event_id),
    [sent[6], sent[7]],
  )
  assert.deepEqual(around.state.find((event) => event.type === 'm.room.topic')?.content['topic'], 'early')
  const back = await world.get<{ chunk: Shown[] }>(
    'alice',
    path(roomId, `/messages?dir=b&limit=1&from=${around.start}`),
  )
  const forth = await world.get<{ chunk: Shown[] }>('alice', path(roomId, `/messages?dir=f&limit=1&from=${around.end}`))
  assert.deepEqual([back.chunk[0]?.event_id, forth.chunk[0]?.event_id], [sent[1], sent[8]])
  const alone = await context(sent[5], '?limit=0')
  assert.deepEqual([alone.events_before, alone.events_after, alone.event.event_id], [[], [], sent[5]])
  assert.equal((await context(sent[9])).state.find((event) => event.type === 'm.room.topic')?.content['topic'], 'late')
  const lazy = await context(
    sent[4],
    `?limit=0&filter=${encodeURIComponent(JSON.stringify({ lazy_load_members: true, types: ['m.room.member'] }))}`,
  )
  assert.deepEqual(
    lazy.state.map((event) => event.state_key),
    [idOf('alice')],
  )
})

over(
  'unsigned tells what was replaced, what redacted, whose transaction and which membership it was',
  async (world) => {
    const roomId = await world.create('alice', {
      preset: 'public_chat',
      initial_state: [
        { type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
        { type: 'm.room.topic', content: { topic: 'one' } },
      ],
    })
    const early = await world.send('alice', roomId)
    await world.act('bob', roomId, 'join')
    const topic = await world.state('alice', roomId, 'm.room.topic', { topic: 'two' })
    const read = (name: 'alice' | 'bob', id: string): Promise<Shown> =>
      world.get<Shown>(name, path(roomId, `/event/${id}`))
    const { unsigned } = await read('bob', topic)
    assert.deepEqual(
      [unsigned['prev_content'], unsigned['membership'], unsigned['transaction_id']],
      [{ topic: 'one' }, 'join', undefined],
    )
    assert.match(String(unsigned['replaces_state']), /^\$/)
    assert.equal((await read('bob', early)).unsigned['membership'], 'leave')
    assert.deepEqual(
      [
        (await read('alice', early)).unsigned['membership'],
        typeof (await read('alice', early)).unsigned['transaction_id'],
      ],
      ['join', 'string'],
    )
    const own = await world.get<Shown>(
      'bob',
      path(roomId, `/state/m.room.member/${encodeURIComponent(idOf('bob'))}?format=event`),
    )
    assert.equal(own.unsigned['membership'], 'join')

    const [before, after] = [await world.send('alice', roomId, 'before'), await world.send('alice', roomId, 'after')]
    await world.redact('alice', roomId, before)
    await world.act('bob', roomId, 'leave')
    const { body } = await world.ask('alice', 'PUT', path(roomId, `/redact/${after}/r1`), { reason: 'not for bob' })
    const [first, second] = [await read('bob', before), await read('bob', after)]
    assert.deepEqual([first.content, second.content], [{}, {}])
    assert.equal((first.unsigned['redacted_because'] as Shown).content['redacts'], before)
    const because = second.unsigned['redacted_because'] as Shown
    assert.deepEqual([because.event_id, because.content], [body['event_id'], { redacts: after }])
    assert.equal((await read('alice', after)).unsigned['redacted_because'] !== undefined, true)
    assert.ok(
      !JSON.stringify(await world.get('bob', path(roomId, '/messages?dir=b&limit=100'))).includes('not for bob'),
    )
  },
)

over('events fresh from the log are decided on and written without a look at any table', async (world) => {
  const roomId = await world.create('alice', { preset: 'public_chat' })
  for (const name of ['bob', 'carol'] as const) await world.act(name, roomId, 'join')
  const since = world.log.now
  const root = await world.send('alice', roomId)
  for (let index = 0; index < 20; index++) await world.send('bob', roomId)
  const fresh = () =>
    world.log.tail
      .all(since, world.log.now)
      .flatMap((entry) => world.rooms.events.peek((entry.data as { nid: number }).nid) ?? [])
  const sync = async (name: 'alice' | 'carol'): Promise<number> => {
    const session = world.sessions[name]
    const reads = world.reads()
    const list = await world.history.visible(session, fresh())
    const texts = await world.history.serialise(list, { session, device: session.device, now: 0, withRoomId: false })
    assert.equal(texts.length, fresh().length)
    return world.reads() - reads
  }
  for (const name of ['alice', 'carol'] as const) await world.rooms.of(world.sessions[name].user)
  await sync('alice')
  assert.deepEqual([await sync('alice'), await sync('carol')], [0, 0])
  await world.send('bob', roomId, {
    msgtype: 'm.text',
    body: 'x',
    'm.relates_to': { rel_type: 'm.thread', event_id: root },
  })
  await sync('alice')
  assert.equal(await sync('carol'), 0)
  await world.send('bob', roomId, {
    msgtype: 'm.text',
    body: 'x',
    'm.relates_to': { rel_type: 'm.thread', event_id: root },
  })
  assert.equal(await sync('carol'), 0)
})

over('a time leads to the nearest event in either direction', async (world) => {
  world.clock.now = 1000
  const roomId = await world.create('alice')
  const at = async (now: number): Promise<string> => {
    world.clock.now = now
    return world.send('alice', roomId)
  }
  const [a, b, c, d] = [await at(5000), await at(7000), await at(7000), await at(6000)]
  const near = async (dir: 'b' | 'f', ts: number): Promise<unknown> =>
    (await world.ask('alice', 'GET', path(roomId, `/timestamp_to_event?dir=${dir}&ts=${ts}`, 'v1'))).body['event_id']
  assert.deepEqual(
    [await near('f', 4000), await near('f', 5001), await near('f', 6001), await near('f', 7001)],
    [a, d, b, undefined],
  )
  assert.deepEqual(
    [await near('b', 9000), await near('b', 6999), await near('b', 5999), await near('b', 999)],
    [c, d, a, undefined],
  )
})

over('a summary is for who could join or read the room', async (world) => {
  const open = await world.create('alice', { preset: 'public_chat', name: 'Open', topic: 'All' })
  const closed = await world.create('alice', { name: 'Closed', invite: [idOf('bob')] })
  const linked = await world.create('alice', {
    initial_state: [
      {
        type: 'm.room.join_rules',
        content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: closed }] },
      },
    ],
  })
  const summary = (name: 'alice' | 'bob' | 'frank' | undefined, id: string) =>
    world.ask(name, 'GET', `/_matrix/client/v1/room_summary/${encodeURIComponent(id)}`)
  assert.deepEqual((await summary(undefined, open)).body, {
    room_id: open,
    num_joined_members: 1,
    world_readable: false,
    guest_can_join: false,
    join_rule: 'public',
    room_version: '12',
    name: 'Open',
    topic: 'All',
  })
  assert.equal((await summary('alice', open)).body['membership'], 'join')
  for (const old of [`summary/${encodeURIComponent(open)}`, `rooms/${encodeURIComponent(open)}/summary`]) {
    assert.deepEqual(
      await world.ask('alice', 'GET', `/_matrix/client/unstable/im.nheko.summary/${old}`),
      await summary('alice', open),
    )
  }
  assert.equal((await summary('bob', closed)).body['membership'], 'invite')
  assert.deepEqual((await summary('alice', linked)).body['allowed_room_ids'], [closed])
  assert.equal((await summary('bob', linked)).status, 404)
  await world.act('bob', closed, 'join')
  assert.equal((await summary('bob', linked)).status, 200)
  const refused = [
    await summary('frank', closed),
    await summary(undefined, closed),
    await summary('frank', `!${'x'.repeat(43)}`),
    await summary('frank', '#no:one.test'),
    await summary('frank', 'junk'),
  ]
  for (const answer of refused) assert.deepEqual(answer, refused[0])
  assert.equal(refused[0]?.status, 404)
})

over('whatever is asked, the answer is an answer', async (world) => {
  const roomId = await world.create('alice', { preset: 'public_chat' })
  const eventId = await world.send('alice', roomId)
  await world.send('alice', roomId, {
    msgtype: 'm.text',
    body: 'x',
    'm.relates_to': { rel_type: 'm.thread', event_id: eventId },
  })
  const junk = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({ maxLength: 300 }),
    fc.maxSafeInteger().map(String),
    fc.double().map(String),
    fc.constantFrom(
      '',
      '0',
      '-1',
      '-0',
      '1e9',
      '99999999999999999999',
      '9007199254740993',
      'b',
      'f',
      'true',
      'NaN',
      '__proto__',
      'constructor',
      '\0',
      '\ud83d',
      '{}',
      '[]',
    ),
  )
  const filter = fc.oneof(
    junk,
    fc.json({ maxDepth: 3 }),
    fc
      .record(
        {
          types: fc.array(junk, { maxLength: 3 }),
          senders: fc.array(fc.oneof(junk, fc.constant(idOf('alice'))), { maxLength: 3 }),
          related_by_rel_types: fc.array(junk, { maxLength: 3 }),
          related_by_senders: fc.array(fc.constant(idOf('alice'))),
          lazy_load_members: fc.boolean(),
          limit: fc.integer(),
        },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value)),
  )
  const query = fc.record(
    {
      from: junk,
      to: junk,
      at: junk,
      ts: junk,
      dir: fc.oneof(junk, fc.constantFrom('b', 'f')),
      limit: fc.oneof(junk, fc.nat(2000).map(String)),
      filter,
      include: fc.oneof(junk, fc.constant('participated')),
      recurse: fc.oneof(junk, fc.constant('true')),
      membership: junk,
      not_membership: junk,
      format: junk,
    },
    { requiredKeys: [] },
  )
  const segment = fc.oneof({ weight: 3, arbitrary: fc.constant('') }, { weight: 1, arbitrary: junk })
  const endpoint = fc.constantFrom(
    'messages',
    'context/$',
    'event/$',
    'members',
    'joined_members',
    'state',
    'state/#',
    'state/#/#',
    'timestamp_to_event',
    'threads',
    'relations/$',
    'relations/$/#',
    'relations/$/#/#',
  )
  const encode = (text: string): string => encodeURIComponent(text.toWellFormed())
  await fc.assert(
    fc.asyncProperty(endpoint, query, segment, segment, segment, async (rest, parameters, room, event, other) => {
      const version = /^(?:timestamp|threads|relations)/.test(rest) ? 'v1' : 'v3'
      const place = rest.replace('$', encode(event || eventId)).replaceAll('#', encode(other || 'm.thread'))
      const search = Object.entries(parameters)
        .map(([key, value]) => `${key}=${encode(value)}`)
        .join('&')
      const { status, body } = await world.ask(
        'alice',
        'GET',
        path(room.toWellFormed() || roomId, `/${place}?${search}`, version),
      )
      assert.ok(status < 500, `${status} ${JSON.stringify(body)}`)
    }),
    { numRuns: 400 },
  )
})

over('after a restart everything reads as before', async (world) => {
  const roomId = await world.create('alice', { preset: 'public_chat' })
  await world.act('bob', roomId, 'join')
  const id = await world.send('alice', roomId)
  await world.send('alice', roomId, {
    msgtype: 'm.text',
    body: 'x',
    'm.relates_to': { rel_type: 'm.thread', event_id: id },
  })
  await world.act('bob', roomId, 'leave')
  const fresh = await openWorld(world.database)
  world.clock.now = 1
  fresh.clock.now = 1
  for (const name of ['alice', 'bob'] as const) {
    for (const [rest, version] of [
      ['/messages?dir=b&limit=100'],
      ['/messages?dir=f&limit=100'],
      ['/state'],
      [`/context/${id}`],
      ['/threads', 'v1'],
      ['/members'],
      [`/relations/${id}`, 'v1'],
    ] as Array<[string, string?]>) {
      const [one, two] = [
        await fresh.get(name, path(roomId, rest, version)),
        await world.get(name, path(roomId, rest, version)),
      ]
      // Where the room ends now is told by a position that a restart moves on; state has no order.
      const plain = ({ start: _start, ...answer }: Record<string, unknown>): unknown =>
        ['/state', '/members'].includes(rest)
          ? new Set(
              Object.values(answer)
                .flat()
                .map((event) => JSON.stringify((event as Shown).event_id)),
            )
          : answer
      assert.deepEqual(plain(one), plain(two))
    }
  }
  await fresh[Symbol.asyncDispose]()
})
