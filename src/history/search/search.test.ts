import assert from 'node:assert/strict'
import fc from 'fast-check'
import { idOf, openWorld, over, type Name, type Shown, type World } from '../../../test/harness/rooms.ts'
import { parseQuery, rankOf } from './query.ts'

interface Result {
  rank: number
  result: Shown
  context?: {
    start: string
    end: string
    events_before: Shown[]
    events_after: Shown[]
    profile_info?: Record<string, { displayname?: string }>
  }
}

interface Answer {
  count: number
  highlights: string[]
  results: Result[]
  next_batch?: string
  state?: Record<string, Shown[]>
  groups?: Record<string, Record<string, { results: string[]; order: number; next_batch?: string }>>
}

async function find(world: World, name: Name, term: string, wish: object = {}, from?: string): Promise<Answer> {
  const at = `/search${from === undefined ? '' : `?next_batch=${encodeURIComponent(from)}`}`
  const { status, body } = await world.ask(name, 'POST', at, {
    search_categories: { room_events: { search_term: term, ...wish } },
  })
  assert.equal(status, 200, JSON.stringify(body))
  return (body as { search_categories: { room_events: Answer } }).search_categories.room_events
}

const ids = (answer: Answer): string[] => answer.results.map(({ result }) => result.event_id)
const recent = { order_by: 'recent' }

over('messages are found by their words, the best fit first', async (world) => {
  const room = await world.create('alice', { name: 'Tea and cakes', topic: 'All about pastry' })
  const long = await world.send('alice', room, `tea ${'and many other words '.repeat(20)}`)
  const short = await world.send('alice', room, 'More TEA, please!')
  const teapot = await world.send('alice', room, 'The teapot is broken')
  await world.send('alice', room, 'coffee')
  const answer = await find(world, 'alice', 'tea', { keys: ['content.body'] })
  assert.deepEqual(ids(answer), [short, teapot, long])
  assert.equal(answer.count, 3)
  assert.deepEqual(answer.highlights.toSorted(), ['tea', 'teapot'])
  assert.ok(
    answer.results.every(({ rank }, index) => rank > 0 && rank <= (answer.results[index - 1]?.rank ?? Infinity)),
  )
  assert.deepEqual(ids(await find(world, 'alice', 'tea', { keys: ['content.body'], ...recent })), [teapot, short, long])
  assert.deepEqual(ids(await find(world, 'alice', 'broken TEA')), [teapot])
  assert.deepEqual(ids(await find(world, 'alice', '"more tea"')), [short])
  assert.deepEqual(ids(await find(world, 'alice', '"tea more"')), [])
  assert.deepEqual(
    (await find(world, 'alice', 'cakes')).results.map(({ result }) => result.type),
    ['m.room.name'],
  )
  assert.deepEqual(
    (await find(world, 'alice', 'pastry')).results.map(({ result }) => result.type),
    ['m.room.topic'],
  )
  assert.deepEqual((await find(world, 'alice', 'tea')).results.length, 4)
  assert.deepEqual(ids(await find(world, 'alice', '')), [])
  assert.deepEqual(ids(await find(world, 'bob', 'tea')), [])
})

over('accents, case and scripts without spaces do not stand in the way', async (world) => {
  const room = await world.create('alice')
  const cafe = await world.send('alice', room, 'Wir treffen uns im CAFÉ Größenwahn')
  const japanese = await world.send('alice', room, '明日は東京で会議があります')
  const korean = await world.send('alice', room, '내일 회의가 있습니다')
  for (const [term, found] of [
    ['cafe', cafe],
    ['café', cafe],
    ['GRÖSSENWAHN', cafe],
    ['東京', japanese],
    ['会議', japanese],
    ['京', japanese],
    ['す', japanese],
    ['회의', korean],
  ] as const)
    assert.deepEqual(ids(await find(world, 'alice', term)), term === 'GRÖSSENWAHN' ? [] : [found], term)
  assert.deepEqual((await find(world, 'alice', 'cafe')).highlights, ['café'])
  assert.deepEqual(ids(await find(world, 'alice', '京東')), [])
})

