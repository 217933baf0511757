import assert from 'node:assert/strict'
import type { Client } from '../../test/harness/client.ts'
import { at, brief, filtered, ids, inRoom, joinedIn, leftIn, over, pastOf, state, timeline } from './fixture.test.ts'

/** An answer that the harness does not hold against the specification: it may lack what was not asked for. */
async function raw<T>(client: Client, filter: object, since?: string): Promise<T> {
  const query = new URLSearchParams({ filter: JSON.stringify(filter), ...(since !== undefined && { since }) })
  const answer = await globalThis.fetch(`${client.base}/_matrix/client/v3/sync?${query.toString()}`, {
    headers: { authorization: `Bearer ${client.token}` },
  })
  assert.equal(answer.status, 200)
  return (await answer.json()) as T
}

over('a filter chooses rooms, on the whole and for each part of them', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  const rooms = [
    await alice.createRoom({ preset: 'public_chat' }),
    await alice.createRoom({ preset: 'public_chat' }),
  ] as const
  const [one, two] = rooms
  for (const room of rooms) {
    await bob.join(room)
    await bob.req('PUT', at(bob, `/rooms/${encodeURIComponent(room)}/account_data/test`), {})
    const event = await alice.send(room, 'hello')
    await alice.req('POST', inRoom(room, `/receipt/m.read/${encodeURIComponent(event)}`), {})
  }
  const invited = await alice.createRoom({ invite: [bob.userId] })
  await stage.between()
  const sees = async (filter: object): Promise<string[]> => {
    bob.since = undefined
    const { rooms: found } = await filtered(bob, { room: filter })
    const names = new Map([
      [one, 'one'],
      [two, 'two'],
      [invited, 'invited'],
    ])
    return [...Object.keys(found?.join ?? {}), ...Object.keys(found?.invite ?? {})]
      .map((room) => names.get(room) ?? room)
      .toSorted()
  }
  assert.deepEqual(await sees({}), ['invited', 'one', 'two'])
  assert.deepEqual(await sees({ rooms: [one] }), ['one'])
  assert.deepEqual(await sees({ rooms: [] }), [])
  assert.deepEqual(await sees({ not_rooms: [one, invited] }), ['two'])
  assert.deepEqual(await sees({ rooms: [one, two], not_rooms: [two] }), ['one'])
  const parts = ({
    state: events,
    timeline: { events: sent },
    ephemeral,
    account_data: data,
  }: ReturnType<typeof joinedIn>): number[] =>
    [events?.events.length ?? 0, sent.length, ephemeral?.events.length ?? 0, data?.events.length ?? 0].map((count) =>
      Math.min(count, 1),
    )
  for (const [index, part] of ['state', 'timeline', 'ephemeral', 'account_data'].entries()) {
    bob.since = undefined
    const body = await filtered(bob, { room: { timeline: { limit: 5 }, [part]: { limit: 5, not_rooms: [two] } } })
    assert.deepEqual(parts(joinedIn(body, one)), [1, 1, 1, 1])
    assert.deepEqual(
      parts(joinedIn(body, two)),
      [1, 1, 1, 1].map((count, at_) => (at_ === index ? 0 : count)),
      part,
    )
  }
})

over('a filter chooses types, senders and events with a URL', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(room)
  await bob.sync()
  await alice.send(room, 'from alice')
  await bob.send(room, 'from bob')
  await alice.send(room, { msgtype: 'm.image', body: 'picture', url: 'mxc://test/a' })
  await alice.send(room, {}, 'org.example.one')
  await alice.send(room, {}, 'org.example.two')
  await stage.between()
  const { since } = bob
  const sees = async (filter: object): Promise<string[]> => {
    bob.since = since
    const body = await filtered(bob, { room: { timeline: filter } })
    return body.rooms ? timeline(joinedIn(body, room)) : []
  }
  assert.deepEqual(await sees({ types: ['m.room.message'] }), ['from alice', 'from bob', 'picture'])
  assert.deepEqual(await sees({ types: ['org.example.*'] }), ['org.example.one', 'org.example.two'])
  assert.deepEqual(await sees({ not_types: ['org.*'], not_senders: [bob.userId] }), ['from alice', 'picture'])
  assert.deepEqual(await sees({ senders: [bob.userId] }), ['from bob'])
  assert.deepEqual(await sees({ contains_url: true }), ['picture'])
  assert.deepEqual(await sees({ contains_url: false, types: ['m.room.message'] }), ['from alice', 'from bob'])
  assert.deepEqual(await sees({ types: [] }), [])
  bob.since = since
  const limited = joinedIn(await filtered(bob, { room: { timeline: { types: ['m.room.message'], limit: 2 } } }), room)
  assert.deepEqual([timeline(limited), limited.timeline.limited], [['from bob', 'picture'], true])
  assert.deepEqual(brief((await pastOf(bob, room, limited.timeline.prev_batch ?? '')).slice(0, 2)), [
    'from alice',
    'bob join',
  ])
})

