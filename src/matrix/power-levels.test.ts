import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from './json.ts'
import {
  creatorsOf,
  levelFor,
  notificationLevel,
  parseLevel,
  parsePowerLevels,
  powerLevelOf,
  powerLevelsFrom,
} from './power-levels.ts'
import { alice, bob, carol, testRoom } from './room-fixture.test.ts'
import { findRoomVersion, type RoomVersion, roomVersions } from './room-version.ts'

const version = (id: string): RoomVersion => {
  const found = findRoomVersion(id)
  assert.ok(found)
  return found
}
const all = [...roomVersions.values()]
const nobody = new Set<string>()

test('a level may be written as the room version allows', () => {
  const cases: [written: unknown, v1: number | undefined, v6: number | undefined, v10: number | undefined][] = [
    [50, 50, 50, 50],
    [-50, -50, -50, -50],
    [0, 0, 0, 0],
    [50.57, 50, undefined, undefined],
    [-0.5, 0, undefined, undefined],
    [5.114698e4, 51146, undefined, undefined],
    [1e300, 1e300, undefined, undefined],
    [Infinity, undefined, undefined, undefined],
    [NaN, undefined, undefined, undefined],
    [2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 - 1],
    [2 ** 53, 2 ** 53, undefined, undefined],
    ['100', 100, 100, undefined],
    ['000100', 100, 100, undefined],
    ['+100', 100, 100, undefined],
    ['-100', -100, -100, undefined],
    [' -00100 ', -100, -100, undefined],
    ['\t7\n', 7, 7, undefined],
    ['', undefined, undefined, undefined],
    [' ', undefined, undefined, undefined],
    ['1.5', undefined, undefined, undefined],
    ['1e2', undefined, undefined, undefined],
    ['0x10', undefined, undefined, undefined],
    ['+-1', undefined, undefined, undefined],
    ['1 2', undefined, undefined, undefined],
    ['Infinity', undefined, undefined, undefined],
    ['9'.repeat(400), undefined, undefined, undefined],
    [null, undefined, undefined, undefined],
    [true, undefined, undefined, undefined],
    [[50], undefined, undefined, undefined],
    [{}, undefined, undefined, undefined],
    [undefined, undefined, undefined, undefined],
  ]
  for (const [written, v1, v6, v10] of cases) {
    const value = written as Parameters<typeof parseLevel>[0] // the table also holds what JSON cannot
    assert.equal(parseLevel(value, 'float-or-string'), v1, `v1: ${String(written)}`)
    assert.equal(parseLevel(value, 'integer-or-string'), v6, `v6: ${String(written)}`)
    assert.equal(parseLevel(value, 'integer'), v10, `v10: ${String(written)}`)
  }
})

test('a long string of blanks and digits is judged quickly', () => {
  const started = performance.now()
  assert.equal(parseLevel(`${' '.repeat(60_000)}1x`, 'integer-or-string'), undefined)
  assert.equal(parseLevel(`1${' '.repeat(60_000)}x`, 'integer-or-string'), undefined)
  assert.ok(performance.now() - started < 2000)
})

test('without a power levels event the creator has 100, or in v12 unlimited power, and others 0', () => {
  for (const each of all) {
    const levels = parsePowerLevels(undefined, new Set([alice]), each)
    assert.equal(powerLevelOf(levels, alice), each.privilegedCreators ? Infinity : 100)
    assert.equal(powerLevelOf(levels, bob), 0)
    assert.equal(levelFor(levels, 'm.room.message', false), 0)
    assert.equal(levelFor(levels, 'm.room.name', true), 50)
    assert.deepEqual(
      [levels.ban, levels.kick, levels.redact, levels.invite, notificationLevel(levels, 'room')],
      [50, 50, 50, 0, 50],
    )
  }
})

test('a power levels event that says nothing gives nobody power but the creators of v12', () => {
  for (const each of all) {
    const levels = parsePowerLevels({}, new Set([alice]), each)
    assert.equal(powerLevelOf(levels, alice), each.privilegedCreators ? Infinity : 0)
    assert.equal(levelFor(levels, 'm.room.name', true), 50)
  }
})

