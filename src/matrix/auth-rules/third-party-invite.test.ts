import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { JsonObject } from '../json.ts'
import { alice, bob, carol, dave, testRoom } from '../room-fixture.test.ts'
import { findRoomVersion, type RoomVersion, roomVersions } from '../room-version.ts'
import { signingKey, signJson } from '../signing.ts'

const key = signingKey('1', randomBytes(32))
const otherKey = signingKey('1', randomBytes(32))
const versions = [...roomVersions.values()]

/** A room with a pending invite by bob, named `token`, for whoever the identity server says. */
const roomWithPending = (version: RoomVersion, content: JsonObject = { public_key: key.publicKey }) => {
  const room = testRoom(version)
  room.joinRule('invite')
  room.send({ type: 'm.room.third_party_invite', sender: bob, stateKey: 'token', content })
  return room
}

const signed = signJson({ mxid: carol, token: 'token' }, 'id.example', key)

const redeem = (room: ReturnType<typeof roomWithPending>, invite: JsonObject[string], sender = bob) => {
  const content = { membership: 'invite', third_party_invite: invite }
  const result = room.judge(room.draft({ type: 'm.room.member', sender, stateKey: carol, content }))
  return result.allowed ? 'allowed' : result.rule
}

test('an invite signed with a key that the pending invite names is allowed', () => {
  for (const version of versions) {
    assert.equal(redeem(roomWithPending(version), { signed }), 'allowed')
    const list = [{ public_key: otherKey.publicKey }, { public_key: key.publicKey }]
    assert.equal(
      redeem(roomWithPending(version, { public_key: otherKey.publicKey, public_keys: list }), { signed }),
      'allowed',
    )
    assert.equal(redeem(roomWithPending(version, { public_keys: list }), { signed }), 'allowed')
  }
})

test('one good signature among bad ones is enough, whoever made it', () => {
  for (const version of versions) {
    const mixed = signJson(signJson(signed, 'a.example', otherKey), 'z.example', otherKey)
    assert.equal(redeem(roomWithPending(version), { signed: mixed }), 'allowed')
  }
})

test('the one who made the pending invite needs not be in the room any more', () => {
  for (const version of versions) {
    const room = roomWithPending(version)
    room.member(bob, 'leave')
    assert.equal(redeem(room, { signed }), 'allowed')
  }
})

test('someone who is banned cannot be invited in this way either', () => {
  for (const version of versions) {
    const room = roomWithPending(version)
    room.member(carol, 'ban', alice)
    assert.equal(redeem(room, { signed }), 'third-party.banned')
  }
})

test('a malformed invite is refused', () => {
  const { mxid: _, ...withoutUser } = signed
  const { token: __, ...withoutToken } = signed
  for (const version of versions) {
    for (const invite of [
      null,
      'x',
      [],
      {},
      { signed: null },
      { signed: [] },
      { signed: withoutUser },
      { signed: withoutToken },
    ]) {
      assert.equal(redeem(roomWithPending(version), invite), 'third-party.malformed')
    }
    assert.equal(redeem(roomWithPending(version), { signed: { ...signed, token: 1 } }), 'third-party.malformed')
  }
})

test('an invite that was signed for another user, or under another token, is refused', () => {
  for (const version of versions) {
    assert.equal(redeem(roomWithPending(version), { signed: { ...signed, mxid: dave } }), 'third-party.other-user')
    assert.equal(redeem(roomWithPending(version), { signed: { ...signed, token: 'other' } }), 'third-party.unknown')
    assert.equal(redeem(testRoom(version), { signed }), 'third-party.unknown')
  }
})

test('only who made the pending invite can redeem it', () => {
  for (const version of versions)
    assert.equal(redeem(roomWithPending(version), { signed }, alice), 'third-party.other-sender')
})

test('an invite without a good signature is refused', () => {
  for (const version of versions) {
    const { signatures: _, ...unsigned } = signed
    const cases: JsonObject[] = [
      unsigned,
      { ...unsigned, signatures: {} },
      { ...unsigned, signatures: [] },
      { ...unsigned, signatures: { 'id.example': 'x' } },
      { ...unsigned, signatures: { 'id.example': { 'ed25519:1': 1, 'ed25519:2': '', 'ed25519:3': 'AAAA' } } },
      { ...signed, extra: 1 },
      signJson(unsigned, 'id.example', otherKey),
      signJson({ mxid: dave, token: 'token' }, 'id.example', key),
    ].map((each) => ({ ...each, mxid: carol }))
    for (const each of cases) assert.equal(redeem(roomWithPending(version), { signed: each }), 'third-party.signature')
    assert.equal(redeem(roomWithPending(version, {}), { signed }), 'third-party.signature')
    assert.equal(
      redeem(roomWithPending(version, { public_key: 'AAAA', public_keys: 'x' }), { signed }),
      'third-party.signature',
    )
  }
})

test('hundreds of keys and signatures cost no more than a few verifications', () => {
  const version = findRoomVersion('12')
  assert.ok(version)
  const keys = Array.from({ length: 400 }, () => ({ public_key: signingKey('1', randomBytes(32)).publicKey }))
  const room = roomWithPending(version, { public_keys: keys })
  const signature = signJson({ mxid: carol }, 'x', otherKey).signatures
  const signatures = Object.fromEntries(Array.from({ length: 400 }, (_, at) => [`s${at}`, signature['x'] ?? {}]))
  const started = performance.now()
  assert.equal(redeem(room, { signed: { mxid: carol, token: 'token', signatures } }), 'third-party.signature')
  assert.ok(performance.now() - started < 1000)
})
