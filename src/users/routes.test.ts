import type { JsonObject } from '../matrix/json.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { databases } from '../../test/harness/postgres.ts'
import { mount, sessionOf, type Mounted } from '../../test/harness/routes.ts'
import { openDatabase } from '../storage/index.ts'
import { openLog, type Log } from '../streams/index.ts'
import { createUsers, usersRoutes, type ProfileChange, type Users } from './index.ts'

const alice = '/profile/@alice:one.test'
const data = '/user/@alice:one.test/account_data'
const room = '/user/@alice:one.test/rooms/!in:one.test'
const filter = '/user/@alice:one.test/filter'

interface World extends Pick<Mounted, 'ask' | 'outcome'> {
  users: Users
  log: Log
  nid: number
  errors: unknown[]
}

const over = (name: string, body: (world: World) => Promise<void>): void => {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      {
        await using database = await openDatabase({ url, serverName: 'one.test' })
        const log = await openLog(database, (error) => {
          throw error
        })
        const users = createUsers({ database, log, serverName: 'one.test', now: () => 1000 })
        const make = (localpart: string): Promise<number> =>
          database.write(async (tx) => (await users.create(tx, { localpart, createdBy: 'test' })).nid)
        const [nid, bob, guest] = [await make('alice'), await make('bob'), await make('guest')]
        await using http = mount(
          usersRoutes({
            users,
            roomOf: async (roomId, user) => (roomId === '!in:one.test' && user === nid ? 7 : undefined),
          }),
          {
            alice: sessionOf(nid, '@alice:one.test'),
            bob: sessionOf(bob, '@bob:one.test'),
            guest: sessionOf(guest, '@guest:one.test', { guest: true }),
            suspended: sessionOf(nid, '@alice:one.test', { suspended: true }),
          },
        )
        await body({ users, log, nid, ask: http.ask, outcome: http.outcome, errors: http.errors })
        assert.deepEqual(http.errors, [])
      }
      await dispose()
    })
  }
}

over('a profile is set field by field and read by everyone', async ({ ask, outcome, users }) => {
  const changes: ProfileChange[] = []
  users.profiles.onChange(async (change) => void changes.push(change))
  assert.deepEqual((await ask(undefined, 'GET', alice)).body, {})
  assert.equal(await outcome(undefined, 'GET', `${alice}/displayname`), '404 M_NOT_FOUND')
  for (const [key, value] of Object.entries({
    displayname: 'Alice',
    avatar_url: 'mxc://one.test/abc',
    'm.tz': 'Europe/Berlin',
    'org.example.list': [1.5, null, {}],
  })) {
    assert.equal(await outcome('alice', 'PUT', `${alice}/${key}`, { [key]: value }), '200')
    assert.deepEqual((await ask(undefined, 'GET', `${alice}/${key}`)).body, { [key]: value })
  }
  assert.deepEqual((await ask('bob', 'GET', alice)).body, {
    displayname: 'Alice',
    avatar_url: 'mxc://one.test/abc',
    'm.tz': 'Europe/Berlin',
    'org.example.list': [1.5, null, {}],
  })
  assert.deepEqual(
    changes.map(({ displayName, avatarUrl }) => [displayName, avatarUrl]),
    [
      ['Alice', null],
      ['Alice', 'mxc://one.test/abc'],
    ],
  )
  await ask('alice', 'PUT', `${alice}/displayname`, { displayname: 'Alice' })
  assert.equal(changes.length, 2, 'what stays the same is not told')
  for (const key of ['displayname', 'avatar_url', 'm.tz', 'org.example.list', 'org.example.none']) {
    assert.equal(await outcome('alice', 'DELETE', `${alice}/${key}`), '200')
  }
  assert.deepEqual((await ask(undefined, 'GET', alice)).body, {})
  assert.deepEqual(
    changes.slice(2).map(({ displayName, avatarUrl }) => [displayName, avatarUrl]),
    [
      [null, 'mxc://one.test/abc'],
      [null, null],
    ],
  )
  await ask('alice', 'PUT', `${alice}/displayname`, { displayname: 'A' })
  await ask('alice', 'PUT', `${alice}/displayname`, { displayname: '' })
  assert.deepEqual((await ask(undefined, 'GET', alice)).body, {})
})

