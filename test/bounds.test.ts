// Whatever is remembered and answered is bounded in bytes: a small server is filled by one account with all that is large, and then every
// cache is looked at, and every endpoint that reads is asked.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createHomeserver, type Homeserver } from '../src/server/index.ts'
import { Client } from './harness/client.ts'
import { jwtConfig } from './harness/jwt.ts'

const MiB = 1024 * 1024
const memory = 16 * MiB
/** An answer, whatever it is of: on such a server a sync has 1 MiB of rooms and one beyond, 2 MiB of messages, and all account data. */
const largestAnswer = 8 * MiB
const large = 'x'.repeat(40_000)

let server: Homeserver
let alice: Client
let room: string
let event: string

before(async () => {
  server = await createHomeserver({
    server_name: 'test',
    database: 'sqlite::memory:',
    listen: '127.0.0.1:0',
    rate_limits: 'off',
    jwt_config: jwtConfig,
    log: { level: 'silent' },
    metrics: { listen: '127.0.0.1:0' },
    memory,
  })
  alice = await new Client(server.url).login('alice')
  await fill()
})
after(() => server.close())

const put = (path: string, body: object): Promise<unknown> => alice.req('PUT', `/_matrix/client/v3${path}`, body)

/** What one account can make large. */
async function fill(): Promise<void> {
  room = await alice.createRoom({ name: 'Large' })
  const own = `/user/${encodeURIComponent(alice.userId)}`
  event = await alice.send(room, 'root')
  const relation = { rel_type: 'm.thread', event_id: event }
  const many = async (count: number, act: (index: number) => Promise<unknown>): Promise<void> => {
    for (let start = 0; start < count; start += 10)
      await Promise.all(Array.from({ length: Math.min(10, count - start) }, (_, index) => act(start + index)))
  }
  await many(60, (index) =>
    put(`/rooms/${room}/send/m.room.message/large${index}`, {
      msgtype: 'm.text',
      body: `swordfish ${large}`,
      ...(index % 2 === 0 && { 'm.relates_to': relation }),
    }),
  )
  await many(20, (index) => put(`/rooms/${room}/state/test.large/${index}`, { large }))
  await many(20, (index) => put(`${own}/account_data/test.large${index}`, { large }))
  await many(10, (index) => put(`${own}/rooms/${room}/account_data/test.large${index}`, { large }))
  await many(30, (index) =>
    alice.req('POST', `/_matrix/client/v3${own}/filter`, {
      room: { timeline: { types: Array.from({ length: 90 }, (_, at) => `${'t*'.repeat(15)}${index}.${at}`) } },
    }),
  )
  await many(20, (index) =>
    put(`/sendToDevice/test.large/large${index}`, { messages: { [alice.userId]: { '*': { large } } } }),
  )
  await many(20, (index) =>
    put(`/pushrules/global/content/r${index}`, { pattern: `${'?'.repeat(200)}${index}`, actions: ['notify'] }),
  )
  await many(10, async (index) => {
    const child = await alice.createRoom({ name: `Child ${index}`, topic: 'y'.repeat(10_000) })
    await put(`/rooms/${room}/state/m.space.child/${child}`, { via: ['test'] })
  })
  // The filters are read as well, and the whole of a room.
  await many(30, (index) => alice.ask('GET', `/_matrix/client/v3/sync?filter=${index + 1}`))
}

const numbersOf = async (metric: string): Promise<Map<string, number>> => {
  const lines = (await (await fetch(server.metricsUrl ?? '')).text()).split('\n')
  return new Map(
    lines
      .filter((line) => line.startsWith(metric))
      .map((line) => {
        const [, cache = '', value] = /^\w+(?:\{cache="(.*)"\})? (.*)$/.exec(line) ?? []
        return [cache, Number(value)] as const
      }),
  )
}

