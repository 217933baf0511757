import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePowerLevels } from '../power-levels.ts'
import { alice, bob, carol, type Draft, testRoom } from '../room-fixture.test.ts'
import { roomVersions } from '../room-version.ts'
import { redactionApplies } from './index.ts'

const versions = [...roomVersions.values()]

test('a redaction takes effect by power, or among users of one server', () => {
  for (const version of versions) {
    const room = testRoom(version)
    const levels = parsePowerLevels({ users: { [carol]: 50 } }, new Set([alice]), version)
    const applies = (sender: string, author: string, changes: Partial<Draft> = {}) => {
      const target = room.draft({ type: 'm.room.message', sender: author })
      return redactionApplies(
        room.draft({ type: 'm.room.redaction', sender, redacts: target.id, ...changes }),
        target,
        levels,
        version,
      )
    }
    assert.equal(applies(carol, bob), true)
    assert.equal(applies(bob, bob), true)
    assert.equal(applies(bob, '@other:one.example'), true)
    assert.equal(applies(bob, carol), version.redactionsInAuthRules)
    assert.equal(applies(carol, bob, { redacts: '$other' }), false)
    assert.equal(applies(carol, bob, { roomId: '!other:one.example' }), false)
  }
})
