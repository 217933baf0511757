import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomEvent } from '../event.ts'
import type { JsonObject } from '../json.ts'
import { alice, bob, carol, dave, emptyRoom, testRoom, type TestRoom } from '../room-fixture.test.ts'
import { findRoomVersion, type RoomVersion, roomVersions } from '../room-version.ts'
import { resolve, stateMapKey } from './index.ts'

const version = (id: string): RoomVersion => {
  const found = findRoomVersion(id)
  assert.ok(found)
  return found
}
const all = [...roomVersions.values()]
const afterV1 = all.filter((each) => each.stateResolution !== 'v1')

/** Levels with alice at the top, in the way of the room version. */
const levels = (room: TestRoom, users: JsonObject, more: JsonObject = {}): JsonObject => ({
  users: { ...(room.version.privilegedCreators ? {} : { [alice]: 100 }), ...users },
  ...more,
})
const setLevels = (room: TestRoom, sender: string, users: JsonObject, more?: JsonObject) =>
  room.send({ type: 'm.room.power_levels', sender, stateKey: '', content: levels(room, users, more) })
const topic = (room: TestRoom, sender: string) =>
  room.send({ type: 'm.room.topic', sender, stateKey: '', content: { topic: 'x' } })
const joinRule = (room: TestRoom, sender: string, rule: string) =>
  room.send({ type: 'm.room.join_rules', sender, stateKey: '', content: { join_rule: rule } })
const member = (room: TestRoom, user: string, membership: string, sender = user) =>
  room.send({ type: 'm.room.member', sender, stateKey: user, content: { membership } })

/** The state made of these forks, as a look-up; checked to be the same in every order. */
const merge = (forks: readonly TestRoom[], rejected: readonly RoomEvent[] = []) => {
  const [room] = forks
  assert.ok(room)
  const states = forks.map(({ state }) => state)
  const isRejected = (id: string) => rejected.some((event) => event.id === id)
  const resolved = resolve(room.version, states, (id) => room.events.get(id), isRejected)
  const reversed = resolve(room.version, [...states].reverse(), (id) => room.events.get(id), isRejected)
  assert.deepEqual(reversed, resolved)
  return (type: string, stateKey = '') => resolved.get(stateMapKey(type, stateKey))
}

const membershipAfter = (room: TestRoom, after: ReturnType<typeof merge>, user: string) =>
  room.events.get(after('m.room.member', user) ?? '')?.content['membership']

test('what happens on one fork only is in the result', () => {
  for (const each of all) {
    const [left, right] = [testRoom(each)].flatMap((room) => [room.fork(), room.fork()] as const)
    assert.ok(left && right)
    const set = topic(left, alice)
    const joined = member(right, carol, 'join')
    const after = merge([left, right])
    assert.equal(after('m.room.topic'), set.id)
    assert.equal(after('m.room.member', carol), joined.id)
  }
})

test('a ban counts against what the banned did at the same time', () => {
  for (const each of afterV1) {
    const room = testRoom(each)
    setLevels(room, alice, { [bob]: 50 })
    const [left, right] = [room.fork(), room.fork()]
    const mine = setLevels(right, bob, { [bob]: 50, [carol]: 40 })
    const ban = member(left, bob, 'ban', alice)
    const after = merge([left, right])
    assert.equal(after('m.room.member', bob), ban.id)
    assert.notEqual(after('m.room.power_levels'), mine.id)
  }
})

test('nobody slips in through a fork where the room is still public', () => {
  for (const each of afterV1) {
    const room = testRoom(each)
    const [left, right] = [room.fork(), room.fork()]
    const joined = member(right, carol, 'join')
    const rule = joinRule(left, alice, 'invite')
    const after = merge([left, right])
    assert.equal(after('m.room.join_rules'), rule.id)
    assert.notEqual(after('m.room.member', carol), joined.id)
  }
})

