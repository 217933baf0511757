import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { RoomEvent } from './event.ts'
import type { Json, JsonObject } from './json.ts'
import { readStripped, strippedLimits, strippedState, strippedTypes } from './stripped-state.ts'

const alice = '@alice:x'
const stripped = (type: string, content: JsonObject = {}, stateKey = ''): JsonObject => ({
  type,
  state_key: stateKey,
  sender: alice,
  content,
})
const event = (type: string, stateKey: string): RoomEvent => ({
  id: '$a',
  type,
  sender: alice,
  roomId: '!r:x',
  stateKey,
  content: { of: type },
  prevEvents: [],
  authEvents: [],
  depth: 1,
  ts: 1,
  redacts: undefined,
  pdu: {
    type,
    sender: alice,
    content: {},
    prev_events: [],
    auth_events: [],
    depth: 1,
    origin_server_ts: 1,
    hashes: { sha256: '' },
    signatures: {},
  },
})

test('stripped state has the create event first, what there is of the others, and the member events given', () => {
  const has = new Set(['m.room.create', 'm.room.name', 'm.room.power_levels'])
  const state = strippedState((type) => (has.has(type) ? event(type, '') : undefined), event('m.room.member', alice))
  assert.deepEqual(state, [
    stripped('m.room.create', { of: 'm.room.create' }),
    stripped('m.room.name', { of: 'm.room.name' }),
    stripped('m.room.member', { of: 'm.room.member' }, alice),
  ])
})

// SECURITY-CASES 43
test('of what another server sends only well-formed events are kept, and of these four properties', () => {
  const good = [
    ...strippedTypes.map((type) => stripped(type, { a: 1 })),
    stripped('m.room.member', { membership: 'join' }, alice),
  ]
  assert.deepEqual(readStripped(good.map((each) => ({ ...each, event_id: '$a', unsigned: {}, signatures: {} }))), good)
  const bad: Json[] = [
    null,
    1,
    [],
    {},
    { type: 'm.room.name', state_key: '', sender: alice },
    { type: 'm.room.name', sender: alice, content: {} },
    { ...stripped('m.room.name'), content: [] },
    { ...stripped('m.room.name'), sender: 'alice' },
    { ...stripped('m.room.name'), state_key: 1 },
    stripped('m.room.name', {}, 'x'),
    stripped('m.room.member', {}, ''),
    stripped('m.room.power_levels'),
    stripped('constructor'),
  ]
  for (const item of bad) assert.deepEqual(readStripped([item]), [], JSON.stringify(item))
  for (const json of [undefined, null, {}, 'x', { length: 1 }]) assert.deepEqual(readStripped(json), [])
})

test('the first of two events for one state key counts', () => {
  assert.deepEqual(readStripped([stripped('m.room.name', { name: 'a' }), stripped('m.room.name', { name: 'b' })]), [
    stripped('m.room.name', { name: 'a' }),
  ])
})

// SECURITY-CASES 45
test('stripped state of another server has a largest size', () => {
  const members = Array.from({ length: 500 }, (_, index) => stripped('m.room.member', {}, `@u${index}:x`))
  assert.equal(readStripped(members).length, strippedLimits.events)
  const large = members.slice(0, 10).map((each) => ({ ...each, content: { a: 'x'.repeat(60_000) } }))
  assert.equal(readStripped(large).length, 4)
  assert.deepEqual(readStripped([stripped('m.room.name', { name: 'x'.repeat(70_000) })]), [])
})

test('whatever is sent is read, and reads the same again', () => {
  const item = fc.record(
    {
      type: fc.oneof(fc.constantFrom(...strippedTypes, 'm.room.member'), fc.jsonValue()),
      state_key: fc.oneof(fc.constantFrom('', alice), fc.jsonValue()),
      sender: fc.oneof(fc.constant(alice), fc.jsonValue()),
      content: fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue()),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.oneof(fc.array(fc.oneof(item, fc.jsonValue())), fc.jsonValue()), (json) => {
      // fast-check calls its JSON values unknown.
      const once = readStripped(json as Json)
      assert.deepEqual(readStripped(once), once)
    }),
  )
})
