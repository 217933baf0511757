import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bob, carol, type Draft, testRoom } from '../room-fixture.test.ts'
import { roomVersions } from '../room-version.ts'
import { requiredSigners } from './index.ts'

const versions = [...roomVersions.values()]

test("an event needs the signature of its sender's server, and in v1 and v2 of the one in its id", () => {
  for (const version of versions) {
    const event = testRoom(version).draft({ type: 'x', sender: carol, id: '$x:three.example' })
    assert.deepEqual(
      requiredSigners(event, version),
      version.eventFormat === 'v1' ? ['two.example', 'three.example'] : ['two.example'],
    )
    const own = testRoom(version).draft({ type: 'x', sender: carol, id: '$x:two.example' })
    assert.deepEqual(requiredSigners(own, version), ['two.example'])
  }
})

test('an invite that redeems a third-party invite may come from any server', () => {
  for (const version of versions) {
    const signers = (changes: Partial<Draft>) => {
      const content = { membership: 'invite', third_party_invite: {} }
      const draft = { type: 'm.room.member', sender: bob, stateKey: carol, content, id: '$x:three.example', ...changes }
      return requiredSigners(testRoom(version).draft(draft), version)
    }
    assert.equal(signers({}).includes('one.example'), false)
    assert.ok(signers({ content: { membership: 'invite' } }).includes('one.example'))
    assert.ok(signers({ content: { membership: 'join', third_party_invite: {} } }).includes('one.example'))
    assert.ok(signers({ type: 'x' }).includes('one.example'))
  }
})

test('a membership event must be signed by the server of the user who vouched for it', () => {
  for (const version of versions) {
    const draft = { type: 'm.room.member', sender: bob, stateKey: bob, id: '$x:one.example' }
    for (const [user, server] of [
      [carol, 'two.example'],
      ['x', ''],
      [null, ''],
      [1, ''],
    ] as const) {
      const event = testRoom(version).draft({
        ...draft,
        content: { membership: 'join', join_authorised_via_users_server: user },
      })
      assert.deepEqual(
        requiredSigners(event, version),
        version.restrictedJoins ? ['one.example', server] : ['one.example'],
      )
    }
  }
})