test('of two topics the one that rests on newer power levels wins, though it is older', () => {
  for (const each of afterV1) {
    const room = testRoom(each)
    setLevels(room, alice, { [bob]: 50 })
    const [left, right] = [room.fork(), room.fork()]
    setLevels(left, alice, { [bob]: 50, [carol]: 1 })
    const newer = topic(left, alice)
    topic(right, bob)
    assert.equal(merge([left, right])('m.room.topic'), newer.id)
  }
})

test('of two topics that rest on the same power levels the later wins', () => {
  for (const each of afterV1) {
    const room = testRoom(each)
    const [left, right] = [room.fork(), room.fork()]
    topic(left, alice)
    const later = topic(right, alice)
    assert.equal(merge([left, right])('m.room.topic'), later.id)
  }
})

test('at the same time, the greater event id wins', () => {
  for (const each of afterV1) {
    const room = testRoom(each)
    const [left, right] = [room.fork(), room.fork()]
    const [a, b] = [left, right].map((fork) => fork.send({ type: 'm.room.topic', sender: alice, stateKey: '', ts: 5 }))
    assert.ok(a && b && a.id < b.id)
    assert.equal(merge([left, right])('m.room.topic'), b.id)
  }
})

test('a topic set by someone who lost the power to do so at the same time does not stay', () => {
  for (const each of afterV1) {
    const room = testRoom(each)
    setLevels(room, alice, { [bob]: 50 })
    const before = topic(room, alice)
    const [left, right] = [room.fork(), room.fork()]
    const demotion = setLevels(left, alice, { [bob]: 0 })
    topic(right, bob)
    const after = merge([left, right])
    assert.equal(after('m.room.power_levels'), demotion.id)
    assert.equal(after('m.room.topic'), before.id)
  }
})

test('power given on one fork can be used by what was built on it, against an older fork', () => {
  for (const each of afterV1) {
    const room = testRoom(each)
    member(room, carol, 'join')
    const old = room.fork()
    setLevels(room, alice, { [bob]: 50 })
    setLevels(room, bob, { [bob]: 50, [carol]: 50 })
    const last = setLevels(room, carol, { [bob]: 50, [carol]: 0 })
    assert.equal(merge([room, old])('m.room.power_levels'), last.id)
  }
})

test("the more powerful sender comes first, so the weaker one's change is judged by theirs", () => {
  for (const each of afterV1) {
    const room = testRoom(each)
    setLevels(room, alice, { [bob]: 60 })
    const [left, right] = [room.fork(), room.fork()]
    const bobs = setLevels(right, bob, { [bob]: 60, [carol]: 60 })
    const alices = setLevels(left, alice, { [bob]: 10 })
    assert.ok(bobs.ts < alices.ts)
    assert.equal(merge([left, right])('m.room.power_levels'), alices.id)
  }
})

test('three forks are resolved at once', () => {
  for (const each of afterV1) {
    const room = testRoom(each)
    setLevels(room, alice, { [bob]: 50, [dave]: 50 })
    member(room, dave, 'join')
    const [one, two, three] = [room.fork(), room.fork(), room.fork()]
    topic(one, bob)
    const ban = member(two, bob, 'ban', alice)
    const last = topic(three, dave)
    const after = merge([one, two, three])
    assert.equal(after('m.room.member', bob), ban.id)
    assert.equal(after('m.room.topic'), last.id)
  }
})

test('a rejected event does not win, neither the newest nor the only one', () => {
  for (const each of all) {
    const room = testRoom(each)
    const before = topic(room, alice)
    const [left, right] = [room.fork(), room.fork()]
    const bad = topic(left, alice)
    const only = left.send({ type: 'm.room.name', sender: alice, stateKey: '' })
    const after = merge([left, right], [bad, only])
    assert.equal(after('m.room.topic'), before.id)
    if (each.stateResolution !== 'v1') assert.equal(after('m.room.name'), undefined)
  }
})

