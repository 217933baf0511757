import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLimiter } from './limits.ts'
import { steady } from '../jobs/index.ts'

test('a steady clock goes on from where it was when the given one is set back', () => {
  let now = 10_000
  const clock = steady(() => now)
  assert.equal(clock(), 10_000)
  now -= 5000
  assert.equal(clock(), 10_000)
  now += 30
  assert.equal(clock(), 10_030)
  now += 5000
  assert.equal(clock(), 15_030)
})

test('a clock that is set back by an hour locks nobody out', () => {
  let now = 1e12
  const limiter = createLimiter({ perSecond: 1, burst: 5, now: () => now })
  for (let count = 0; count < 5; count++) assert.equal(limiter.take('a'), 0)
  assert.ok(limiter.take('a') > 0)
  now -= 3_600_000
  assert.ok(limiter.take('a') <= 1000)
  now += 1000
  assert.equal(limiter.take('a'), 0)
})
