import assert from 'node:assert/strict'
import { test } from 'node:test'
import { databases } from '../../test/harness/postgres.ts'
import { Memory, openDatabase } from '../storage/index.ts'
import { openLog, type Entry } from './index.ts'

const fail = (error: unknown): void => {
  throw error
}

for (const kind of databases) {
  test(`positions become visible in order, once everything below them is committed (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    {
      await using database = await openDatabase({ url, serverName: 'one.test' })
      const log = await openLog(database, fail)
      const seen: Entry[] = []
      log.listen((entry) => {
        assert.equal(log.now, entry.position)
        seen.push(entry)
      })
      const writes = Array.from({ length: 50 }, (_, index) =>
        log.write(async (tx) => {
          const position = tx.append({ kind: 'event', room: index % 3, wake: [] })
          if (index === 5) log.publish({ kind: 'typing', room: 9, wake: [] })
          assert.ok(log.now < position)
          if (index % 10 === 7) throw new Error('refused')
          return position
        }),
      )
      const results = await Promise.allSettled(writes)
      assert.equal(results.filter((result) => result.status === 'rejected').length, 5)
      assert.equal(seen.length, 46)
      assert.deepEqual(
        seen.map((entry) => entry.position),
        seen.map((entry) => entry.position).toSorted((a, b) => a - b),
      )
      assert.equal(
        log.tail.room(0, 0, log.now).length + log.tail.room(1, 0, log.now).length + log.tail.room(2, 0, log.now).length,
        45,
      )
      assert.equal(log.tail.room(9, 0, log.now).length, 1)
      assert.ok(log.publish({ kind: 'typing', wake: [] }) === log.now)
    }
    await dispose()
  })
}

test('a watcher is woken by its own user alone, and misses nothing that comes before it waits', async () => {
  const { url, dispose } = await databases[0]!.open()
  {
    await using database = await openDatabase({ url, serverName: 'one.test' })
    const log = await openLog(database, fail)
    using watch = log.watch(1)
    using other = log.watch(2)
    await log.write(async (tx) => tx.append({ kind: 'account_data', user: 1, wake: [1] }))
    let otherWoken = false
    void other.wait(60_000).then(() => {
      otherWoken = true
    })
    await watch.wait(60_000)
    assert.equal(otherWoken, false)
    log.close()
    await watch.wait(60_000)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(otherWoken, true)
  }
  await dispose()
})

test('the tail keeps the newest entries and says what it no longer covers', async () => {
  const { Tail } = await import('./tail.ts')
  const tail = new Tail(100, new Memory(1e6), 10)
  for (let position = 101; position <= 150; position++)
    tail.push({ kind: 'event', room: position % 2, user: 7, position })
  assert.equal(tail.covers(100), false)
  assert.equal(tail.covers(140), true)
  assert.deepEqual(
    tail.all(140, 145).map((entry) => entry.position),
    [141, 142, 143, 144, 145],
  )
  assert.deepEqual(
    tail.room(1, 0, 200).map((entry) => entry.position),
    [141, 143, 145, 147, 149],
  )
  assert.equal(tail.user(7, 0, 200).length, 10)
  assert.equal(tail.lastOfRoom(0), 150)
})

test('the tail is bounded in bytes as in entries, and keeps nobody who was woken', async () => {
  const { Tail } = await import('./tail.ts')
  const memory = new Memory(8_000_000)
  const tail = new Tail(0, memory)
  for (let position = 1; position <= 1000; position++) {
    tail.push({ kind: 'event', room: 1, position, bytes: 10_000, data: {} })
    assert.ok(tail.bytes <= 1_000_000)
  }
  assert.equal(memory.bytes, tail.bytes)
  assert.ok(tail.entries >= 90)
  assert.equal(tail.covers(1000 - tail.entries), true)
  assert.equal(tail.covers(1000 - tail.entries - 1), false)
  tail.push({ kind: 'event', room: 1, position: 1001, bytes: 2_000_000, data: {} })
  assert.deepEqual([tail.entries, tail.bytes, tail.covers(1001), tail.covers(1000)], [0, 0, true, false])
})