test('a rejected auth event lends nobody power', () => {
  for (const each of afterV1) {
    const room = testRoom(each)
    const [left, right] = [room.fork(), room.fork()]
    const selfMade = left.levels(levels(left, { [bob]: 100 }), bob)
    const ban = member(left, carol, 'ban', bob)
    const after = merge([left, right], [selfMade])
    assert.notEqual(after('m.room.power_levels'), selfMade.id)
    assert.notEqual(after('m.room.member', carol), ban.id)
  }
})

test('a rejected event that all states have is not relied on', () => {
  for (const each of afterV1) {
    const room = testRoom(each)
    const good = room.lookup('m.room.power_levels', '')
    const selfMade = room.levels(levels(room, { [bob]: 100 }), bob)
    assert.ok(good)
    const [left, right] = [room.fork(), room.fork()]
    const authEvents = left.draft({ type: 'm.room.topic', sender: bob, stateKey: '' }).authEvents
    const set = left.force({
      type: 'm.room.topic',
      sender: bob,
      stateKey: '',
      authEvents: authEvents.map((id) => (id === selfMade.id ? good.id : id)),
    })
    assert.notEqual(merge([left, right], [selfMade])('m.room.topic'), set.id)
  }
})

test('events that the server does not have are passed over', () => {
  for (const each of all) {
    const room = testRoom(each)
    const [left, right] = [room.fork(), room.fork()]
    topic(left, alice)
    const known = topic(right, alice)
    left.state.set(stateMapKey('m.room.topic', ''), '$nowhere')
    left.state.set(stateMapKey('m.room.name', ''), '$nowhere-either')
    room.events.delete(room.lookup('m.room.join_rules', '')?.id ?? '')
    assert.equal(merge([left, right])('m.room.topic'), known.id)
  }
})

test('power levels set by someone who left since stay in v12, where they were reset before', () => {
  for (const each of afterV1) {
    const room = testRoom(each)
    setLevels(room, alice, { [bob]: 50 })
    const old = room.fork()
    const bobs = setLevels(room, bob, { [bob]: 50, [carol]: 50 })
    member(room, bob, 'leave')
    old.state.set(stateMapKey('m.room.member', bob), room.state.get(stateMapKey('m.room.member', bob)) ?? '')
    const after = merge([room, old])('m.room.power_levels')
    assert.equal(after === bobs.id, each.stateResolution === 'v2.1', `v${each.id}`)
  }
})

test('in v12 the steps between two conflicting power levels are replayed, though both sides know them', () => {
  for (const each of afterV1) {
    const room = testRoom(each)
    member(room, carol, 'join')
    const stale = room.fork()
    setLevels(room, alice, { [bob]: 50 })
    // This rests on bob's levels and is on both sides, so that those are in both auth chains.
    const rule = joinRule(room, bob, 'invite')
    stale.state.set(stateMapKey('m.room.join_rules', ''), rule.id)
    const last = setLevels(room, bob, { [bob]: 50, [carol]: 40 })
    const after = merge([room, stale])('m.room.power_levels')
    assert.equal(after === last.id, each.stateResolution === 'v2.1', `v${each.id}`)
  }
})

test('a second create event does not replace the first', () => {
  for (const each of afterV1) {
    const room = testRoom(each)
    const first = room.state.get(stateMapKey('m.room.create', ''))
    const [left, right] = [room.fork(), room.fork()]
    right.force({ type: 'm.room.create', sender: bob, stateKey: '', content: { room_version: each.id, creator: bob } })
    assert.equal(merge([left, right])('m.room.create'), first)
  }
})