over('a filter narrows a search down', async (world) => {
  const [one, two] = [await world.create('alice', { preset: 'public_chat' }), await world.create('alice')]
  await world.act('bob', one, 'join')
  const mine = await world.send('alice', one, 'apple one')
  const bobs = await world.send('bob', one, 'apple two')
  const image = await world.send('alice', two, { msgtype: 'm.image', body: 'apple.png', url: 'mxc://one.test/a' })
  const filtered = async (filter: object): Promise<string[]> =>
    ids(await find(world, 'alice', 'apple', { filter, ...recent }))
  assert.deepEqual(await filtered({}), [image, bobs, mine])
  assert.deepEqual(await filtered({ rooms: [one] }), [bobs, mine])
  assert.deepEqual(await filtered({ not_rooms: [one] }), [image])
  assert.deepEqual(await filtered({ rooms: [] }), [])
  assert.deepEqual(await filtered({ senders: [idOf('bob')] }), [bobs])
  assert.deepEqual(await filtered({ senders: [idOf('bob'), '@nobody:else.test'] }), [bobs])
  assert.deepEqual(await filtered({ not_senders: [idOf('bob')] }), [image, mine])
  assert.deepEqual(await filtered({ contains_url: true }), [image])
  assert.deepEqual(await filtered({ types: ['m.room.name'] }), [])
  assert.deepEqual(await filtered({ limit: 1 }), [image])
  assert.equal(
    await world.outcome('alice', 'POST', '/search', {
      search_categories: { room_events: { search_term: 'apple', filter: { limit: 'x' } } },
    }),
    '400 M_BAD_JSON',
  )
  await world.ignore('alice', 'bob')
  assert.deepEqual(await filtered({}), [image, mine])
})

over('pages have every result once, in all and in each group', async (world) => {
  const rooms = [
    await world.create('alice', { preset: 'public_chat' }),
    await world.create('alice', { preset: 'public_chat' }),
  ]
  for (const room of rooms) await world.act('bob', room, 'join')
  const sent: string[] = []
  for (let index = 0; index < 23; index++)
    sent.push(await world.send(index % 3 ? 'alice' : 'bob', rooms[index % 2] ?? '', `needle ${'x '.repeat(index % 5)}`))
  for (const order_by of ['recent', 'rank']) {
    const wish = { order_by, filter: { limit: 5 }, groupings: { group_by: [{ key: 'room_id' }, { key: 'sender' }] } }
    const first = await find(world, 'alice', 'needle', wish)
    const found: string[] = []
    for (let answer = first; ; answer = await find(world, 'alice', 'needle', wish, answer.next_batch)) {
      found.push(...ids(answer))
      assert.equal(answer.count, 23)
      await world.send('bob', rooms[0] ?? '', 'haystack')
      if (answer.next_batch === undefined) break
    }
    if (order_by === 'recent') assert.deepEqual(found, sent.toReversed())
    assert.deepEqual(found.toSorted(), sent.toSorted())

    for (const [key, groups] of Object.entries(first.groups ?? {})) {
      for (const [name, group] of Object.entries(groups)) {
        const wanted = sent.filter((_, index) =>
          key === 'room_id' ? rooms[index % 2] === name : idOf(index % 3 ? 'alice' : 'bob') === name,
        )
        const inGroup = [...group.results]
        for (let next = group.next_batch; next !== undefined;) {
          const answer = await find(world, 'alice', 'needle', wish, next)
          inGroup.push(...ids(answer))
          next = answer.next_batch
        }
        assert.deepEqual(inGroup.toSorted(), wanted.toSorted(), `${order_by} ${key} ${name}`)
      }
    }
  }
})

over('whoever is in very many rooms finds what is in theirs', async (world) => {
  const rooms: string[] = []
  for (let index = 0; index < 101; index++) rooms.push(await world.create('alice'))
  const mine = [
    await world.send('alice', rooms[0] ?? '', 'needle'),
    await world.send('alice', rooms[100] ?? '', 'needle'),
  ]
  await world.send('bob', await world.create('bob'), 'needle')
  assert.deepEqual(ids(await find(world, 'alice', 'needle', recent)), mine.toReversed())
})