over('who wants no events of a timeline gets none, and can page back from there', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat', name: 'one' })
  await bob.join(room)
  await alice.send(room, 'before')
  const none = { room: { timeline: { limit: 0 } } }
  const first = joinedIn(await filtered(bob, none), room)
  assert.deepEqual([timeline(first), first.timeline.limited], [[], true])
  assert.ok(state(first).includes('name "one"'))
  assert.deepEqual(brief((await pastOf(bob, room, first.timeline.prev_batch ?? '')).slice(0, 1)), ['before'])
  await alice.send(room, 'after')
  await stage.between()
  const next = joinedIn(await filtered(bob, none), room)
  assert.deepEqual([timeline(next), next.timeline.limited, state(next)], [[], true, []])
  assert.deepEqual(brief((await pastOf(bob, room, next.timeline.prev_batch ?? '')).slice(0, 1)), ['after'])
})

over('state that a filter keeps out of the timeline stands in the state', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat', name: 'one' })
  await bob.join(room)
  const filter = { room: { timeline: { types: ['m.room.message'] } } }
  assert.ok(state(joinedIn(await filtered(bob, filter), room)).includes('bob join'))
  await alice.send(room, 'before')
  await alice.setState(room, 'm.room.name', { name: 'two' })
  await alice.send(room, 'after')
  await stage.between()
  const { since } = bob
  for (const limit of [10, 1]) {
    bob.since = since
    const next = joinedIn(await filtered(bob, { room: { timeline: { types: ['m.room.message'], limit } } }), room)
    assert.deepEqual([timeline(next), state(next)], [['before', 'after'].slice(-limit), ['name "two"']])
  }
  bob.since = since
  assert.deepEqual(
    state(
      joinedIn(await filtered(bob, { room: { timeline: { types: [] }, state: { types: ['m.room.name'] } } }), room),
    ),
    ['name "two"'],
  )
  await alice.req('POST', inRoom(room, '/kick'), { user_id: bob.userId })
  await stage.between()
  const left = leftIn(await filtered(bob, filter), room)
  assert.deepEqual([timeline(left), state(left)], [[], ['bob leave']])
})

over('a filter chooses the types of state, ephemeral events, account data and presence', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat', name: 'Kitchen', topic: 'tea' })
  await bob.join(room)
  const event = await alice.send(room, 'hello')
  for (const type of ['org.example.a', 'org.example.b']) {
    await bob.req('PUT', at(bob, `/account_data/${type}`), {})
    await bob.req('PUT', at(bob, `/rooms/${encodeURIComponent(room)}/account_data/${type}`), {})
  }
  await stage.between()
  await alice.req('POST', inRoom(room, `/receipt/m.read/${encodeURIComponent(event)}`), {})
  await alice.req('PUT', inRoom(room, `/typing/${encodeURIComponent(alice.userId)}`), { typing: true, timeout: 30_000 })
  await alice.sync()
  const body = await filtered(bob, {
    room: {
      state: { types: ['m.room.topic'] },
      timeline: { limit: 1 },
      ephemeral: { types: ['m.typing'] },
      account_data: { not_types: ['org.example.b'] },
    },
    account_data: { types: ['org.example.b'] },
    presence: { types: [] },
  })
  const found = joinedIn(body, room)
  assert.deepEqual(state(found), ['m.room.topic'])
  assert.deepEqual(
    found.ephemeral?.events.map(({ type }) => type),
    ['m.typing'],
  )
  assert.deepEqual(
    found.account_data?.events.map(({ type }) => type),
    ['org.example.a'],
  )
  assert.deepEqual(
    body.account_data?.events.map(({ type }) => type),
    ['org.example.b'],
  )
  assert.equal(body.presence, undefined)
  bob.since = undefined
  const other = await filtered(bob, {
    room: { ephemeral: { not_types: ['m.typing'] } },
    presence: { senders: [alice.userId] },
  })
  assert.deepEqual(
    joinedIn(other, room).ephemeral?.events.map(({ type }) => type),
    ['m.receipt'],
  )
  assert.deepEqual(
    other.presence?.events.map(({ sender }) => sender),
    [alice.userId],
  )
})