over('a profile is changed by its owner alone, and within bounds', async ({ outcome, users, nid, ask }) => {
  const put = (
    token: string | undefined,
    key: string,
    value: unknown,
    body: unknown = { [key]: value },
  ): Promise<string> => outcome(token, 'PUT', `${alice}/${key}`, body)
  assert.equal(await put(undefined, 'displayname', 'x'), '401 M_MISSING_TOKEN')
  assert.equal(await put('bob', 'displayname', 'x'), '403 M_FORBIDDEN')
  assert.equal(await put('suspended', 'displayname', 'x'), '403 M_USER_SUSPENDED')
  assert.equal(await outcome('suspended', 'DELETE', `${alice}/displayname`), '403 M_USER_SUSPENDED')
  assert.equal(await put('alice', 'displayname', 'x', {}), '400 M_MISSING_PARAM')
  assert.equal(await put('alice', 'displayname', 'x', []), '400 M_BAD_JSON')
  assert.equal(await put('alice', 'displayname', 7), '400 M_INVALID_PARAM')
  assert.equal(await put('alice', 'displayname', 'x'.repeat(257)), '400 M_INVALID_PARAM')
  assert.equal(await put('alice', 'displayname', 'a\0b'), '400 M_INVALID_PARAM')
  assert.equal(await put('alice', 'avatar_url', 'https://example.org/a.png'), '400 M_INVALID_PARAM')
  assert.equal(await put('alice', 'm.tz', 7), '400 M_INVALID_PARAM')
  for (const key of ['plain', 'Org.Example', '9.a', 'a%01.b'])
    assert.equal(await put('alice', key, 'x', { [decodeURIComponent(key)]: 'x' }), '400 M_INVALID_PARAM', key)
  assert.equal(await put('alice', `a.${'b'.repeat(254)}`, 'x'), '400 M_KEY_TOO_LARGE')
  assert.equal(await put('alice', 'a.b', 'x'.repeat(65_536)), '400 M_PROFILE_TOO_LARGE')
  assert.equal(await put('alice', 'a.b', 'x'.repeat(40_000)), '200')
  assert.equal(await put('alice', 'a.c', 'x'.repeat(40_000)), '400 M_PROFILE_TOO_LARGE')
  assert.equal(await put('alice', 'a.b', 'x'), '200')
  assert.equal(await outcome('guest', 'PUT', '/profile/@guest:one.test/displayname', { displayname: 'Guest' }), '200')
  assert.equal(
    await outcome('guest', 'PUT', '/profile/@guest:one.test/m.tz', { 'm.tz': 'UTC' }),
    '403 M_GUEST_ACCESS_FORBIDDEN',
  )
  for (const other of ['@nobody:one.test', '@far:two.test', 'junk', '@a%01:one.test', '@x:', '']) {
    assert.equal(await outcome(undefined, 'GET', `/profile/${other}`), other ? '404 M_NOT_FOUND' : '404 M_UNRECOGNIZED')
  }
  await users.deactivate(nid, false)
  assert.deepEqual((await ask(undefined, 'GET', alice)).body, { 'a.b': 'x' })
  await users.deactivate(nid, true)
  assert.equal(await outcome(undefined, 'GET', alice), '404 M_NOT_FOUND')
})

over(
  'account data is kept for its owner, for the account and for each room',
  async ({ ask, outcome, users, log, nid }) => {
    assert.equal(await outcome('alice', 'GET', `${data}/org.example.a`), '404 M_NOT_FOUND')
    const start = log.now
    using watch = log.watch(nid)
    assert.equal(await outcome('alice', 'PUT', `${data}/org.example.a`, { n: 1 }), '200')
    await watch.wait(60_000)
    await ask('alice', 'PUT', `${data}/org.example.a`, { n: 2.5 })
    await ask('alice', 'PUT', `${room}/account_data/org.example.a`, { n: 3 })
    await ask('alice', 'PUT', `${data}/org.example.large`, { text: 'x'.repeat(9000) })
    assert.deepEqual((await ask('alice', 'GET', `${data}/org.example.a`)).body, { n: 2.5 })
    assert.deepEqual((await ask('alice', 'GET', `${room}/account_data/org.example.a`)).body, { n: 3 })
    const seen = async (since: number, until: number): Promise<unknown[]> =>
      (await users.accountData.since(nid, since, until)).map((item) => [item.room, item.type, item.content['n']])
    const all = [
      [undefined, 'org.example.a', 2.5],
      [7, 'org.example.a', 3],
      [undefined, 'org.example.large', undefined],
    ]
    assert.deepEqual(await seen(start, log.now), all)
    assert.deepEqual(await seen(0, log.now), all)
    assert.deepEqual(await seen(start, log.now - 1), all.slice(0, 2))
    assert.ok(!(users.accountData.since(nid, start, log.now - 1) instanceof Promise), 'answered from memory')
    assert.deepEqual(await seen(log.now, log.now), [])
    for (const path of [`${data}/org.example.a`, `${room}/account_data/org.example.a`]) {
      assert.equal(await outcome('bob', 'PUT', path, {}), '403 M_FORBIDDEN')
      assert.equal(await outcome('bob', 'GET', path), '403 M_FORBIDDEN')
      assert.equal(await outcome(undefined, 'GET', path), '401 M_MISSING_TOKEN')
    }
  },
)