over('what was redacted is found no more, and what was edited by what it says now', async (world) => {
  const room = await world.create('alice', { preset: 'public_chat' })
  await world.act('bob', room, 'join')
  const edit = (target: string, body: string) => ({
    msgtype: 'm.text',
    body: `* ${body}`,
    'm.new_content': { msgtype: 'm.text', body },
    'm.relates_to': { rel_type: 'm.replace', event_id: target },
  })
  const [gone, edited] = [await world.send('alice', room, 'secret apple'), await world.send('alice', room, 'old apple')]
  await world.redact('alice', room, gone)
  const first = await world.send('alice', room, edit(edited, 'first pear'))
  const second = await world.send('alice', room, edit(edited, 'second plum'))
  await world.send('bob', room, edit(edited, 'forged cherry'))
  const all = async (): Promise<Record<string, string[]>> =>
    Object.fromEntries(
      await Promise.all(
        ['secret', 'old', 'first', 'second', 'forged', 'apple'].map(async (term) => [
          term,
          ids(await find(world, 'alice', term)),
        ]),
      ),
    )
  const nothing = { secret: [], old: [], first: [], second: [], forged: [], apple: [] }
  assert.deepEqual(await all(), { ...nothing, second: [edited] })
  assert.equal(
    JSON.stringify((await find(world, 'alice', 'plum')).results[0]?.result.unsigned).includes('second plum'),
    true,
  )
  await world.redact('alice', room, second)
  assert.deepEqual(await all(), { ...nothing, first: [edited] })
  await world.redact('alice', room, first)
  assert.deepEqual(await all(), { ...nothing, old: [edited], apple: [edited] })
  await world.send('alice', room, edit(edited, 'third kiwi'))
  await world.redact('alice', room, edited)
  assert.deepEqual(await all(), nothing)
  assert.deepEqual(ids(await find(world, 'alice', 'kiwi')), [])
  await world.indexer.settled()
  const left = await world.database.read.selectFrom('search_index').select('rowid').execute()
  const nids = await Promise.all(
    [gone, edited, first, second].map(async (id) => (await world.rooms.events.byId(id))?.nid ?? 0),
  )
  assert.deepEqual(
    left.filter(({ rowid }) => nids.includes(Math.floor(rowid / 2))),
    [],
  )
})

over('only what the user may see is found, and shown around it', async (world) => {
  const room = await world.create('alice', { preset: 'public_chat' })
  await world.state('alice', room, 'm.room.history_visibility', { history_visibility: 'joined' })
  await world.send('alice', room, 'word before')
  await world.act('bob', room, 'join')
  const during = await world.send('alice', room, 'word during')
  await world.send('alice', room, {
    msgtype: 'm.text',
    body: '* x',
    'm.new_content': { msgtype: 'm.text', body: 'first edit' },
    'm.relates_to': { rel_type: 'm.replace', event_id: during },
  })
  await world.send('alice', room, 'calm')
  await world.act('bob', room, 'leave')
  const after = await world.send('alice', room, 'word after')
  await world.send('alice', room, {
    msgtype: 'm.text',
    body: '* x',
    'm.new_content': { msgtype: 'm.text', body: 'hidden edit' },
    'm.relates_to': { rel_type: 'm.replace', event_id: during },
  })
  await world.state('alice', room, 'm.room.topic', { topic: 'word topic' })

  const answer = await find(world, 'bob', 'calm', {
    event_context: { before_limit: 20, after_limit: 20, include_profile: true },
    include_state: true,
  })
  const [result] = answer.results
  const text = JSON.stringify(answer)
  for (const unseen of ['word before', 'word after', 'hidden edit', 'word topic', after])
    assert.ok(!text.includes(unseen), unseen)
  assert.equal(
    result?.context?.events_before.some(({ event_id }) => event_id === during),
    true,
  )
  assert.ok(Object.hasOwn(result?.context?.profile_info ?? {}, idOf('alice')))
  assert.ok(!answer.state?.[room]?.some(({ type }) => type === 'm.room.topic'))
  assert.deepEqual(ids(await find(world, 'bob', 'word')), [])
  assert.deepEqual(ids(await find(world, 'bob', 'hidden')), [])
  assert.deepEqual(ids(await find(world, 'alice', 'hidden')), [during])
  assert.deepEqual(ids(await find(world, 'carol', 'word')), [])
  assert.deepEqual(ids(await find(world, 'bob', 'calm', { filter: { rooms: [room] } })).length, 1)
  await world.act('bob', room, 'forget')
  assert.deepEqual(ids(await find(world, 'bob', 'calm')), [])
})