over('event_fields cuts events down, and event_format gives them as servers do', async (stage) => {
  const alice = await stage.login('alice')
  const room = await alice.createRoom({ name: 'Kitchen' })
  await alice.send(room, { msgtype: 'm.text', body: 'hello', extra: { deep: 1, other: 2 } })
  await stage.between()
  type Events = {
    rooms: {
      join: Record<
        string,
        { timeline: { events: Record<string, unknown>[] }; state: { events: Record<string, unknown>[] } }
      >
    }
  }
  const body = await raw<Events>(alice, {
    event_fields: ['type', 'content.body', 'content.extra.deep'],
    room: { timeline: { limit: 1 } },
  })
  const {
    timeline: { events: sent },
    state: { events: kept },
  } = body.rooms.join[room] ?? assert.fail()
  assert.deepEqual(sent, [{ type: 'm.room.message', content: { body: 'hello', extra: { deep: 1 } } }])
  assert.ok(kept.some((event) => event['type'] === 'm.room.name') && kept.every((event) => !('event_id' in event)))
  for (const fields of [
    undefined,
    [
      'event_id',
      'type',
      'sender',
      'origin_server_ts',
      'content',
      'depth',
      'auth_events',
      'signatures',
      'hashes',
      'state_key',
      'prev_events',
    ],
  ]) {
    alice.since = undefined
    const federated = joinedIn(
      await filtered(alice, {
        event_format: 'federation',
        ...(fields && { event_fields: fields }),
        room: { timeline: { limit: 2 } },
      }),
      room,
    )
    for (const event of [
      ...(federated.state?.events ?? []),
      ...federated.timeline.events,
    ] as ((typeof federated.timeline.events)[0] & Record<string, unknown>)[]) {
      assert.ok(event['depth'] && Array.isArray(event['auth_events']) && event['signatures'] && event.event_id)
      assert.equal(event.unsigned, undefined)
    }
  }
})

over('a filter that is stored is as good as one in the query', async (stage) => {
  const alice = await stage.login('alice')
  const room = await alice.createRoom()
  const { filter_id: id } = await alice.req<{ filter_id: string }>('POST', at(alice, '/filter'), {
    room: { timeline: { limit: 1 } },
  })
  await stage.between()
  assert.equal(joinedIn(await alice.sync({ filter: id }), room).timeline.events.length, 1)
  assert.equal(await alice.refusal('GET', '/sync?filter=nothing'), '400 M_INVALID_PARAM')
  assert.equal(await alice.refusal('GET', `/sync?filter=${encodeURIComponent('{"room":')}`), '400 M_INVALID_PARAM')
  assert.equal(
    await alice.refusal('GET', `/sync?filter=${encodeURIComponent('{"room":{"timeline":{"limit":"x"}}}')}`),
    '400 M_BAD_JSON',
  )
  assert.equal(await alice.refusal('GET', '/sync?since=s123'), '400 M_INVALID_PARAM')
  assert.equal(await alice.refusal('GET', '/sync?since=999999999999999'), '400 M_INVALID_PARAM')
})

const lazily = (more: object = {}, limit = 10): object => ({
  room: { state: { lazy_load_members: true, ...more }, timeline: { limit } },
})
const members = (room: ReturnType<typeof joinedIn>): string[] =>
  state(room).filter((one) => / (join|leave|invite|ban)$/.test(one))

over(
  'members are loaded lazily: with what they say, once, and again when the client may have missed them',
  async (stage) => {
    const [alice, bob, carol, dave] = [
      await stage.login('alice'),
      await stage.login('bob'),
      await stage.login('carol'),
      await stage.login('dave'),
    ]
    const room = await alice.createRoom({ preset: 'public_chat', name: 'Kitchen' })
    for (const one of [bob, carol, dave]) await one.join(room)
    await carol.send(room, 'hello')
    await stage.between()
    const first = joinedIn(await filtered(bob, lazily({}, 1)), room)
    assert.deepEqual(members(first), ['bob join', 'carol join'], 'the sender, and oneself')
    assert.ok(state(first).includes('name "Kitchen"'))
    await dave.send(room, 'hi')
    await carol.send(room, 'hello again')
    const { since } = bob
    assert.deepEqual(members(joinedIn(await filtered(bob, lazily()), room)), ['dave join'], 'carol is known')
    bob.since = since
    assert.deepEqual(
      members(joinedIn(await filtered(bob, lazily()), room)),
      ['dave join'],
      'the answer may have been lost',
    )
    await dave.send(room, 'hi again')
    const { since: later } = bob
    assert.deepEqual(members(joinedIn(await filtered(bob, lazily()), room)), [])
    bob.since = later
    assert.deepEqual(members(joinedIn(await filtered(bob, lazily({ include_redundant_members: true })), room)), [
      'dave join',
    ])
    bob.since = undefined
    await filtered(bob, lazily({}, 1))
    await carol.send(room, 'to a client that begins anew')
    await stage.between()
    assert.deepEqual(
      members(joinedIn(await filtered(bob, lazily()), room)),
      ['carol join'],
      'what it had before it began anew is forgotten',
    )
  },
)