over(
  'account data that the server manages, that is too much, or of a room one has nothing to do with is refused',
  async ({ outcome }) => {
    for (const type of ['m.fully_read', 'm.push_rules']) {
      assert.equal(await outcome('alice', 'PUT', `${data}/${type}`, {}), '405 M_BAD_JSON')
      assert.equal(await outcome('alice', 'PUT', `${room}/account_data/${type}`, {}), '405 M_BAD_JSON')
    }
    assert.equal(await outcome('alice', 'PUT', `${data}/a`, []), '400 M_BAD_JSON')
    assert.equal(await outcome('alice', 'PUT', `${data}/a`, '{'), '400 M_NOT_JSON')
    assert.equal(await outcome('alice', 'PUT', `${data}/${'a'.repeat(256)}`, {}), '400 M_INVALID_PARAM')
    assert.equal(await outcome('alice', 'PUT', `${data}/a`, { a: 'x'.repeat(300_000) }), '413 M_TOO_LARGE')
    const other = '/user/@alice:one.test/rooms/!out:one.test'
    for (const path of [`${other}/account_data/a`, `${other}/tags/a`])
      assert.equal(await outcome('alice', 'PUT', path, {}), '403 M_FORBIDDEN')
    assert.equal(await outcome('alice', 'GET', `${other}/tags`), '403 M_FORBIDDEN')
    for (const junk of ['@a:one.test', 'x', '!a:one.test:x'])
      assert.equal(
        await outcome('alice', 'PUT', `/user/@alice:one.test/rooms/${junk}/account_data/a`, {}),
        '400 M_INVALID_PARAM',
      )
    for (let n = 0; n < 80; n++) {
      const result = await outcome('alice', 'PUT', `${data}/t${n}`, { a: 'x'.repeat(250_000) })
      if (n < 60) assert.equal(result, '200')
      if (n > 70) assert.equal(result, '413 M_TOO_LARGE')
    }
  },
)

over('emoji used lately are kept for all devices of a user', async ({ ask }) => {
  for (const [type, content] of [
    [
      'm.recent_emoji',
      {
        recent_emoji: [
          { emoji: '🎉', total: 2 },
          { emoji: '❤️', total: 1 },
        ],
      },
    ],
    [
      'io.element.recent_emoji',
      {
        recent_emoji: [
          ['🎉', 2],
          ['❤️', 1],
        ],
      },
    ],
  ] as const) {
    assert.equal((await ask('alice', 'PUT', `${data}/${type}`, content)).status, 200)
    assert.deepEqual((await ask('alice', 'GET', `${data}/${type}`)).body, content)
  }
})

over('whom a user ignores is known at once', async ({ ask, users, nid }) => {
  assert.deepEqual([...(await users.accountData.ignored(nid))], [])
  await ask('alice', 'PUT', `${data}/m.ignored_user_list`, { ignored_users: { '@bob:one.test': {} } })
  assert.deepEqual([...(await users.accountData.ignored(nid))], ['@bob:one.test'])
  assert.ok(!(users.accountData.ignored(nid) instanceof Promise))
  for (const junk of [{}, { ignored_users: [] }, { ignored_users: 'x' }]) {
    await ask('alice', 'PUT', `${data}/m.ignored_user_list`, junk)
    assert.deepEqual([...(await users.accountData.ignored(nid))], [])
  }
})