over('context, state and profiles come on request', async (world) => {
  const room = await world.create('alice', { preset: 'public_chat' })
  await world.act('bob', room, 'join')
  const sent: string[] = []
  for (const text of ['one', 'two', 'needle', 'four', 'five'])
    sent.push(await world.send(text === 'two' ? 'bob' : 'alice', room, text))
  assert.equal((await find(world, 'alice', 'needle')).results[0]?.context, undefined)
  const {
    results: [only],
    state,
  } = await find(world, 'alice', 'needle', {
    event_context: { before_limit: 1, after_limit: 2, include_profile: true },
    include_state: true,
    filter: { lazy_load_members: true },
  })
  assert.deepEqual(
    only?.context?.events_before.map(({ event_id }) => event_id),
    [sent[1]],
  )
  assert.deepEqual(
    only?.context?.events_after.map(({ event_id }) => event_id),
    [sent[3], sent[4]],
  )
  assert.deepEqual(Object.keys(only?.context?.profile_info ?? {}).toSorted(), [idOf('alice'), idOf('bob')])
  assert.deepEqual(
    state?.[room]
      ?.filter(({ type }) => type === 'm.room.member')
      .map(({ state_key }) => state_key)
      .toSorted(),
    [idOf('alice'), idOf('bob')],
  )
  const page = await world.get<{ chunk: Shown[] }>(
    'alice',
    `/rooms/${encodeURIComponent(room)}/messages?dir=b&limit=1&from=${only?.context?.start ?? ''}`,
  )
  assert.deepEqual(
    page.chunk.map(({ event_id }) => event_id),
    [sent[0]],
  )
})

over('encrypted messages are no text', async (world) => {
  const room = await world.create('alice')
  await world.send(
    'alice',
    room,
    { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: 'needle', body: 'needle' },
    'm.room.encrypted',
  )
  await world.indexer.settled()
  assert.deepEqual(await world.database.read.selectFrom('search_index').select('rowid').execute(), [])
})

over('what was not yet in the index when the server died is found after the next start', async (world) => {
  const room = await world.create('alice')
  await world.send('alice', room, 'before needle')
  await world.indexer.settled()
  await world.indexer[Symbol.asyncDispose]()
  const missed = await world.send('alice', room, 'missed needle')
  const gone = await world.send('alice', room, 'gone needle')
  await world.redact('alice', room, gone)
  assert.equal((await world.database.read.selectFrom('search_index').select('rowid').execute()).length, 1)
  await using again = await openWorld(world.database)
  assert.deepEqual(ids(await find(again, 'alice', 'needle', recent)).slice(0, 1), [missed])
  assert.equal((await find(again, 'alice', 'needle')).count, 2)
})

const words = ['a', 'ab', 'abc', 'abcd', 'bc', 'né', '東京', '京', '1', 'x9'] as const
const phrase = fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 5 }).map((list) => list.join(' '))

over('the databases find what the words say', async (world) => {
  const room = await world.create('alice')
  const texts = fc.sample(phrase, 60)
  const sent = new Map<string, string>()
  for (const text of texts) sent.set(await world.send('alice', room, text), text)
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        phrase,
        phrase.map((text) => `"${text}"`),
      ),
      async (term) => {
        const query = parseQuery(term)
        const wanted = [...sent].filter(([, text]) => rankOf(query, text) > 0).map(([id]) => id)
        assert.deepEqual(
          ids(await find(world, 'alice', term, { filter: { limit: 100 } })).toSorted(),
          wanted.toSorted(),
          term,
        )
      },
    ),
    { numRuns: 60 },
  )
})

over('nothing that is searched for means anything to the database', async (world) => {
  const room = await world.create('alice')
  await world.send('alice', room, 'hello world')
  const special = fc.constantFrom(
    '"',
    '*',
    'NEAR(',
    'AND',
    'OR',
    'NOT',
    '-',
    '^',
    ':',
    'place:',
    "'",
    "''",
    '\\',
    '&',
    '|',
    '!',
    '<->',
    ':*',
    '(',
    ')',
    '%',
    '_',
    '\0',
    '\ud800',
    '{',
    '}',
    ';',
    '--',
    'hello',
  )
  const term = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.array(special, { maxLength: 12 }).map((parts) => parts.join(' ')),
    fc.array(special, { maxLength: 12 }).map((parts) => parts.join('')),
  )
  await fc.assert(
    fc.asyncProperty(term, fc.option(fc.string({ maxLength: 20 }), { nil: undefined }), async (search_term, from) => {
      const at = `/search${from === undefined ? '' : `?next_batch=${encodeURIComponent(from)}`}`
      const { status } = await world.ask('alice', 'POST', at, { search_categories: { room_events: { search_term } } })
      assert.ok(status === 200 || status === 400, `${status} ${search_term}`)
    }),
    { numRuns: 150 },
  )
  assert.equal(
    await world.outcome('alice', 'POST', '/search?next_batch=k1-2', {
      search_categories: { room_events: { search_term: 'x', ...recent } },
    }),
    '400 M_INVALID_PARAM',
  )
  assert.equal(
    await world.outcome('alice', 'POST', '/search', { search_categories: { room_events: { keys: [] } } }),
    '400 M_BAD_JSON',
  )
  assert.equal(await world.outcome('alice', 'POST', '/search', { search_categories: {} }), '200')
})