over('lazily loaded members who change in a gap are told of, known or not', async (stage) => {
  const [alice, bob, carol, dave] = [
    await stage.login('alice'),
    await stage.login('bob'),
    await stage.login('carol'),
    await stage.login('dave'),
  ]
  const room = await alice.createRoom({ preset: 'public_chat', name: 'Kitchen' })
  for (const one of [bob, carol, dave]) await one.join(room)
  await filtered(bob, lazily())
  await carol.leave(room)
  await dave.req('PUT', `/profile/${encodeURIComponent(dave.userId)}/displayname`, { displayname: 'David' })
  await stage.login('erin').then((erin) => erin.join(room))
  for (let sent = 0; sent < 4; sent++) await alice.send(room, 'hello')
  await stage.between()
  const { since } = bob
  const next = joinedIn(await filtered(bob, lazily({}, 2)), room)
  assert.equal(next.timeline.limited, true)
  assert.deepEqual(
    members(next).filter((one) => one !== 'alice join'),
    ['carol leave', 'dave join', 'erin join'],
  )
  assert.equal(next.summary?.['m.joined_member_count'], 4)
  bob.since = since
  const whole = joinedIn(await filtered(bob, lazily({}, 50)), room)
  assert.ok(timeline(whole).includes('carol leave') && !members(whole).includes('carol leave'))
  assert.equal(
    new Set(ids([...(whole.state?.events ?? []), ...whole.timeline.events])).size,
    [...(whole.state?.events ?? []), ...whole.timeline.events].length,
  )
})

over('the members that a room without a name is named after come with lazily loaded state', async (stage) => {
  const [alice, bob, carol] = [await stage.login('alice'), await stage.login('bob'), await stage.login('carol')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(room)
  const first = joinedIn(await filtered(bob, lazily({}, 1)), room)
  assert.deepEqual(first.summary, {
    'm.heroes': [alice.userId],
    'm.joined_member_count': 2,
    'm.invited_member_count': 0,
  })
  assert.deepEqual(members(first), ['alice join'], 'and the own is in the timeline')
  await carol.join(room)
  await alice.setState(room, 'm.room.name', { name: 'Kitchen' })
  await stage.between()
  assert.deepEqual(joinedIn(await filtered(bob, lazily()), room).summary, {
    'm.joined_member_count': 3,
    'm.invited_member_count': 0,
  })
  await alice.setState(room, 'm.room.name', {})
  for (let sent = 0; sent < 3; sent++) await alice.send(room, 'hello')
  await stage.between()
  const next = joinedIn(await filtered(bob, lazily({ include_redundant_members: true }, 1)), room)
  assert.deepEqual(
    [next.summary?.['m.heroes'], members(next)],
    [
      [alice.userId, carol.userId],
      ['alice join', 'carol join'],
    ],
  )
  for (const one of [alice, carol]) await one.leave(room)
  await stage.between()
  assert.deepEqual(joinedIn(await filtered(bob, lazily()), room).summary, {
    'm.heroes': [alice.userId, carol.userId],
    'm.joined_member_count': 1,
    'm.invited_member_count': 0,
  })
})

over('a filter chooses events by what relates to them', async (stage) => {
  const [alice, bob] = [await stage.login('alice'), await stage.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(room)
  await bob.sync()
  const [loved, edited, plain] = [
    await alice.send(room, 'loved'),
    await alice.send(room, 'edited'),
    await alice.send(room, 'plain'),
  ]
  await bob.send(room, { 'm.relates_to': { rel_type: 'm.annotation', event_id: loved, key: '❤' } }, 'm.reaction')
  await alice.send(room, {
    msgtype: 'm.text',
    body: '* x',
    'm.new_content': { msgtype: 'm.text', body: 'x' },
    'm.relates_to': { rel_type: 'm.replace', event_id: edited },
  })
  await stage.between()
  const { since } = bob
  const sees = async (filter: object, from: string | undefined): Promise<string[]> => {
    bob.since = from
    return ids(
      (await filtered(bob, { room: { timeline: { limit: 50, ...filter } } })).rooms?.join?.[room]?.timeline.events,
    )
  }
  for (const from of [since, undefined]) {
    assert.deepEqual(await sees({ related_by_senders: [bob.userId] }, from), [loved])
    assert.deepEqual(await sees({ related_by_rel_types: ['m.replace'] }, from), [edited])
    assert.deepEqual(await sees({ related_by_rel_types: ['m.replace', 'm.annotation'] }, from), [loved, edited])
    assert.deepEqual(await sees({ related_by_rel_types: ['m.replace'], related_by_senders: [bob.userId] }, from), [])
    assert.ok((await sees({}, from)).includes(plain))
  }
})
