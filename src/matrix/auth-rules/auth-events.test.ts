import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../json.ts'
import {
  alice,
  bob,
  carol,
  createContent,
  type Draft,
  emptyRoom,
  testRoom,
  type TestRoom,
} from '../room-fixture.test.ts'
import { findRoomVersion, type RoomVersion, roomVersions } from '../room-version.ts'
import { authorize, authTypesFor, checkAuthEvents, stateFromAuthEvents } from './index.ts'

const versions = [...roomVersions.values()]
const never = () => false

const idOf = (room: TestRoom, type: string, stateKey = '') => {
  const event = room.lookup(type, stateKey)
  assert.ok(event)
  return event.id
}

/** The rule by which a message of bob fails when it cites these events besides the proper ones. */
const outcome = (room: TestRoom, draft: Partial<Draft>, isRejected: (id: string) => boolean = never) => {
  const event = room.draft({ type: 'm.room.message', sender: bob, ...draft })
  const result = checkAuthEvents(event, room.version, (id) => room.events.get(id), isRejected)
  if (!result.allowed) assert.match(result.reason, /^[A-Z].*\.$/)
  return result.allowed ? 'allowed' : result.rule
}

/** What the selection names beyond create, power levels and the sender. */
const selectedFor = (version: RoomVersion, content: JsonObject, target: string | undefined = carol) => {
  const types = authTypesFor({ type: 'm.room.member', sender: bob, stateKey: target, content }, version)
  assert.equal(new Set(types.map((each) => each.join(' '))).size, types.length, 'every place once')
  const common = authTypesFor({ type: 'm.room.message', sender: bob, stateKey: undefined, content: {} }, version)
  assert.deepEqual(types.slice(0, common.length), common)
  return types.slice(common.length).map((each) => each.join(' '))
}

test('a create event rests on nothing', () => {
  for (const version of versions) {
    assert.deepEqual(authTypesFor({ type: 'm.room.create', sender: alice, stateKey: '', content: {} }, version), [])
  }
})

test('every other event rests on power levels, its sender and, before v12, the create event', () => {
  for (const version of versions) {
    for (const stateKey of [undefined, '', bob]) {
      assert.deepEqual(
        authTypesFor({ type: 'm.room.name', sender: bob, stateKey, content: { membership: 'join' } }, version),
        [
          ...(version.noCreateInAuthEvents ? [] : [['m.room.create', '']]),
          ['m.room.power_levels', ''],
          ['m.room.member', bob],
        ],
      )
    }
  }
})

test('a membership event rests on what its kind needs', () => {
  for (const version of versions) {
    const target = `m.room.member ${carol}`
    assert.deepEqual(selectedFor(version, { membership: 'leave' }), [target])
    assert.deepEqual(selectedFor(version, { membership: 'ban' }), [target])
    assert.deepEqual(selectedFor(version, {}), [target])
    assert.deepEqual(selectedFor(version, { membership: 'join' }, bob), ['m.room.join_rules '])
    assert.deepEqual(selectedFor(version, { membership: 'knock' }, bob), ['m.room.join_rules '])
    assert.deepEqual(selectedFor(version, { membership: 'leave' }, bob), [])
    assert.deepEqual(selectedFor(version, { membership: 'invite' }), [target, 'm.room.join_rules '])
    assert.deepEqual(selectedFor(version, { membership: 'leave' }, undefined), [target])
  }
})

test('an invite that redeems a third-party invite rests on that', () => {
  for (const version of versions) {
    const invite = (thirdParty: JsonObject[string]) =>
      selectedFor(version, { membership: 'invite', third_party_invite: thirdParty })
    const plain = selectedFor(version, { membership: 'invite' })
    assert.deepEqual(invite({ signed: { token: 'abc' } }), [...plain, 'm.room.third_party_invite abc'])
    for (const malformed of [null, {}, { signed: null }, { signed: {} }, { signed: { token: 1 } }])
      assert.deepEqual(invite(malformed), plain)
    assert.deepEqual(
      selectedFor(version, { membership: 'join', third_party_invite: { signed: { token: 'abc' } } }),
      selectedFor(version, { membership: 'join' }),
    )
  }
})

test('a join that somebody vouched for rests on their membership, where rooms can be restricted', () => {
  for (const version of versions) {
    const join = (user: JsonObject[string]) =>
      selectedFor(version, { membership: 'join', join_authorised_via_users_server: user }, bob)
    assert.deepEqual(
      join(alice),
      version.restrictedJoins ? ['m.room.join_rules ', `m.room.member ${alice}`] : ['m.room.join_rules '],
    )
    for (const other of [bob, null, 1]) assert.deepEqual(join(other), ['m.room.join_rules '])
  }
})

test('the proper auth events are allowed', () => {
  for (const version of versions) {
    const room = testRoom(version)
    assert.equal(outcome(room, {}), 'allowed')
    assert.equal(
      outcome(room, { type: 'm.room.member', sender: carol, stateKey: carol, content: { membership: 'join' } }),
      'allowed',
    )
  }
})

test('an unknown auth event is refused', () => {
  for (const version of versions) {
    const room = testRoom(version)
    assert.equal(
      outcome(room, { authEvents: [...room.draft({ type: 'x', sender: bob }).authEvents, '$nowhere'] }),
      'auth-events.missing',
    )
  }
})

