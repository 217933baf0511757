import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { wordsOf } from './words.ts'

test('a name is split into words without case and accents', () => {
  assert.deepEqual(wordsOf('Jürgen van-der ÅNGSTRÖM (jürgen)'), ['jurgen', 'van', 'der', 'angstrom'])
  assert.deepEqual(wordsOf('山田 太郎'), ['山田', '太郎'])
  assert.deepEqual(wordsOf('—'), [])
})

test('whatever a name is, its words are few, short, and words of themselves', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (name) => {
      const words = wordsOf(name)
      assert.ok(
        words.length <= 20 && words.every((word) => word.length > 0 && word.length <= 40 && word.isWellFormed()),
      )
      assert.ok(!words.join().includes('\0'))
    }),
  )
})