test('auth events in a circle, possible where ids are not hashes, do not hang the server', () => {
  for (const each of all) {
    const room = testRoom(each)
    const [left, right] = [room.fork(), room.fork()]
    const proper = left.draft({ type: 'm.room.power_levels', sender: alice, stateKey: '' }).authEvents
    const circle = ['$a:one.example', '$b:one.example'] as const
    for (const [at, fork] of [left, right].entries()) {
      fork.force({
        type: 'm.room.power_levels',
        sender: alice,
        stateKey: '',
        content: levels(room, {}),
        id: circle[at] ?? '',
        authEvents: [...proper.filter((id) => id !== room.lookup('m.room.power_levels', '')?.id), circle[1 - at] ?? ''],
      })
      fork.force({ type: 'm.room.topic', sender: alice, stateKey: '' })
    }
    assert.ok(circle.some((id) => id === merge([left, right])('m.room.power_levels')))
  }
})

test('v1: power levels go as far as each is allowed by the one before', () => {
  const room = testRoom(version('1'))
  setLevels(room, alice, { [bob]: 50 })
  const [left, right] = [room.fork(), room.fork()]
  const first = setLevels(left, alice, { [bob]: 10 })
  right.send({ type: 'm.room.name', sender: alice, stateKey: '' })
  setLevels(right, bob, { [bob]: 50, [carol]: 50 })
  assert.equal(merge([left, right])('m.room.power_levels'), first.id)
  const later = setLevels(left, alice, { [bob]: 11 })
  setLevels(left, alice, { [bob]: 12 })
  left.state.set(stateMapKey('m.room.power_levels', ''), later.id)
  right.state.set(stateMapKey('m.room.power_levels', ''), first.id)
  assert.equal(merge([left, right])('m.room.power_levels'), later.id)
})

test('v1: join rules and memberships go by depth', () => {
  const room = testRoom(version('1'))
  const [left, right] = [room.fork(), room.fork()]
  joinRule(left, alice, 'invite')
  const deeper = joinRule(right, alice, 'public') && joinRule(right, alice, 'knock')
  assert.equal(merge([left, right])('m.room.join_rules'), deeper.id)
  member(room, carol, 'join')
  const [one, two] = [room.fork(), room.fork()]
  member(one, carol, 'leave')
  topic(two, alice)
  const kick = member(two, carol, 'ban', alice)
  assert.equal(membershipAfter(room, merge([one, two]), carol), 'ban')
  assert.equal(merge([one, two])('m.room.member', carol), kick.id)
})

test('v1: for all else the deepest that is allowed wins, and the oldest when none is', () => {
  const room = testRoom(version('1'))
  const [left, right] = [room.fork(), room.fork()]
  const shallow = topic(left, alice)
  right.force({ type: 'm.room.topic', sender: bob, stateKey: '', depth: 1000 })
  assert.equal(merge([left, right])('m.room.topic'), shallow.id)
  const deep = right.force({ type: 'm.room.topic', sender: alice, stateKey: '', depth: 2000 })
  assert.equal(merge([left, right])('m.room.topic'), deep.id)
  const oldest = left.force({ type: 'm.room.topic', sender: bob, stateKey: '', depth: 5 })
  right.force({ type: 'm.room.topic', sender: bob, stateKey: '', depth: 6 })
  assert.equal(merge([left, right])('m.room.topic'), oldest.id)
})

test('v1: at the same depth the smaller SHA-1 of the id wins', () => {
  const room = testRoom(version('1'))
  const [left, right] = [room.fork(), room.fork()]
  // The hashes of these ids begin with 8e65 and 6c9b.
  for (const [fork, id] of [
    [left, '$1:one.example'],
    [right, '$2:one.example'],
  ] as const) {
    fork.force({ type: 'm.room.topic', sender: alice, stateKey: '', depth: 9, id })
  }
  assert.equal(merge([left, right])('m.room.topic'), '$2:one.example')
})

test('no states make no state', () => {
  for (const each of all) {
    const room = emptyRoom(each)
    assert.equal(
      resolve(
        each,
        [],
        (id) => room.events.get(id),
        () => false,
      ).size,
      0,
    )
    assert.equal(
      resolve(
        each,
        [new Map(), new Map()],
        (id) => room.events.get(id),
        () => false,
      ).size,
      0,
    )
  }
})