over('tags are put on a room and taken off it, one at a time', async ({ ask, outcome }) => {
  assert.deepEqual((await ask('alice', 'GET', `${room}/tags`)).body, { tags: {} })
  await Promise.all(
    ['m.favourite', 'u.work', 'u.%C3%A4'].map((tag, index) =>
      ask('alice', 'PUT', `${room}/tags/${tag}`, index ? {} : { order: 0.25 }),
    ),
  )
  assert.deepEqual((await ask('alice', 'GET', `${room}/tags`)).body, {
    tags: { 'm.favourite': { order: 0.25 }, 'u.work': {}, 'u.ä': {} },
  })
  assert.deepEqual((await ask('alice', 'GET', `${room}/account_data/m.tag`)).body, {
    tags: { 'm.favourite': { order: 0.25 }, 'u.work': {}, 'u.ä': {} },
  })
  for (const tag of ['u.work', 'u.none', 'constructor'])
    assert.equal(await outcome('alice', 'DELETE', `${room}/tags/${tag}`), '200')
  assert.deepEqual((await ask('alice', 'GET', `${room}/tags`)).body, {
    tags: { 'm.favourite': { order: 0.25 }, 'u.ä': {} },
  })
  assert.equal(await outcome('alice', 'PUT', `${room}/tags/x`, { order: 'first' }), '400 M_BAD_JSON')
  assert.equal(await outcome('alice', 'PUT', `${room}/tags/${'%C3%A4'.repeat(128)}`, {}), '400 M_INVALID_PARAM')
  assert.equal(await outcome('alice', 'PUT', `${room}/tags/__proto__`, {}), '400 M_INVALID_PARAM')
  assert.equal(await outcome('alice', 'PUT', `${room}/tags/x`, { x: 'x'.repeat(3000) }), '413 M_TOO_LARGE')
  assert.equal(await outcome('bob', 'PUT', `${room}/tags/x`, {}), '403 M_FORBIDDEN')
  await ask('alice', 'PUT', `${room}/account_data/m.tag`, { tags: 'junk' })
  assert.deepEqual((await ask('alice', 'GET', `${room}/tags`)).body, { tags: {} })
  for (let n = 0; n < 200; n++) await ask('alice', 'PUT', `${room}/tags/t${n}`, {})
  assert.equal(await outcome('alice', 'PUT', `${room}/tags/more`, {}), '413 M_TOO_LARGE')
})

over('filters of one account are bounded in bytes: the oldest go', async ({ users, nid }) => {
  const large = (name: string): JsonObject => ({ room: { not_rooms: [], types: [name] }, more: 'x'.repeat(60_000) })
  const ids: string[] = []
  for (let count = 0; count < 20; count++) ids.push(await users.filters.add(nid, large(`t${count}`)))
  assert.equal(await users.filters.get(nid, ids[0]!), undefined)
  assert.ok(await users.filters.get(nid, ids[3]!))
  assert.ok(await users.filters.get(nid, ids[19]!))
})

over('the same filter has the same id, and only its owner reads it', async ({ ask, outcome, users, nid }) => {
  const add = async (json: unknown): Promise<unknown> => (await ask('alice', 'POST', filter, json)).body['filter_id']
  const limited = { room: { timeline: { limit: 5 } } }
  assert.deepEqual([await add(limited), await add({}), await add(limited)], ['1', '2', '1'])
  assert.deepEqual((await ask('alice', 'GET', `${filter}/1`)).body, limited)
  assert.equal((await users.filters.get(nid, '1'))?.filter.room.timeline.limit, 5)
  assert.ok(!(users.filters.get(nid, '1') instanceof Promise))
  for (const id of ['3', '0', '-1', '1.5', 'x', '99999999999999999999', '%01'])
    assert.equal(await outcome('alice', 'GET', `${filter}/${id}`), '404 M_NOT_FOUND', id)
  assert.equal(await outcome('bob', 'GET', `${filter}/1`), '403 M_FORBIDDEN')
  assert.equal(await outcome('bob', 'POST', filter, {}), '403 M_FORBIDDEN')
  assert.equal(await outcome('alice', 'POST', filter, { room: { rooms: 'x' } }), '400 M_BAD_JSON')
  assert.equal(await outcome('alice', 'POST', filter, []), '400 M_BAD_JSON')
  await Promise.all(Array.from({ length: 1001 }, (_, n) => ask('alice', 'POST', filter, { n })))
  assert.deepEqual(
    [await outcome('alice', 'GET', `${filter}/3`), await outcome('alice', 'GET', `${filter}/4`)],
    ['404 M_NOT_FOUND', '200'],
  )
})

over('nothing that a client can send makes the server stumble', async ({ outcome }) => {
  const text = fc
    .string({ unit: 'binary', maxLength: 20 })
    .filter((part) => part.isWellFormed() && part !== '' && part !== '.' && part !== '..')
    .map(encodeURIComponent)
  const key = fc.oneof(text, fc.constantFrom('displayname', 'avatar_url', 'm.tz', 'a.b', 'm.ignored_user_list'))
  await fc.assert(
    fc.asyncProperty(key, fc.jsonValue(), fc.constantFrom('bare', 'keyed'), async (key, value, shape) => {
      const body = shape === 'bare' ? value : { [decodeURIComponent(key)]: value }
      for (const path of [`${alice}/${key}`, `${data}/${key}`, `${room}/tags/${key}`, `${room}/account_data/${key}`]) {
        assert.match(await outcome('alice', 'PUT', path, body), /^[24]/)
      }
      assert.match(await outcome('alice', 'POST', filter, body), /^[24]/)
      assert.match(await outcome('alice', 'GET', `/profile/${key}`), /^[24]/)
    }),
    { numRuns: 60 },
  )
})
