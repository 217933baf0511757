import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parsePath, valueAt } from './property-path.ts'

test('dots separate names unless a backslash stands before them', () => {
  assert.deepEqual(parsePath('content.body'), ['content', 'body'])
  assert.deepEqual(parsePath('content.m\\.relates_to.rel_type'), ['content', 'm.relates_to', 'rel_type'])
  assert.deepEqual(parsePath('content.m\\\\foo'), ['content', 'm\\foo'])
  assert.deepEqual(parsePath('a\\x.b\\'), ['a\\x', 'b\\'])
  assert.deepEqual(parsePath('a\\\\.b'), ['a\\', 'b'])
  assert.deepEqual(parsePath('..'), ['', '', ''])
  assert.deepEqual(parsePath(''), [''])
})

test('names survive being written as a path', () => {
  const name = fc.array(fc.constantFrom('a', '.', '\\', 'é'), { maxLength: 6 }).map((list) => list.join(''))
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), (names) => {
      const path = names.map((each) => each.replaceAll('\\', '\\\\').replaceAll('.', '\\.')).join('.')
      assert.deepEqual(parsePath(path), names)
    }),
  )
})

test('a value is found through objects only, and never on a prototype', () => {
  const root = { content: { 'm.relates_to': { rel_type: 'm.replace' }, list: ['a'], text: 'abc' } }
  assert.equal(valueAt(root, parsePath('content.m\\.relates_to.rel_type')), 'm.replace')
  assert.equal(valueAt(root, ['content', 'list', '0']), undefined)
  assert.equal(valueAt(root, ['content', 'text', 'length']), undefined)
  assert.equal(valueAt(root, ['content', 'constructor', 'name']), undefined)
  assert.equal(valueAt(root, ['__proto__']), undefined)
})
