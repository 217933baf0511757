import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { covers, matches, requiredState, requiredStateFrom, union, type StatePair } from './required-state.ts'

const me = '@me:test'
const of = (...pairs: StatePair[]) => requiredState(pairs, me)

test('$ME is the user, and the order of pairs does not matter', () => {
  assert.equal(of(['m.room.member', '$ME'], ['a', '']), of(['a', ''], ['m.room.member', me]))
  assert.ok(matches(of(['m.room.member', '$ME']), 'm.room.member', me))
  assert.ok(!matches(of(['m.room.member', '$ME']), 'm.room.member', '@you:test'))
})

test('stars stand for every type and every state key', () => {
  assert.ok(matches(of(['a', '*']), 'a', 'x'))
  assert.ok(!matches(of(['a', '*']), 'b', 'x'))
  assert.ok(matches(of(['*', 'x']), 'b', 'x'))
  assert.ok(!matches(of(['*', 'x']), 'b', 'y'))
  assert.ok(matches(of(['*', '*']), 'm.room.member', 'y'))
})

test('all state with lazy members has no members of itself, but those that are named', () => {
  const lazy = of(['*', '*'], ['m.room.member', '$LAZY'], ['m.room.member', '$ME'])
  assert.ok(lazy.lazy)
  assert.ok(matches(lazy, 'm.room.name', ''))
  assert.ok(matches(lazy, 'm.room.member', me))
  assert.ok(!matches(lazy, 'm.room.member', '@you:test'))
})

test('$LAZY means nothing for other types', () => {
  assert.ok(!of(['m.room.name', '$LAZY']).lazy)
})

const pair = fc.tuple(fc.constantFrom('*', 'a', 'm.room.member'), fc.constantFrom('*', '', '$ME', '$LAZY', 'x'))
const required = fc.array(pair, { maxLength: 4 }).map((pairs) => requiredState(pairs, me))
const asked = fc.tuple(fc.constantFrom('a', 'b', 'm.room.member'), fc.constantFrom('', me, 'x', 'y'))

test('a union has what either has, and nothing else', () => {
  fc.assert(
    fc.property(required, required, asked, (a, b, [type, key]) => {
      const both = union(a, b)
      assert.equal(matches(both, type, key), matches(a, type, key) || matches(b, type, key))
      assert.ok(covers(both, a) && covers(both, b))
    }),
    { numRuns: 1000 },
  )
})

test('what covers another matches all that the other matches', () => {
  fc.assert(
    fc.property(required, required, asked, (a, b, [type, key]) => {
      if (covers(a, b) && matches(b, type, key)) assert.ok(matches(a, type, key))
    }),
    { numRuns: 1000 },
  )
})

test('its text gives it back', () => {
  fc.assert(
    fc.property(required, (a) => {
      const again = requiredStateFrom(`${a.text} `)
      assert.deepEqual([again.text, again.lazy, [...again.pairs]], [a.text, a.lazy, [...a.pairs]])
    }),
  )
})
