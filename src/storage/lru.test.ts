import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LruCache } from './lru.ts'

test('the entry used longest ago goes first, and looking does not count as a use', () => {
  const gone: string[] = []
  const cache = new LruCache<string, number>({ max: 3, dispose: (_, key) => void gone.push(key) })
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

test('neither count nor weight is ever exceeded, and what is held is what was set last', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 40 }))), (sets) => {
      const cache = new LruCache<number, number>({ max: 10, maxSize: 100, sizeCalculation: (size) => size })
      const last = new Map<number, number>()
      for (const [key, value] of sets) {
        cache.set(key, value)
        last.set(key, value)
        const held = [...last.keys()].filter((one) => cache.has(one))
        assert.equal(held.length, cache.size)
        assert.ok(cache.size <= 10)
        assert.ok(held.reduce((sum, one) => sum + (cache.peek(one) ?? 0), 0) <= 100)
        for (const one of held) assert.equal(cache.peek(one), last.get(one))
      }
    }),
  )
})
