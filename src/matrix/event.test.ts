import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { signEvent, verifyEvent } from './event-signing.ts'
import { contentHash, eventId, hasRightHash, referenceHash, toRoomEvent } from './event.ts'
import type { Pdu } from './pdu.ts'
import type { JsonObject } from './json.ts'
import { roomVersions, type RoomVersion } from './room-version.ts'
import { signingKey } from './signing.ts'

const version = (id: string): RoomVersion => {
  const found = roomVersions.get(id)
  assert.ok(found)
  return found
}
/** The key of the specification's test vectors. */
const key = signingKey('1', 'YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1')

describe("the specification's event signing vectors", () => {
  const vectors: { name: string; event: JsonObject; hash: string; signature: string }[] = [
    {
      name: 'a minimal event',
      event: {
        room_id: '!x:domain',
        sender: '@a:domain',
        origin: 'domain',
        origin_server_ts: 1000000,
        signatures: {},
        hashes: {},
        type: 'X',
        content: {},
        prev_events: [],
        auth_events: [],
        depth: 3,
        unsigned: { age_ts: 1000000 },
      },
      hash: '5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos',
      signature: 'KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg',
    },
    {
      name: 'an event with redactable content',
      event: {
        content: { body: 'Here is the message content' },
        event_id: '$0:domain',
        origin: 'domain',
        origin_server_ts: 1000000,
        type: 'm.room.message',
        room_id: '!r:domain',
        sender: '@u:domain',
        signatures: {},
        unsigned: { age_ts: 1000000 },
      },
      hash: 'onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g',
      signature: 'Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA',
    },
  ]
  for (const { name, event, hash, signature } of vectors) {
    test(name, () => {
      assert.equal(contentHash(event), hash)
      const hashed = { ...event, hashes: { sha256: contentHash(event) } } as unknown as Pdu // the vectors lack fields
      const signed = signEvent(hashed, version('1'), 'domain', key)
      assert.deepEqual(signed, {
        ...event,
        hashes: { sha256: hash },
        signatures: { domain: { 'ed25519:1': signature } },
      })
      assert.ok(verifyEvent(signed, version('1'), [{ serverName: 'domain', keyId: key.id, publicKey: key.publicKey }]))
    })
  }
})

const pdu: Pdu = {
  type: 'm.room.message',
  sender: '@a:b',
  room_id: '!r:b',
  content: { body: 'hi' },
  prev_events: ['$p'],
  auth_events: ['$q'],
  depth: 7,
  origin_server_ts: 1,
  hashes: { sha256: 'x' },
  signatures: {},
}

test('the id of an event is its field, its reference hash in base64, or URL-safe', () => {
  assert.equal(eventId({ ...pdu, event_id: '$e:b' }, version('2')), '$e:b')
  const hash = referenceHash(pdu, version('4'))
  assert.equal(eventId(pdu, version('3')), `$${hash}`)
  assert.equal(eventId(pdu, version('4')), `$${hash.replaceAll('+', '-').replaceAll('/', '_')}`)
})

test('neither signatures, unsigned nor what a redaction removes are part of the id; hashes are', () => {
  const id = eventId(pdu, version('12'))
  assert.equal(
    eventId({ ...pdu, unsigned: { age: 1 }, signatures: { b: { k: 's' } }, content: {}, redacts: '$x' }, version('12')),
    id,
  )
  assert.notEqual(eventId({ ...pdu, hashes: { sha256: 'y' } }, version('12')), id)
  assert.notEqual(eventId({ ...pdu, depth: 8 }, version('12')), id)
})

test('a wrong content hash is noticed, padding is not', () => {
  const sha256 = contentHash(pdu)
  assert.ok(hasRightHash({ ...pdu, hashes: { sha256 } }))
  assert.ok(hasRightHash({ ...pdu, hashes: { sha256: `${sha256}=` } }))
  assert.ok(!hasRightHash({ ...pdu, hashes: { sha256 }, content: { body: 'forged' } }))
  assert.ok(!hasRightHash({ ...pdu, hashes: {} as Pdu['hashes'] }))
})

test('the normalised view is the same for references with and without hashes', () => {
  const old = {
    ...pdu,
    event_id: '$e:b',
    prev_events: [['$p', { sha256: 'h' }]],
    auth_events: [['$q', { sha256: 'h' }]],
  } satisfies JsonObject
  const [a, b] = [toRoomEvent(old as Pdu, version('1')), toRoomEvent(pdu, version('11'), '$e:b')]
  assert.deepEqual({ ...a, pdu: undefined }, { ...b, pdu: undefined })
  assert.deepEqual(
    { ...b, pdu: undefined },
    {
      id: '$e:b',
      type: 'm.room.message',
      sender: '@a:b',
      roomId: '!r:b',
      stateKey: undefined,
      content: { body: 'hi' },
      prevEvents: ['$p'],
      authEvents: ['$q'],
      depth: 7,
      ts: 1,
      redacts: undefined,
      pdu: undefined,
    },
  )
})

test('the redacted event is read from where the room version keeps it, and from redactions only', () => {
  const both: Pdu = { ...pdu, type: 'm.room.redaction', redacts: '$top', content: { redacts: '$content' } }
  assert.equal(toRoomEvent(both, version('10')).redacts, '$top')
  assert.equal(toRoomEvent(both, version('11')).redacts, '$content')
  assert.equal(toRoomEvent({ ...both, content: { redacts: 5 } }, version('11')).redacts, undefined)
  assert.equal(toRoomEvent({ ...both, type: 'm.room.message' }, version('10')).redacts, undefined)
})

test('the create event of a version 12 room gives the room its id', () => {
  const { room_id: _, ...create } = { ...pdu, type: 'm.room.create', state_key: '' }
  const event = toRoomEvent(create, version('12'))
  assert.equal(event.roomId, `!${event.id.slice(1)}`)
  assert.equal(toRoomEvent({ ...create, room_id: '!r:b' }, version('11')).roomId, '!r:b')
})

test('a depth beyond 53 bits, as old rooms may have, is cut', () => {
  assert.equal(toRoomEvent({ ...pdu, depth: 2 ** 63 }, version('5')).depth, Number.MAX_SAFE_INTEGER)
})

test('every signer must have signed the redacted event', () => {
  const other = signingKey('x', new Uint8Array(32).fill(1))
  const [a, b] = [
    { serverName: 'a', keyId: key.id, publicKey: key.publicKey },
    { serverName: 'b', keyId: other.id, publicKey: other.publicKey },
  ]
  const signed = signEvent(signEvent(pdu, version('12'), 'a', key), version('12'), 'b', other)
  assert.ok(verifyEvent(signed, version('12'), [a, b]))
  assert.ok(verifyEvent({ ...signed, content: {} }, version('12'), [a, b]), 'a redacted copy is still signed')
  assert.ok(!verifyEvent({ ...signed, depth: 8 }, version('12'), [a, b]))
  assert.ok(!verifyEvent(signEvent(pdu, version('12'), 'a', key), version('12'), [a, b]))
})
