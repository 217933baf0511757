import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { clientNetwork, plainAddress } from './address.ts'
import { createLimiter } from './index.ts'

test('a bucket gives its burst, then its rate, and says how long to wait', () => {
  let now = 5_000
  const limiter = createLimiter({ perSecond: 2, burst: 3, now: () => now })
  assert.deepEqual(
    [1, 2, 3, 4].map(() => limiter.take('a')),
    [0, 0, 0, 500],
  )
  assert.equal(limiter.take('b'), 0)
  now += 499
  assert.equal(limiter.take('a'), 1)
  now += 1
  assert.deepEqual([limiter.check('a'), limiter.check('a'), limiter.take('a'), limiter.take('a')], [0, 0, 0, 500])
  now += 60_000
  assert.deepEqual(
    [1, 2, 3, 4].map(() => limiter.take('a')),
    [0, 0, 0, 500],
  )
})

test('a penalty counts even when nothing is left, but nobody is locked out for long', () => {
  let now = 5_000
  const limiter = createLimiter({ perSecond: 1, burst: 2, now: () => now })
  assert.equal(limiter.check('a'), 0)
  for (let count = 0; count < 100; count++) limiter.penalise('a')
  assert.equal(limiter.check('a'), 3000)
  now += 3000
  assert.equal(limiter.check('a'), 0)
})

test('memory is bounded: the key touched longest ago goes first', () => {
  const limiter = createLimiter({ perSecond: 1, burst: 1, now: () => 0, max: 2 })
  for (const key of ['a', 'b', 'c']) limiter.take(key)
  assert.equal(limiter.size, 2)
  assert.equal(limiter.check('a'), 0)
  assert.ok(limiter.check('c') > 0)
})

test('never more than burst + rate x time get through', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.integer({ min: 0, max: 2000 }), { maxLength: 100 }),
      (perSecond, burst, pauses) => {
        let [now, through] = [0, 0]
        const limiter = createLimiter({ perSecond, burst, now: () => now })
        for (const pause of pauses) {
          now += pause
          const wait = limiter.take('a')
          if (wait === 0) through++
          else assert.ok(wait > 0 && wait <= 1000 / perSecond + 1)
        }
        assert.ok(through <= burst + (now * perSecond) / 1000 + 1e-6)
      },
    ),
  )
})

test('an address counts as its network', () => {
  assert.equal(plainAddress('::ffff:1.2.3.4'), '1.2.3.4')
  assert.equal(plainAddress('::1'), '::1')
  assert.equal(clientNetwork('1.2.3.4'), '1.2.3.4')
  assert.equal(clientNetwork('::1'), '0:0:0:0')
  assert.equal(clientNetwork('2001:db8::1'), '2001:db8:0:0')
  assert.equal(clientNetwork('2001:0DB8:0001:0002:3:4:5:6'), '2001:db8:1:2')
  assert.equal(clientNetwork('fe80::1%eth0'), 'fe80:0:0:0')
  assert.equal(clientNetwork('2001:db8:1:2::'), '2001:db8:1:2')
})

test('a key may have a rate of its own', () => {
  const limiter = createLimiter({ perSecond: 1, burst: 1, now: () => 0 })
  const own = { perSecond: 1, burst: 3 }
  assert.deepEqual(
    [1, 2, 3, 4].map(() => limiter.take('a', own) === 0),
    [true, true, true, false],
  )
  assert.deepEqual([limiter.take('b'), limiter.take('b')], [0, 1000])
  assert.equal(limiter.take('c', { perSecond: 2, burst: 0 }), 0, 'one at a time at least')
})
