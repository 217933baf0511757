import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Session } from '../http/index.ts'
import { Memory } from '../storage/index.ts'
import { createSessionCache, type SessionCache } from './cache.ts'

const session = (user: number, tokenId: number): Session => ({
  user,
  userId: `@${user}:test`,
  device: tokenId,
  deviceId: `D${tokenId}`,
  tokenId,
  admin: false,
  guest: false,
  locked: false,
  suspended: false,
})

/** One that has room for so many sessions, with their places in the cache. */
const cacheOf = (count: number): SessionCache => createSessionCache(new Memory(4 * count * 1350))

test('a session is answered until it runs out', () => {
  const cache = cacheOf(10)
  cache.put('a', session(1, 1), 1000)
  cache.put('b', session(1, 2), null)
  assert.equal(cache.get('a', 999)?.tokenId, 1)
  assert.equal(cache.get('a', 1000), undefined)
  assert.equal(cache.get('b', 1e15)?.tokenId, 2)
  assert.equal(cache.get('c', 0), undefined)
  assert.equal(cache.size, 1)
})

test('revoking takes out what it says of one user, and is counted', () => {
  const cache = cacheOf(10)
  for (const [hash, user, id] of [
    ['a', 1, 1],
    ['b', 1, 2],
    ['c', 2, 3],
  ] as const)
    cache.put(hash, session(user, id), null)
  cache.revoke(1, (one) => one.tokenId === 1)
  assert.deepEqual(
    ['a', 'b', 'c'].map((hash) => cache.get(hash, 0)?.tokenId),
    [undefined, 2, 3],
  )
  cache.revoke(1)
  assert.deepEqual(
    ['a', 'b', 'c'].map((hash) => cache.get(hash, 0)?.tokenId),
    [undefined, undefined, 3],
  )
  cache.revoke(99)
  assert.equal(cache.revocations, 3)
})

test('revoking devices takes out theirs, whoever they belong to', () => {
  const cache = cacheOf(10)
  for (const [hash, user, id] of [
    ['a', 1, 1],
    ['b', 1, 2],
    ['c', 2, 3],
  ] as const)
    cache.put(hash, session(user, id), null)
  cache.revokeDevices([2, 3, 99])
  assert.deepEqual(
    ['a', 'b', 'c'].map((hash) => cache.get(hash, 0)?.tokenId),
    [1, undefined, undefined],
  )
  assert.equal(cache.revocations, 1)
})

test('it never holds more than its bound, and what was asked for last stays', () => {
  const cache = cacheOf(10)
  for (let id = 1; id < 5000; id++) {
    cache.put(String(id), session(id % 7, id), null)
    assert.ok(cache.size <= 10)
    assert.equal(cache.get('1', 0)?.tokenId, 1, 'asked for all the time')
    for (let back = Math.max(1, id - 2); back <= id; back++) assert.equal(cache.get(String(back), 0)?.tokenId, back)
  }
  for (let user = 0; user < 7; user++) cache.revoke(user)
  assert.equal(cache.size, 0)
})

test('what was put out can be put back, and is then revoked with the rest', () => {
  const cache = cacheOf(4)
  for (let id = 1; id <= 20; id++) cache.put(String(id), session(1, id), null)
  assert.equal(cache.get('1', 0), undefined)
  cache.put('1', session(1, 1), null)
  cache.put('1', session(1, 1), null)
  cache.revokeDevices([1])
  assert.equal(cache.get('1', 0), undefined)
})
