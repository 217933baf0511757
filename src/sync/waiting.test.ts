import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Client, SyncBody } from '../../test/harness/client.ts'
import { databases } from '../../test/harness/postgres.ts'
import { startServer, type TestServer } from '../../test/harness/server.ts'
import { inRoom, joinedIn, timeline } from './fixture.test.ts'

const over = (name: string, body: (server: TestServer) => Promise<void>): void => {
  for (const db of databases) {
    test(`${name} (${db.name})`, async () => {
      const database = await db.open()
      try {
        await using server = await startServer({ database: database.url, presence: false })
        await body(server)
      } finally {
        await database.dispose()
      }
    })
  }
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms)
  })

/** A sync that sleeps; `ended` tells whether it does no longer. */
function sleeper(client: Client, timeout = 30_000): { answer: Promise<SyncBody>; ended: () => Promise<boolean> } {
  const answer = client.sync({ timeout })
  let isOver = false
  answer.then(
    () => {
      isOver = true
    },
    () => {
      isOver = true
    },
  )
  return { answer, ended: async () => pause(150).then(() => isOver) }
}

over('a sleeping sync is woken by what happens to its own user and rooms, and by nothing else', async (server) => {
  const [alice, bob, carol] = [await server.login('alice'), await server.login('bob'), await server.login('carol')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  const elsewhere = await alice.createRoom({ preset: 'public_chat' })
  await carol.join(elsewhere)
  await bob.join(room)
  const other = await server.login('bob')
  await bob.sync()
  const asleep = sleeper(bob)
  await carol.send(elsewhere, 'not for bob')
  await alice.req('PUT', inRoom(elsewhere, `/typing/${encodeURIComponent(alice.userId)}`), {
    typing: true,
    timeout: 30_000,
  })
  await alice.req('PUT', `/user/${encodeURIComponent(alice.userId)}/account_data/test`, {})
  assert.equal(await asleep.ended(), false)
  await alice.send(room, 'for bob')
  assert.deepEqual(timeline(joinedIn(await asleep.answer, room)), ['for bob'])
  const wakes: [string, () => Promise<unknown>, (body: SyncBody) => unknown][] = [
    ['an invite', () => alice.createRoom({ invite: [bob.userId] }), (body) => body.rooms?.invite],
    [
      'account data',
      () => other.req('PUT', `/user/${encodeURIComponent(bob.userId)}/account_data/test`, {}),
      (body) => body.account_data,
    ],
    [
      'typing',
      () =>
        alice.req('PUT', inRoom(room, `/typing/${encodeURIComponent(alice.userId)}`), {
          typing: true,
          timeout: 30_000,
        }),
      (body) => body.rooms?.join?.[room],
    ],
    [
      'a message to the device',
      () => alice.req('PUT', '/sendToDevice/test/t1', { messages: { [bob.userId]: { '*': { one: 1 } } } }),
      (body) => body.to_device,
    ],
    ['a room joined from elsewhere', () => other.join(elsewhere), (body) => body.rooms?.join?.[elsewhere]],
    [
      'being kicked',
      () => alice.req('POST', inRoom(elsewhere, '/kick'), { user_id: bob.userId }),
      (body) => body.rooms?.leave?.[elsewhere],
    ],
  ]
  for (const [what, act, found] of wakes) {
    while (
      Object.keys(await bob.sync()).some((key) => key === 'rooms' || key === 'to_device' || key === 'device_lists')
    );
    const next = sleeper(bob)
    assert.equal(await next.ended(), false, `before ${what}`)
    await act()
    assert.ok(found(await next.answer), what)
  }
})

over('a sync that nothing comes for answers when its time is up', async (server) => {
  const alice = await server.login('alice')
  await alice.createRoom()
  const { next_batch: before } = await alice.sync()
  const began = Date.now()
  const body = await alice.sync({ timeout: 300 })
  assert.ok(Date.now() - began >= 290)
  assert.deepEqual([body.rooms, body.next_batch], [undefined, before])
  const first = Date.now()
  alice.since = undefined
  await alice.sync({ timeout: 30_000 })
  assert.ok(Date.now() - first < 5000, 'a first sync never waits')
})

over('a client that goes away leaves nothing behind, and its next sync misses nothing', async (server) => {
  const [alice, bob] = [await server.login('alice'), await server.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(room)
  await bob.sync()
  for (const delay of [0, 1, 5, 20, 50]) {
    const cancel = new AbortController()
    const gone = globalThis.fetch(`${bob.base}/_matrix/client/v3/sync?timeout=30000&since=${bob.since}`, {
      headers: { authorization: `Bearer ${bob.token}` },
      signal: cancel.signal,
    })
    const caught = assert.rejects(gone)
    await pause(delay)
    cancel.abort()
    await caught
  }
  await alice.send(room, 'still there?')
  assert.deepEqual(timeline(joinedIn(await bob.sync({ timeout: 5000 }), room)), ['still there?'])
})

over('a server that stops answers those who sleep', async (server) => {
  const clients = await Promise.all(['alice', 'bob', 'carol'].map((name) => server.login(name)))
  for (const client of clients) await client.sync()
  const sleepers = clients.map((client) => sleeper(client))
  assert.equal(await sleepers[0]?.ended(), false)
  const began = Date.now()
  await server[Symbol.asyncDispose]()
  const since = clients.map((client) => client.since)
  assert.deepEqual(
    (await Promise.all(sleepers.map(({ answer }) => answer))).map((body) => body.next_batch),
    since,
  )
  assert.ok(Date.now() - began < 1500)
})

over('while a user sends, joins and leaves as a sync reads, every event comes exactly once', async (server) => {
  const [alice, bob] = [await server.login('alice'), await server.login('bob')]
  const room = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(room)
  await bob.sync()
  const seen: string[] = []
  let isDone = false
  const reading = (async () => {
    for (let last = false; ;) {
      const body = await bob.sync({ filter: '{"room":{"timeline":{"limit":100}}}' })
      seen.push(...(body.rooms?.join?.[room]?.timeline.events.map((event) => event.event_id) ?? []))
      if (last) return
      last = isDone
    }
  })()
  const sent: string[] = []
  await Promise.all([
    (async () => {
      for (let count = 0; count < 60; count++) sent.push(await alice.send(room, `text ${count}`))
    })(),
    (async () => {
      // The user's own membership moves on, too.
      for (let count = 0; count < 40; count++)
        sent.push(
          await bob.setState(room, 'm.room.member', { membership: 'join', displayname: `bob ${count}` }, bob.userId),
        )
    })(),
  ])
  isDone = true
  await reading
  assert.deepEqual(seen.toSorted(), sent.toSorted())
})
