import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { checkFormat } from './event-format.ts'
import { MatrixError } from './errors.ts'
import { toRoomEvent } from './event.ts'
import type { Json, JsonObject } from './json.ts'
import { roomVersions, type RoomVersion } from './room-version.ts'

const version = (id: string): RoomVersion => {
  const found = roomVersions.get(id)
  assert.ok(found)
  return found
}
const hash = 'Nhcu5BS_UMnFX7hBVfVSoXiD7OgH6iRT_xyIuqDnpYQ'
const reference = (version: RoomVersion): Json =>
  version.eventFormat === 'v1'
    ? ['$e:b', { sha256: 'x' }]
    : `$${version.eventFormat === 'v3' ? hash.replaceAll('_', '/') : hash}`

const good = (version: RoomVersion): JsonObject => ({
  type: 'm.room.message',
  sender: '@a:b',
  room_id: version.createIsRoomId ? `!${hash}` : '!r:b',
  content: { body: 'hi' },
  prev_events: [reference(version)],
  auth_events: [reference(version)],
  depth: 7,
  origin_server_ts: 1,
  hashes: { sha256: 'x' },
  signatures: { b: { 'ed25519:1': 's' } },
  ...(version.eventFormat === 'v1' ? { event_id: '$e:b' } : {}),
})
const refuses = (event: Json, version: RoomVersion, message?: string): void =>
  assert.throws(() => checkFormat(event, version), { errcode: 'M_BAD_JSON' }, message)

describe('in every room version', () => {
  for (const version of roomVersions.values()) {
    test(`a right event of version ${version.id} is taken as it is, extra keys and all`, () => {
      const event = {
        ...good(version),
        state_key: '',
        origin: 'b',
        redacts: '$x',
        unsigned: { age: 1 },
        extra: { deep: [1] },
      }
      assert.equal(checkFormat(event, version), event)
    })

    test(`a key of the wrong type, or missing, is refused in version ${version.id}`, () => {
      const wrong: Record<string, Json[]> = {
        type: [1, null],
        sender: [1, 'a', '@a', '@a:b c'],
        content: [[], null, 'x'],
        depth: [-1, '7', null, 1.5],
        origin_server_ts: ['1', null, 1.5],
        hashes: [{}, { sha256: 1 }, [], null],
        signatures: [[], null, { b: 1 }, { b: { k: 1 } }, { b: null }],
        prev_events: [{}, null, 'x', [1], ['x'], [null]],
        auth_events: [{}, null, 'x', [1], ['x'], [null], [[]]],
        room_id: [1, null, 'x', '#a:b', '!a'],
      }
      if (version.eventFormat === 'v1') wrong['event_id'] = [1, null, `$${hash}`]
      for (const [key, values] of Object.entries(wrong)) {
        for (const value of values)
          refuses({ ...good(version), [key]: value }, version, `${key}: ${JSON.stringify(value)}`)
        const { [key]: _, ...rest } = good(version)
        refuses(rest, version, `no ${key}`)
      }
      for (const key of ['state_key', 'unsigned']) refuses({ ...good(version), [key]: 5 }, version, key)
      for (const value of [null, 1, 'x', [], [good(version)]]) refuses(value, version)
    })

    test(`20 previous and 10 auth events are the most in version ${version.id}`, () => {
      const list = (count: number): Json[] => Array.from({ length: count }, () => reference(version))
      assert.doesNotThrow(() =>
        checkFormat({ ...good(version), prev_events: list(20), auth_events: list(10) }, version),
      )
      refuses({ ...good(version), prev_events: list(21) }, version)
      refuses({ ...good(version), auth_events: list(11) }, version)
    })

    test(`whatever comes in, the outcome in version ${version.id} is an event or a refusal`, () => {
      const keys = fc.constantFrom(...Object.keys(good(version)), 'state_key', 'unsigned', '__proto__')
      fc.assert(
        fc.property(fc.dictionary(keys, fc.jsonValue()), fc.jsonValue(), (changes, value) => {
          for (const candidate of [{ ...good(version), ...changes }, value]) {
            try {
              toRoomEvent(checkFormat(candidate as Json, version), version)
            } catch (error) {
              assert.ok(error instanceof MatrixError, String(error))
            }
          }
        }),
      )
    })
  }
})

test('floats and large numbers are refused from version 6 on, and allowed before', () => {
  for (const value of [1.5, 2 ** 53]) {
    refuses({ ...good(version('6')), content: { value } }, version('6'))
    assert.doesNotThrow(() => checkFormat({ ...good(version('5')), content: { value } }, version('5')))
  }
  refuses({ ...good(version('6')), depth: 2 ** 53 }, version('6'))
  assert.doesNotThrow(() => checkFormat({ ...good(version('5')), depth: 2 ** 63 }, version('5')))
})

test('half a surrogate pair is refused from version 6 on', () => {
  refuses({ ...good(version('12')), content: { body: '\ud800' } }, version('12'))
})

test('a bottomless content is refused and does not exhaust the stack', () => {
  const deep = (levels: number): Json => JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as Json
  for (const id of ['1', '12']) {
    refuses({ ...good(version(id)), content: { deep: deep(50_000) } }, version(id))
    assert.doesNotThrow(() => checkFormat({ ...good(version(id)), content: { deep: deep(500) } }, version(id)))
  }
})

test('the room id must be of the kind that the version has, and a version 12 create event has none', () => {
  refuses({ ...good(version('12')), room_id: '!r:b' }, version('12'))
  refuses({ ...good(version('11')), room_id: `!${hash}` }, version('11'))
  const event: JsonObject = { ...good(version('12')), type: 'm.room.create', state_key: '' }
  const { room_id: _, ...create } = event
  assert.doesNotThrow(() => checkFormat(create, version('12')))
  refuses({ ...create, room_id: `!${hash}` }, version('12'))
  refuses(create, version('11'))
})

test('references of one format are refused in rooms of another', () => {
  refuses({ ...good(version('4')), prev_events: ['$e:b'] }, version('4'))
  refuses({ ...good(version('4')), prev_events: [['$e:b', { sha256: 'x' }]] }, version('4'))
  refuses({ ...good(version('1')), prev_events: [`$${hash}`] }, version('1'))
})

test('keys that a version gives no meaning may hold anything, since other servers take such events', () => {
  const extra = { redacts: 5, event_id: [], origin: {} }
  assert.doesNotThrow(() => checkFormat({ ...good(version('11')), ...extra }, version('11')))
  refuses({ ...good(version('10')), redacts: 5 }, version('10'))
})