over('what is said in a room that one never lived in is not counted either', async (world) => {
  const room = await world.create('alice')
  for (let index = 0; index < 3; index++) await world.send('alice', room, 'the password is swordfish')
  await world.ask('alice', 'POST', `/rooms/${room}/invite`, { user_id: '@bob:one.test' })
  for (const wish of [recent, {}, { ...recent, filter: { rooms: [room] } }, { ...recent, filter: { limit: 1 } }]) {
    const { count, results, next_batch: next } = await find(world, 'bob', 'swordfish', wish)
    assert.deepEqual([count, results, next], [0, [], undefined])
  }
  await world.ask('alice', 'POST', `/rooms/${room}/ban`, { user_id: '@bob:one.test' })
  assert.equal((await find(world, 'bob', 'swordfish', recent)).count, 0)
  assert.equal((await find(world, 'alice', 'swordfish', { ...recent, filter: { limit: 1 } })).count, 3)
})

over('a count is of what one may see, and the same on every page', async (world) => {
  const room = await world.create('alice', {
    initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }],
  })
  for (let index = 0; index < 4; index++) await world.send('alice', room, 'before: swordfish')
  await world.ask('alice', 'POST', `/rooms/${room}/invite`, { user_id: '@bob:one.test' })
  await world.ask('bob', 'POST', `/join/${room}`, {})
  for (let index = 0; index < 3; index++) await world.send('alice', room, 'after: swordfish')
  const wish = { ...recent, filter: { limit: 1 } }
  const first = await find(world, 'bob', 'swordfish', wish)
  assert.equal(first.count, 3)
  const second = await find(world, 'bob', 'swordfish', wish, first.next_batch)
  assert.equal(second.count, 3)
  assert.notDeepEqual(ids(first), ids(second))
})

over('a token goes on in its own search alone', async (world) => {
  const room = await world.create('alice')
  for (let index = 0; index < 3; index++) await world.send('alice', room, 'tea and cake')
  for (const order of [recent, {}]) {
    const wish = { ...order, filter: { limit: 1 } }
    const { next_batch: next } = await find(world, 'alice', 'tea', wish)
    await find(world, 'alice', 'tea', wish, next)
    for (const [term, other] of [
      ['cake', wish],
      ['tea', { ...wish, filter: { limit: 1, senders: ['@bob:one.test'] } }],
      ['tea', { ...wish, keys: ['content.name'] }],
    ] as const) {
      const { status, body } = await world.ask(
        'alice',
        'POST',
        `/search?next_batch=${encodeURIComponent(next ?? '')}`,
        {
          search_categories: { room_events: { search_term: term, ...other } },
        },
      )
      assert.deepEqual([status, (body as { errcode: string }).errcode], [400, 'M_INVALID_PARAM'])
    }
  }
})

over('an answer is bounded, however much is said around each result', async (world) => {
  const room = await world.create('alice')
  const sent: string[] = []
  for (let index = 0; index < 70; index++) sent.push(await world.send('alice', room, `swordfish ${'x'.repeat(60_000)}`))
  const wish = {
    ...recent,
    keys: ['content.body'],
    filter: { limit: 100 },
    include_state: true,
    event_context: { before_limit: 50, after_limit: 50, include_profile: true },
  }
  for (const order of [recent, { order_by: 'rank' }]) {
    const seen: string[] = []
    let next: string | undefined
    do {
      const answer = await find(world, 'alice', 'swordfish', { ...wish, ...order }, next)
      assert.ok(JSON.stringify(answer).length < 6 * 1024 * 1024)
      seen.push(...ids(answer))
      next = answer.next_batch
    } while (next !== undefined)
    assert.deepEqual(seen.toSorted(), sent.toSorted())
  }
})
