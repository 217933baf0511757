import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFailures } from './failures.ts'

const limited = { errcode: 'M_LIMIT_EXCEEDED', status: 429 }

test('wrong passwords are counted by address and name, and the wait ends', () => {
  let now = 0
  const failures = createFailures({ perSecond: 0.5, burst: 3 }, 'off', () => now)
  for (let i = 0; i < 3; i++) failures.guess('192.0.2.1', 'alice')
  assert.throws(() => failures.guess('192.0.2.1', 'Alice'), limited)
  failures.guess('192.0.2.1', 'bob')
  failures.guess('192.0.2.2', 'alice')
  now += 2000
  failures.guess('192.0.2.1', 'alice')
  assert.throws(() => failures.guess('192.0.2.1', 'alice'), limited)
})

test('right passwords are not counted, however many there are', () => {
  const failures = createFailures({ perSecond: 0.1, burst: 2 }, 'off', () => 0)
  for (let i = 0; i < 1000; i++) failures.guess('192.0.2.1', 'alice')()
  failures.guess('192.0.2.1', 'alice')
  failures.guess('192.0.2.1', 'alice')
  assert.throws(() => failures.guess('192.0.2.1', 'alice'), limited)
})

test('one address cannot go through all names', () => {
  const failures = createFailures({ perSecond: 0.1, burst: 2 }, 'off', () => 0)
  for (let i = 0; i < 20; i++) failures.guess('2001:db8::1', `user${i}`)
  assert.throws(() => failures.guess('2001:db8::2', 'user99'), limited, 'the whole /64 is one client')
  failures.guess('2001:db8:0:1::1', 'user99')
})

test('bad tokens are counted by address, apart from passwords', () => {
  const failures = createFailures({ perSecond: 0.1, burst: 2 }, 'off', () => 0)
  failures.badToken('192.0.2.1')
  failures.badToken('192.0.2.1')
  assert.throws(() => failures.badToken('192.0.2.1'), limited)
  failures.badToken('192.0.2.2')
  failures.guess('192.0.2.1', 'alice')
})

test('nothing is counted when limits are off', () => {
  const failures = createFailures('off', 'off', () => 0)
  for (let i = 0; i < 1000; i++) {
    failures.badToken('192.0.2.1')
    failures.guess('192.0.2.1', 'alice')
  }
})
