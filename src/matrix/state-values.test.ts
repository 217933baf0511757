import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Json, JsonObject } from './json.ts'
import { allowedRooms, canonicalAlias, mxcIn, plainTopic, textIn } from './state-values.ts'

// SECURITY-CASES 44
test('a value of the wrong type counts as not set', () => {
  for (const value of [null, 1, true, [], {}, ['x'], '']) {
    assert.equal(textIn({ name: value }, 'name'), undefined)
    assert.equal(mxcIn({ url: value }, 'url'), undefined)
    assert.equal(canonicalAlias({ alias: value }), undefined)
    assert.equal(plainTopic({ topic: value, 'm.topic': value }), undefined)
    assert.deepEqual(allowedRooms({ join_rule: 'restricted', allow: value }), [])
  }
  assert.equal(textIn(undefined, 'name'), undefined)
  assert.equal(textIn({}, 'constructor'), undefined)
})

test('a value of the right type is given', () => {
  assert.equal(textIn({ name: 'Room' }, 'name'), 'Room')
  assert.equal(mxcIn({ url: 'mxc://example.org/abc' }, 'url'), 'mxc://example.org/abc')
  assert.equal(mxcIn({ url: 'https://example.org/abc' }, 'url'), undefined)
  assert.equal(canonicalAlias({ alias: '#a:example.org' }), '#a:example.org')
  assert.equal(canonicalAlias({ alias: 'a' }), undefined)
})

test('a topic is shown as plain text', () => {
  const topic = (...forms: Json[]): string | undefined => plainTopic({ topic: 'old', 'm.topic': { 'm.text': forms } })
  assert.equal(topic({ mimetype: 'text/html', body: '<b>x</b>' }, { body: 'x' }), 'x')
  assert.equal(topic({ mimetype: 'text/plain', body: 'y' }), 'y')
  assert.equal(topic({ mimetype: 'text/html', body: '<b>x</b>' }), 'old')
  assert.equal(topic({ body: 1 }), 'old')
  assert.equal(plainTopic({ topic: 'old' }), 'old')
})

test('the rooms that open a restricted room are listed once each', () => {
  const allow = [
    { type: 'm.room_membership', room_id: '!a:x' },
    { type: 'm.room_membership', room_id: '!a:x' },
    { type: 'other', room_id: '!b:x' },
    { type: 'm.room_membership', room_id: 'b' },
    null,
  ]
  assert.deepEqual(allowedRooms({ join_rule: 'restricted', allow }), ['!a:x'])
  assert.deepEqual(allowedRooms({ join_rule: 'knock_restricted', allow }), ['!a:x'])
  assert.deepEqual(allowedRooms({ join_rule: 'invite', allow }), [])
})

test('no state makes reading fail', () => {
  const keys = fc.constantFrom('name', 'url', 'alias', 'topic', 'm.topic', 'm.text', 'join_rule', 'allow', '__proto__')
  fc.assert(
    fc.property(
      fc.dictionary(
        keys,
        fc.oneof(fc.jsonValue(), fc.constant('restricted'), fc.dictionary(keys, fc.array(fc.jsonValue()))),
      ),
      (given) => {
        // fast-check calls its JSON values unknown.
        const content = given as JsonObject
        for (const value of [
          textIn(content, 'name'),
          mxcIn(content, 'url'),
          canonicalAlias(content),
          plainTopic(content),
        ]) {
          assert.ok(value === undefined || typeof value === 'string')
        }
        assert.ok(allowedRooms(content).every((room) => typeof room === 'string'))
      },
    ),
  )
})