test('two auth events for one place are refused, and so is one that is cited twice', () => {
  for (const version of versions) {
    const room = testRoom(version)
    const proper = room.draft({ type: 'x', sender: bob }).authEvents
    const old = idOf(room, 'm.room.power_levels')
    room.levels({})
    assert.equal(outcome(room, { authEvents: [...proper, idOf(room, 'm.room.power_levels')] }), 'auth-events.duplicate')
    assert.equal(outcome(room, { authEvents: [...proper, old] }), 'auth-events.duplicate')
  }
})

test('an auth event that the selection does not name is refused', () => {
  for (const version of versions) {
    const room = testRoom(version)
    const proper = room.draft({ type: 'x', sender: bob }).authEvents
    const message = room.draft({ type: 'm.room.message', sender: bob })
    const noState = room.draft({ type: 'm.room.power_levels', sender: alice })
    const withKey = room.draft({ type: 'm.room.power_levels', sender: alice, stateKey: 'x' })
    for (const id of [
      message.id,
      noState.id,
      withKey.id,
      idOf(room, 'm.room.join_rules'),
      idOf(room, 'm.room.member', alice),
    ]) {
      assert.equal(outcome(room, { authEvents: [...proper, id] }), 'auth-events.unexpected')
    }
  }
})

test('the create event must be cited before v12, and must not from then on', () => {
  for (const version of versions) {
    const room = testRoom(version)
    const create = idOf(room, 'm.room.create')
    const others = [idOf(room, 'm.room.power_levels'), idOf(room, 'm.room.member', bob)]
    assert.equal(
      outcome(room, { authEvents: others }),
      version.noCreateInAuthEvents ? 'allowed' : 'auth-events.no-create',
    )
    assert.equal(
      outcome(room, { authEvents: [create, ...others] }),
      version.noCreateInAuthEvents ? 'auth-events.unexpected' : 'allowed',
    )
    assert.equal(outcome(room, { authEvents: [] }), version.noCreateInAuthEvents ? 'allowed' : 'auth-events.no-create')
  }
})

test('a create event that rests on anything is refused', () => {
  for (const version of versions) {
    const room = testRoom(version)
    const draft = { type: 'm.room.create', sender: alice, stateKey: '', content: createContent(version) }
    assert.equal(outcome(room, draft), 'allowed')
    assert.equal(
      outcome(room, { ...draft, authEvents: [idOf(room, 'm.room.member', alice)] }),
      'auth-events.unexpected',
    )
  }
})

test('an auth event that was rejected is refused', () => {
  for (const version of versions) {
    const room = testRoom(version)
    const levels = idOf(room, 'm.room.power_levels')
    assert.equal(
      outcome(room, {}, (id) => id === levels),
      'auth-events.rejected',
    )
  }
})

test('an auth event of another room is refused', () => {
  for (const version of versions) {
    const room = testRoom(version)
    const proper = room
      .draft({ type: 'x', sender: bob })
      .authEvents.filter((id) => id !== idOf(room, 'm.room.power_levels'))
    const foreign = room.draft({
      type: 'm.room.power_levels',
      sender: alice,
      stateKey: '',
      roomId: '!other:one.example',
    })
    assert.equal(outcome(room, { authEvents: [...proper, foreign.id] }), 'auth-events.other-room')
  }
})

test('the state that auth events make lets proper events in, without any other state', () => {
  for (const version of versions) {
    const room = testRoom(version)
    const event = room.draft({ type: 'm.room.name', sender: alice, stateKey: '' })
    const get = (id: string) => room.events.get(id)
    assert.deepEqual(authorize(event, version, stateFromAuthEvents(event, version, get, never)), { allowed: true })
  }
})

test('in the state that auth events make, rejected and foreign events are not there', () => {
  for (const version of versions) {
    const room = testRoom(version)
    const event = room.draft({ type: 'm.room.name', sender: alice, stateKey: '' })
    const get = (id: string) => room.events.get(id)
    for (const type of ['m.room.create', 'm.room.power_levels']) {
      const rejected = stateFromAuthEvents(event, version, get, (id) => id === room.lookup(type, '')?.id)
      assert.equal(rejected(type, ''), undefined)
    }
    const foreign = room.draft({
      type: 'm.room.power_levels',
      sender: alice,
      stateKey: '',
      roomId: '!other:one.example',
    })
    const citing = room.draft({ type: 'x', sender: alice, authEvents: [foreign.id] })
    assert.equal(stateFromAuthEvents(citing, version, get, never)('m.room.power_levels', ''), undefined)
  }
})

test('in v12 a room id that is not that of a create event names no room', () => {
  const version = findRoomVersion('12')
  assert.ok(version)
  const room = testRoom(version)
  const levels = idOf(room, 'm.room.power_levels')
  for (const roomId of [`!${levels.slice(1)}`, '!nowhere']) {
    const event = room.draft({ type: 'm.room.message', sender: bob, roomId })
    const result = authorize(
      event,
      version,
      stateFromAuthEvents(event, version, (id) => room.events.get(id), never),
    )
    assert.equal(result.allowed || result.rule, 'room.unknown')
  }
  assert.equal(emptyRoom(version).lookup('m.room.create', ''), undefined)
})
