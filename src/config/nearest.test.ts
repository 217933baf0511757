import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { editDistance, nearest } from './nearest.ts'

test('the nearest name is found across slips of the pen', () => {
  const names = ['server_name', 'listen', 'data_dir', 'database']
  assert.equal(nearest('sever_name', names), 'server_name')
  assert.equal(nearest('serverName', names), 'server_name')
  assert.equal(nearest('server-name', names), 'server_name')
  assert.equal(nearest('lsiten', names), 'listen')
  assert.equal(nearest('datadir', names), 'data_dir')
  assert.equal(nearest('colour', names), undefined)
  assert.equal(nearest('', names), undefined)
  assert.equal(nearest('___', names), undefined)
})

test('the distance is symmetric, zero only for the same word, and at most the longer length', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 20 }), fc.string({ maxLength: 20 }), (a, b) => {
      const distance = editDistance(a, b)
      assert.equal(distance, editDistance(b, a))
      assert.equal(distance === 0, a === b)
      assert.ok(distance <= Math.max(a.length, b.length))
    }),
  )
})
