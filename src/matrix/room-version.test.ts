import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultRoomVersion, findRoomVersion, type RoomVersion, roomVersions } from './room-version.ts'

/** From which version on something is so, and up to which. The other versions are the opposite. */
const since = (first: number, last = 12) => [first, last] as const

const features: [name: string, has: (version: RoomVersion) => boolean, range: readonly [number, number]][] = [
  ['is stable', (version) => version.stable, since(1)],
  ['has event ids with a server name', (version) => version.eventFormat === 'v1', since(1, 2)],
  ['has event ids in standard base64', (version) => version.eventFormat === 'v3', since(3, 3)],
  ['has URL-safe event ids', (version) => version.eventFormat === 'v4', since(4)],
  ['resolves state by v1', (version) => version.stateResolution === 'v1', since(1, 1)],
  ['resolves state by v2', (version) => version.stateResolution === 'v2', since(2, 11)],
  ['resolves state by v2.1', (version) => version.stateResolution === 'v2.1', since(12)],
  ['judges redactions by the auth rules', (version) => version.redactionsInAuthRules, since(1, 2)],
  ['enforces the validity of keys', (version) => version.enforceKeyValidity, since(5)],
  ['enforces canonical JSON', (version) => version.strictCanonicalJson, since(6)],
  ['has a rule for aliases', (version) => version.aliasesAuthRule, since(1, 5)],
  ['keeps aliases when redacting', (version) => version.redaction.keepsAliases, since(1, 5)],
  ['judges notification levels', (version) => version.notificationLevelsAuthRule, since(6)],
  ['takes fractions for power levels', (version) => version.powerLevelFormat === 'float-or-string', since(1, 5)],
  ['takes strings for power levels', (version) => version.powerLevelFormat !== 'integer', since(1, 9)],
  ['knows knocking', (version) => version.knock, since(7)],
  ['knows restricted rooms', (version) => version.restrictedJoins, since(8)],
  ['keeps allow when redacting', (version) => version.redaction.keepsJoinRuleAllow, since(8)],
  ['keeps who vouched when redacting', (version) => version.redaction.keepsAuthorisedVia, since(9)],
  ['knows knock_restricted', (version) => version.knockRestricted, since(10)],
  ['names the creator in content', (version) => version.creatorInContent, since(1, 10)],
  ['keeps the old top level when redacting', (version) => version.redaction.keepsLegacyTopLevel, since(1, 10)],
  ['keeps all of create when redacting', (version) => version.redaction.keepsCreateContent, since(11)],
  ['keeps redacts when redacting', (version) => version.redaction.keepsRedacts, since(11)],
  ['keeps the invite level when redacting', (version) => version.redaction.keepsInviteLevel, since(11)],
  ['keeps signed when redacting', (version) => version.redaction.keepsThirdPartySigned, since(11)],
  ['has redacts in content', (version) => version.redactsInContent, since(11)],
  ['gives creators unlimited power', (version) => version.privilegedCreators, since(12)],
  ['makes the create event the room id', (version) => version.createIsRoomId, since(12)],
  ['leaves create out of auth events', (version) => version.noCreateInAuthEvents, since(12)],
]

for (const [name, has, [first, last]] of features) {
  test(`which room version ${name}`, () => {
    for (const version of roomVersions.values()) {
      const number = Number(version.id)
      assert.equal(has(version), number >= first && number <= last, `v${version.id}`)
    }
  })
}

test('there are the versions 1 to 12, and new rooms get 12', () => {
  assert.deepEqual([...roomVersions.keys()], ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'])
  for (const [id, version] of roomVersions) assert.equal(version.id, id)
  assert.equal(findRoomVersion(defaultRoomVersion)?.id, '12')
})

test('what is no room version is not found', () => {
  for (const id of ['', '0', '13', '1.0', ' 1', 'constructor', 1, null, undefined, {}])
    assert.equal(findRoomVersion(id), undefined)
})