test('every endpoint that reads answers within a bound, whatever there is to read', async () => {
  const values: Record<string, string> = {
    roomId: room,
    roomIdOrAlias: room,
    eventId: event,
    userId: alice.userId,
    relType: 'm.thread',
    eventType: 'm.room.message',
    stateKey: '',
    type: 'test.large1',
    keyName: 'displayname',
    filterId: '1',
    scope: 'global',
    kind: 'content',
    ruleId: 'r1',
    deviceId: 'ALICE',
  }
  const query = 'limit=100000&dir=b&timeout=0&full_state=true&from=0&include_all=true'
  const asked: string[] = []
  for (const { method, path } of server.routes) {
    if (method !== 'GET' || path.includes('*')) continue
    const filled = path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(values[name] ?? '1'))
    const at = query.split('&').filter((one) => one !== 'from=0' || !/sync|messages/.test(path))
    const reply = await server.inject({
      method: 'GET',
      url: `${filled}?${at.join('&')}`,
      headers: { authorization: `Bearer ${alice.token}` },
    })
    assert.ok(
      reply.statusCode < 500 || reply.statusCode === 501,
      `${path}: ${reply.statusCode} ${reply.body.slice(0, 200)}`,
    )
    assert.ok(reply.body.length < largestAnswer, `${path} answers with ${reply.body.length} bytes`)
    if (reply.statusCode === 200) asked.push(path)
  }
  assert.ok(asked.length > 40, `only ${asked.length} endpoints answered: ${asked.join(' ')}`)
  for (const search of ['recent', 'rank']) {
    const reply = await alice.ask('POST', '/_matrix/client/v3/search', {
      search_categories: {
        room_events: {
          search_term: 'swordfish',
          order_by: search,
          filter: { limit: 100 },
          include_state: true,
          event_context: { before_limit: 50, after_limit: 50, include_profile: true },
        },
      },
    })
    assert.ok(JSON.stringify(reply.body).length < 2 * largestAnswer)
  }
})

test('no cache goes beyond its share, nor all of them beyond the budget', async () => {
  const [bytes, entries] = [await numbersOf('latchkey_cache_bytes'), await numbersOf('latchkey_cache_entries')]
  assert.equal([...(await numbersOf('latchkey_memory_budget_bytes')).values()][0], memory)
  const sum = [...bytes.values()].reduce((all, one) => all + one, 0)
  assert.ok(sum <= memory, `${sum} bytes are held`)
  assert.ok(sum > memory / 4, `only ${sum} bytes are held: nothing was tried`)
  for (const [cache, held] of bytes) assert.ok(held <= memory / 2, `${cache} holds ${held} bytes`)
  const used = [...entries].filter(([, count]) => count > 0).map(([cache]) => cache)
  for (const cache of ['events', 'rooms', 'tail of the log', 'filters', 'push rules', 'mailboxes', 'user ids'])
    assert.ok(used.includes(cache), `${cache} was not used; used: ${used.join(', ')}`)
})

test('nothing remembers by a count of its own: what is dropped when there is too much is a cache of the budget', () => {
  // Each with the reason why it is none.
  const allowed = new Map([
    ['storage/sqlite.ts', 'compiled statements, of texts that stand in the code'],
    ['storage/cache.ts', 'the cache itself'],
    ['http/limits.ts', 'rates of who asks: short keys, and a number each'],
    ['http/outgoing.ts', 'connections to a few addresses that operators name'],
    ['admin/sign-ins.ts', 'fifty keys and rules of each provider of the configuration, a number each'],
    ['import/synapse/state-groups.ts', 'the import has a process of its own, where nobody else asks for anything'],
    ['federation/outbound/destination.ts', 'receipts that wait for one server, beyond which the oldest are not sent'],
  ])
  const root = join(import.meta.dirname, '..', 'src')
  const found = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .filter((file) =>
      /keys\(\)\.next\(\)|new Cache[<(]|class \w*(?:Lru|LRU)/.test(readFileSync(join(root, file), 'utf8')),
    )
    .filter((file) => !allowed.has(file.replaceAll('\\', '/')) && file !== join('storage', 'memory.ts'))
  assert.deepEqual(found, [])
})
