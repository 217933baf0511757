import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Memory } from './memory.ts'

const placeBytes = 150

test('the entry used longest ago goes first, and looking does not count as a use', () => {
  const gone: string[] = []
  const cache = new Memory(4 * (3 * placeBytes + 30)).cache<string, number>({
    name: 'numbers',
    weigh: 10,
    dispose: (_, key) => void gone.push(key),
  })
  for (const [key, value] of [
    ['a', 1],
    ['b', 2],
    ['c', 3],
  ] as const)
    cache.set(key, value)
  assert.equal(cache.get('a'), 1)
  assert.equal(cache.peek('b'), 2)
  cache.set('d', 4)
  assert.deepEqual(gone, ['b'])
  cache.set('a', 5)
  assert.deepEqual(gone, ['b', 'a'])
  assert.equal(cache.get('a'), 5)
})

test('neither a share nor the budget is ever exceeded, and what is held is what was set last', () => {
  const act = fc.tuple(fc.nat(2), fc.nat(30), fc.integer({ min: 1, max: 1200 }), fc.boolean())
  fc.assert(
    fc.property(fc.array(act), (acts) => {
      const memory = new Memory(5000)
      const caches = [1 / 2, 1 / 2, 1].map((share, index) =>
        memory.cache<number, { size: number }>({
          name: String(index),
          weigh: ({ size }) => size,
          share,
          grows: index === 2,
        }),
      )
      const last = caches.map(() => new Map<number, { size: number }>())
      for (const [index, key, size, uses] of acts) {
        const cache = caches[index]!
        if (uses) {
          // It has grown since it was weighed: its next use finds that out.
          const held = cache.peek(key)
          if (held && index === 2) held.size += 100
          cache.get(key)
        } else {
          cache.set(key, { size })
          last[index]!.set(key, { size })
        }
        for (const [at, one] of caches.entries()) {
          assert.ok(one.bytes <= one.most)
          const held = [...last[at]!.keys()].filter((known) => one.has(known))
          assert.equal(held.length, one.entries)
          if (at === 2) continue
          for (const known of held) assert.deepEqual(one.peek(known), last[at]!.get(known))
          assert.equal(
            one.bytes,
            held.reduce((sum, known) => sum + placeBytes + one.peek(known)!.size, 0),
          )
        }
        assert.ok(memory.bytes <= memory.limit)
        assert.equal(
          memory.bytes,
          caches.reduce((sum, one) => sum + one.bytes, 0),
        )
      }
    }),
  )
})

test('a cache that nobody asks gives its room to one that everybody does', () => {
  const memory = new Memory(100 * 1000)
  const [quiet, busy] = ['quiet', 'busy'].map((name) =>
    memory.cache<number, string>({ name, weigh: 1000 - placeBytes, share: 1 }),
  ) as [ReturnType<typeof memory.cache<number, string>>, ReturnType<typeof memory.cache<number, string>>]
  for (let key = 0; key < 100; key++) quiet.set(key, 'x')
  assert.equal(quiet.entries, 100)
  for (let key = 0; key < 90; key++) {
    busy.set(key, 'y')
    quiet.get(99)
  }
  assert.equal(busy.entries, 90)
  assert.equal(quiet.entries, 10)
  assert.ok(quiet.has(99))
})
