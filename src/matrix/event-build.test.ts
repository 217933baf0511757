import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { buildEvent, type EventFields } from './event-build.ts'
import { checkFormat } from './event-format.ts'
import { verifyEvent } from './event-signing.ts'
import { contentHash, eventId, hasRightHash, sha256 } from './event.ts'
import { canonicalJson, parseRemote } from './json.ts'
import { roomVersions, type RoomVersion } from './room-version.ts'
import { signingKey } from './signing.ts'

const key = signingKey('auto', new Uint8Array(32).fill(3))
const signer = { serverName: 'example.org', keyId: key.id, publicKey: key.publicKey }

const idFor = (version: RoomVersion, name: string): string => {
  if (version.eventFormat === 'v1') return `$${name}:example.org`
  return `$${version.eventFormat === 'v3' ? sha256(name) : sha256(name).replaceAll('+', '-').replaceAll('/', '_')}`
}
const fieldsFor = (version: RoomVersion, over: Partial<EventFields> = {}): EventFields => ({
  type: 'm.room.message',
  sender: '@alice:example.org',
  roomId: version.createIsRoomId ? `!${idFor(version, 'create').slice(1)}` : '!room:example.org',
  content: { msgtype: 'm.text', body: 'Grüße "an" alle 😀\u2028' },
  prevEvents: [idFor(version, 'p1'), idFor(version, 'p2')],
  authEvents: [idFor(version, 'a1')],
  depth: 12,
  ts: 1700000000000,
  v1:
    version.eventFormat === 'v1'
      ? {
          eventId: '$new:example.org',
          referenceHashes: new Map(['p1', 'p2', 'a1'].map((name) => [idFor(version, name), sha256(name)])),
        }
      : undefined,
  ...over,
})

describe('an event built from pieces is the event built the plain way', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 })
  /** As types and state keys may be: a NUL is refused there. */
  const label = text.map((one) => one.replaceAll('\0', ''))
  const content = fc.dictionary(
    fc.oneof(text, fc.constantFrom('membership', 'redacts', 'users', 'creator', '__proto__')),
    fc.oneof(text, fc.maxSafeInteger(), fc.dictionary(text, fc.oneof(text, fc.boolean()))),
  )
  const type = fc.oneof(
    label,
    fc.constantFrom(
      'm.room.member',
      'm.room.create',
      'm.room.power_levels',
      'm.room.redaction',
      'm.room.join_rules',
      'm.room.aliases',
    ),
  )
  for (const version of roomVersions.values()) {
    test(`in room version ${version.id}`, () => {
      fc.assert(
        fc.property(
          type,
          content,
          fc.option(label, { nil: undefined }),
          fc.option(label, { nil: undefined }),
          (type, content, stateKey, redacts) => {
            const fields = fieldsFor(version, { type, content, stateKey, redacts })
            const { event, json } = buildEvent(fields, version, 'example.org', key)
            assert.equal(json, canonicalJson(event.pdu))
            assert.equal(event.id, eventId(event.pdu, version))
            assert.equal(event.pdu.hashes.sha256, contentHash(event.pdu))
            assert.deepEqual(Object.keys(event.pdu), Object.keys(event.pdu).sort())
            const received = checkFormat(parseRemote(json), version)
            assert.ok(hasRightHash(received))
            assert.ok(verifyEvent(received, version, [signer]))
            assert.equal(eventId(received, version), event.id)
          },
        ),
        { numRuns: 40 },
      )
    })
  }
})

const version12 = roomVersions.get('12')
assert.ok(version12)

test('the create event of a version 12 room carries no room id and names the room', () => {
  const { event, json } = buildEvent(
    fieldsFor(version12, {
      type: 'm.room.create',
      stateKey: '',
      roomId: '',
      content: { room_version: '12' },
      prevEvents: [],
      authEvents: [],
    }),
    version12,
    'example.org',
    key,
  )
  assert.ok(!json.includes('room_id'))
  assert.equal(event.roomId, `!${event.id.slice(1)}`)
})

test('what canonical JSON cannot say is refused in every room version', () => {
  for (const version of roomVersions.values()) {
    assert.throws(() => buildEvent(fieldsFor(version, { content: { a: 1.5 } }), version, 'example.org', key), {
      errcode: 'M_BAD_JSON',
    })
    assert.throws(() => buildEvent(fieldsFor(version, { content: { a: ['\ud800'] } }), version, 'example.org', key), {
      errcode: 'M_BAD_JSON',
    })
  }
})

test('an event of 65,536 bytes is built, one byte more is refused', () => {
  const build = (length: number): number =>
    Buffer.byteLength(
      buildEvent(fieldsFor(version12, { content: { body: 'x'.repeat(length) } }), version12, 'example.org', key).json,
    )
  const room = 65_536 - build(0)
  assert.equal(build(room), 65_536)
  assert.throws(() => build(room + 1), { errcode: 'M_TOO_LARGE', status: 413 })
})

test('types and state keys of 255 bytes are allowed, not of 256, however few characters they are', () => {
  const build = (over: Partial<EventFields>): unknown =>
    buildEvent(fieldsFor(version12, over), version12, 'example.org', key)
  for (const field of ['type', 'stateKey'] as const) {
    assert.doesNotThrow(() => build({ [field]: 'x'.repeat(255) }))
    assert.doesNotThrow(() => build({ [field]: `${'é'.repeat(127)}x` }))
    assert.throws(() => build({ [field]: 'x'.repeat(256) }), { errcode: 'M_TOO_LARGE' })
    assert.throws(() => build({ [field]: 'é'.repeat(128) }), { errcode: 'M_TOO_LARGE' })
  }
})

test('the first rooms need an id and the hashes of what an event refers to', () => {
  const version = roomVersions.get('1')
  assert.ok(version)
  assert.throws(() => buildEvent(fieldsFor(version, { v1: undefined }), version, 'example.org', key), TypeError)
  assert.throws(
    () =>
      buildEvent(
        fieldsFor(version, { v1: { eventId: '$a:b', referenceHashes: new Map() } }),
        version,
        'example.org',
        key,
      ),
    TypeError,
  )
})
