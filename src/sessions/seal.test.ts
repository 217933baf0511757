import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createSeal, sealKey } from './seal.ts'

const key = sealKey(randomBytes)
const clock = { now: 1000 }
const sealOf = (purpose = 'flow', ownKey = key) =>
  createSeal<{ a: string }>({ key: ownKey, now: () => clock.now, randomBytes }, purpose, 60_000)

test('what was sealed opens again, for a while', () => {
  const sealed = sealOf().seal({ a: 'ä' })
  assert.match(sealed, /^[A-Za-z0-9_-]+$/)
  assert.deepEqual(sealOf().open(sealed), { a: 'ä' })
  clock.now += 60_000
  assert.equal(sealOf().open(sealed), undefined)
})

test('a value of another purpose or another key does not open', () => {
  const sealed = sealOf().seal({ a: 'x' })
  assert.equal(sealOf('other').open(sealed), undefined)
  assert.equal(sealOf('flow', sealKey(randomBytes)).open(sealed), undefined)
})

test('nothing that was changed or made up opens', () => {
  const sealed = Buffer.from(sealOf().seal({ a: 'x' }), 'base64url')
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.equal(sealOf().open(changed.toString('base64url')), undefined)
  }
  fc.assert(
    fc.property(fc.anything(), (value) => {
      assert.equal(sealOf().open(value), undefined)
    }),
  )
  fc.assert(
    fc.property(fc.string(), (value) => {
      assert.equal(sealOf().open(value), undefined)
    }),
  )
})

test('what is taken is gone, for whoever opens it or takes it again, whichever way it is written', () => {
  const seal = sealOf()
  const [one, other] = [seal.seal({ a: 'x' }), seal.seal({ a: 'x' })]
  assert.deepEqual(seal.open(one), { a: 'x' })
  assert.deepEqual(seal.take(one), { a: 'x' })
  for (const text of [one, `${one}=`, `${one}!`, ` ${one}`]) {
    assert.equal(seal.take(text), undefined)
    assert.equal(seal.open(text), undefined)
  }
  assert.deepEqual(seal.take(other), { a: 'x' })
})
