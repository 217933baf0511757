import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from '../json.ts'
import { parsePowerLevels, powerLevelOf } from '../power-levels.ts'
import { alice, bob, carol, dave, testRoom } from '../room-fixture.test.ts'
import { type RoomVersion, roomVersions } from '../room-version.ts'
import type { AuthRule } from './result.ts'

const versions = [...roomVersions.values()]

/** The rule by which bob's new power levels fail in a room with these levels. He has 50 and dave 50, carol 20, if nothing else is said. */
const outcome = (
  version: RoomVersion,
  before: JsonObject | undefined,
  after: JsonObject,
  sender = bob,
): AuthRule | 'allowed' => {
  const room = testRoom(version)
  if (before) room.levels(before)
  else room.state.delete('m.room.power_levels\u0000')
  const result = room.judge(room.draft({ type: 'm.room.power_levels', sender, stateKey: '', content: after }))
  if (!result.allowed) assert.match(result.reason, /^[A-Z@"].*\.$/)
  return result.allowed ? 'allowed' : result.rule
}

const users = { [bob]: 50, [dave]: 50, [carol]: 20 }

const expectAll = (before: JsonObject | undefined, after: JsonObject, expected: AuthRule | 'allowed', sender = bob) => {
  for (const version of versions)
    assert.equal(outcome(version, before, after, sender), expected, `v${version.id}: ${JSON.stringify(after)}`)
}

test('saying the same again is allowed, also in other words where strings are levels', () => {
  const before = { users, ban: 100, events: { 'm.room.name': 100 }, users_default: 0 }
  expectAll(before, before, 'allowed')
  for (const version of versions) {
    const expected = version.powerLevelFormat === 'integer' ? 'power-levels.malformed' : 'allowed'
    assert.equal(outcome(version, before, { ...before, ban: ' 0100' }), expected)
  }
})

test('every level must be a level', () => {
  const names = ['users_default', 'events_default', 'state_default', 'ban', 'redact', 'kick', 'invite']
  for (const before of [undefined, { users }]) {
    const sender = before ? bob : alice
    for (const bad of [null, true, 'x', '', [50], {}, '1.5']) {
      for (const name of names) expectAll(before, { users, [name]: bad }, 'power-levels.malformed', sender)
      expectAll(before, { users, events: { x: bad } }, 'power-levels.malformed', sender)
      expectAll(before, { users: { ...users, [carol]: bad } }, 'power-levels.malformed', sender)
    }
    for (const bad of [null, true, 'x', [], 1]) {
      for (const map of ['users', 'events']) expectAll(before, { users, [map]: bad }, 'power-levels.malformed', sender)
    }
    for (const name of names) expectAll(before, { users, [name]: 10 }, 'allowed', sender)
  }
})

test('before notifications were judged they may hold anything', () => {
  for (const version of versions) {
    for (const bad of ['x', { x: null }]) {
      const expected = version.notificationLevelsAuthRule ? 'power-levels.malformed' : 'allowed'
      assert.equal(outcome(version, { users }, { users, notifications: bad }), expected)
    }
  }
})

test('strings are levels up to v9, fractions up to v5', () => {
  for (const version of versions) {
    const number = Number(version.id)
    assert.equal(outcome(version, { users }, { users, ban: '50' }), number < 10 ? 'allowed' : 'power-levels.malformed')
    assert.equal(outcome(version, { users }, { users, ban: 49.5 }), number < 6 ? 'allowed' : 'power-levels.malformed')
    assert.equal(
      outcome(version, { users }, { users: { ...users, [carol]: '20' } }),
      number < 10 ? 'allowed' : 'power-levels.malformed',
    )
  }
})

test('the keys of users must be user ids', () => {
  for (const bad of [
    '',
    'bob',
    '@bob',
    'bob:one.example',
    '@bob:',
    '@b\0b:one.example',
    `@${'x'.repeat(255)}:one.example`,
  ]) {
    expectAll({ users }, { users: { ...users, [bad]: 0 } }, 'power-levels.user-id')
    expectAll(undefined, { users: { [bad]: 0 } }, 'power-levels.user-id', alice)
  }
  expectAll({ users }, { users: { ...users, '@Historical User!:one.example': 0, '@:one.example': 0 } }, 'allowed')
})

test('the creators of v12 must not be listed, not even with the highest level', () => {
  for (const version of versions) {
    const room = testRoom(version, { additional_creators: [carol] })
    for (const [creator, level] of [
      [alice, 100],
      [carol, 0],
    ] as const) {
      const result = room.judge(
        room.draft({
          type: 'm.room.power_levels',
          sender: alice,
          stateKey: '',
          content: { users: { [creator]: level } },
        }),
      )
      assert.equal(result.allowed || result.rule, version.privilegedCreators ? 'power-levels.creator' : true)
    }
  }
})

test('the first power levels may say anything', () => {
  expectAll(undefined, { users: { [bob]: 1000 }, ban: 1000, events: { x: 1000 } }, 'allowed', alice)
})

for (const name of ['users_default', 'events_default', 'state_default', 'ban', 'redact', 'kick', 'invite']) {
  test(`${name} can be set, changed and removed up to one's own level`, () => {
    expectAll({ users }, { users, [name]: 50 }, 'allowed')
    expectAll({ users }, { users, [name]: 51 }, 'power-levels.single')
    expectAll({ users, [name]: 50 }, { users, [name]: 1 }, 'allowed')
    expectAll({ users, [name]: 50 }, { users }, 'allowed')
    expectAll({ users, [name]: 50 }, { users, [name]: 51 }, 'power-levels.single')
  })
}

for (const name of ['ban', 'redact', 'kick', 'invite', 'events_default']) {
  test(`${name} above one's own level can neither be lowered nor removed`, () => {
    expectAll({ users, [name]: 51 }, { users, [name]: 50 }, 'power-levels.single')
    expectAll({ users, [name]: 51 }, { users }, 'power-levels.single')
    expectAll({ users, [name]: 51 }, { users, [name]: 51, users_default: 1 }, 'allowed')
  })
}

for (const map of ['events', 'notifications']) {
  test(`entries of ${map} can be set, changed and removed up to one's own level`, () => {
    for (const version of versions) {
      const isJudged = map === 'events' || version.notificationLevelsAuthRule
      const check = (before: JsonObject, after: JsonObject, isAllowed: boolean) =>
        assert.equal(
          outcome(version, { users, [map]: before }, { users, [map]: after }),
          isAllowed || !isJudged ? 'allowed' : 'power-levels.entry',
          `v${version.id}: ${JSON.stringify([before, after])}`,
        )
      check({}, { x: 50 }, true)
      check({}, { x: 51 }, false)
      check({ x: 50 }, { x: 0 }, true)
      check({ x: 50 }, {}, true)
      check({ x: 50 }, { x: 51 }, false)
      check({ x: 51 }, { x: 50 }, false)
      check({ x: 51 }, {}, false)
      check({ x: 51 }, { x: 51, y: 1 }, true)
      check({}, JSON.parse('{"__proto__": 51}') as JsonObject, false)
      check(JSON.parse('{"__proto__": 51}') as JsonObject, {}, false)
    }
  })
}

test("users can be given power up to one's own level", () => {
  expectAll({ users }, { users: { ...users, '@new:one.example': 50 } }, 'allowed')
  expectAll({ users }, { users: { ...users, '@new:one.example': 51 } }, 'power-levels.user')
  expectAll({ users }, { users: { ...users, [carol]: 50 } }, 'allowed')
  expectAll({ users }, { users: { ...users, [carol]: 51 } }, 'power-levels.user')
})

test('users of the same or more power can be neither changed nor removed', () => {
  expectAll({ users }, { users: { ...users, [dave]: 49 } }, 'power-levels.user')
  expectAll({ users }, { users: { [bob]: 50, [carol]: 20 } }, 'power-levels.user')
  expectAll({ users }, { users: { [bob]: 50, [dave]: 50 } }, 'allowed')
  expectAll({ users: { ...users, [dave]: 51 } }, { users }, 'power-levels.user')
})

test('one can give up power, but not take more', () => {
  expectAll({ users }, { users: { ...users, [bob]: 49 } }, 'allowed')
  expectAll({ users }, { users: { [dave]: 50, [carol]: 20 } }, 'allowed')
  expectAll({ users }, { users: { ...users, [bob]: 51 } }, 'power-levels.user')
})

test('a creator of v12 can change everything', () => {
  for (const version of versions.filter((each) => each.privilegedCreators)) {
    const before = { users: { [bob]: 1000 }, ban: 1000, events: { x: 1000 } }
    assert.equal(outcome(version, before, { users: { [bob]: 2000, [dave]: 3000 }, kick: 4000 }, alice), 'allowed')
  }
})

test('nobody can come by more power than they have, whatever they write', () => {
  const level = fc.integer({ min: -2, max: 102 })
  const content = fc.record(
    {
      users: fc.dictionary(fc.constantFrom(alice, bob, carol, dave), level),
      users_default: level,
      state_default: fc.constant(0),
    },
    { requiredKeys: ['users', 'state_default'] },
  )
  fc.assert(
    fc.property(fc.constantFrom(...versions), content, content, (version, before, after) => {
      if (version.privilegedCreators) {
        delete before.users[alice]
        delete after.users[alice]
      }
      const room = testRoom(version)
      room.levels({ ...before, users: { ...before.users, [bob]: before.users[bob] ?? 0 } })
      const current = parsePowerLevels(room.lookup('m.room.power_levels', '')?.content, new Set([alice]), version)
      const bobs = powerLevelOf(current, bob)
      const result = room.judge(room.draft({ type: 'm.room.power_levels', sender: bob, stateKey: '', content: after }))
      if (!result.allowed) return
      const next = parsePowerLevels(after, new Set([alice]), version)
      assert.ok(next.usersDefault === current.usersDefault || next.usersDefault <= bobs)
      for (const [user, now] of next.users) if (now !== current.users.get(user)) assert.ok(now <= bobs)
      for (const [user, was] of current.users) if (was >= bobs && user !== bob) assert.equal(next.users.get(user), was)
    }),
  )
})