test('every single level is read, events_default among them', () => {
  const names = {
    users_default: 'usersDefault',
    events_default: 'eventsDefault',
    state_default: 'stateDefault',
    ban: 'ban',
    kick: 'kick',
    redact: 'redact',
    invite: 'invite',
  } as const
  fc.assert(
    fc.property(
      fc.constantFrom(...all),
      fc.record(Object.fromEntries(Object.keys(names).map((name) => [name, fc.maxSafeInteger()])), {
        requiredKeys: [],
      }),
      fc.boolean(),
      (each, content, asStrings) => {
        const strings = asStrings && each.powerLevelFormat !== 'integer'
        const written: JsonObject = {}
        for (const [key, level] of Object.entries(content)) written[key] = strings ? ` ${level} ` : (level ?? null)
        const levels = parsePowerLevels(written, nobody, each)
        const defaults = parsePowerLevels({}, nobody, each)
        for (const [name, property] of Object.entries(names)) {
          assert.equal(levels[property], content[name] ?? defaults[property])
        }
        assert.equal(levelFor(levels, 'org.example', false), levels.eventsDefault)
        assert.equal(levelFor(levels, 'org.example', true), levels.stateDefault)
        assert.equal(powerLevelOf(levels, bob), levels.usersDefault)
      },
    ),
  )
})

test('levels of users, events and notifications are read whatever they are called', () => {
  const levelMap = fc.dictionary(
    fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString')),
    fc.maxSafeInteger(),
  )
  fc.assert(
    fc.property(levelMap, levelMap, levelMap, fc.string(), (users, events, notifications, other) => {
      const levels = parsePowerLevels({ users, events, notifications, users_default: -1 }, nobody, version('11'))
      for (const [user, level] of Object.entries(users)) assert.equal(powerLevelOf(levels, user), level)
      for (const [type, level] of Object.entries(events)) assert.equal(levelFor(levels, type, true), level)
      for (const [key, level] of Object.entries(notifications)) assert.equal(notificationLevel(levels, key), level)
      if (!Object.hasOwn(users, other)) assert.equal(powerLevelOf(levels, other), -1)
      if (!Object.hasOwn(events, other)) assert.equal(levelFor(levels, other, false), 0)
    }),
  )
})

test('any JSON at all can be read as power levels, and gives numbers', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...all),
      fc.dictionary(
        fc.constantFrom('users', 'events', 'notifications', 'users_default', 'events_default', 'ban', 'invite'),
        fc.jsonValue() as fc.Arbitrary<never>,
      ),
      (each, content) => {
        const levels = parsePowerLevels(content, nobody, each)
        for (const level of [
          levels.usersDefault,
          levels.eventsDefault,
          levels.ban,
          levels.invite,
          ...levels.users.values(),
        ]) {
          assert.ok(Number.isFinite(level))
        }
      },
    ),
  )
})

test('what is not a level counts as absent', () => {
  const levels = parsePowerLevels(
    { users: { [alice]: '100', [bob]: 50 }, ban: '10', users_default: 1, events: [] },
    nobody,
    version('10'),
  )
  assert.equal(powerLevelOf(levels, alice), 1)
  assert.equal(powerLevelOf(levels, bob), 50)
  assert.equal(levels.ban, 50)
})

test('the creators are those that the room version means', () => {
  const create = testRoom(version('12'), { additional_creators: [carol] }).lookup('m.room.create', '')
  assert.ok(create)
  assert.deepEqual(creatorsOf(create, version('12')), new Set([alice, carol]))
  assert.deepEqual(creatorsOf(create, version('11')), new Set([alice]))
  const named = { ...create, content: { creator: bob } }
  assert.deepEqual(creatorsOf(named, version('10')), new Set([bob]))
  assert.deepEqual(creatorsOf({ ...named, content: {} }, version('10')), nobody)
})

test('creators of v12 are above every level, and no other user is', () => {
  const room = testRoom(version('12'), { additional_creators: [carol] })
  const levels = powerLevelsFrom(room.lookup('m.room.power_levels', ''), room.lookup('m.room.create', ''), room.version)
  assert.equal(powerLevelOf(levels, carol), Infinity)
  assert.equal(powerLevelOf(levels, bob), 0)
})

test('levels are parsed once per event, and again for another create event', () => {
  const room = testRoom(version('12'))
  const [event, create] = [room.lookup('m.room.power_levels', ''), room.lookup('m.room.create', '')]
  assert.ok(event && create)
  const levels = powerLevelsFrom(event, create, room.version)
  assert.equal(powerLevelsFrom(event, create, room.version), levels)
  const other = powerLevelsFrom(event, { ...create, sender: bob }, room.version)
  assert.equal(powerLevelOf(other, bob), Infinity)
  assert.equal(powerLevelOf(other, alice), 0)
  assert.equal(powerLevelsFrom(undefined, create, room.version), powerLevelsFrom(undefined, create, room.version))
})
