import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomEvent } from '../event.ts'
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
import { type RoomVersion, roomVersions } from '../room-version.ts'
import { authorize, authTypesFor } from './index.ts'
import type { AuthRule } from './result.ts'

/** One rule: what it refuses, something near by that it lets through, and in which versions it is there at all. */
interface Case {
  readonly name: string
  readonly rule: AuthRule
  readonly deny: (room: TestRoom) => Draft
  readonly allow: (room: TestRoom) => Draft
  readonly room?: (version: RoomVersion) => TestRoom
  /** Where the rule is not there, `deny` must be allowed. */
  readonly inVersions?: (version: RoomVersion) => boolean
}

const create = (room: TestRoom, changes: Partial<Draft> = {}): Draft => ({
  type: 'm.room.create',
  sender: alice,
  stateKey: '',
  content: createContent(room.version),
  ...changes,
})
const without = (content: Record<string, never>, key: string) =>
  Object.fromEntries(Object.entries(content).filter(([name]) => name !== key))
const message = (sender: string): Draft => ({ type: 'm.room.message', sender, content: { body: 'hi' } })
const name = (sender: string): Draft => ({ type: 'm.room.name', sender, stateKey: '', content: { name: 'x' } })

const createCases: Case[] = [
  {
    name: 'a create event with events before it',
    rule: 'create.prev-events',
    room: emptyRoom,
    deny: (room) => create(room, { prevEvents: ['$x'] }),
    allow: create,
  },
  {
    name: 'a create event that is no state event',
    rule: 'create.state-key',
    room: emptyRoom,
    deny: (room) => create(room, { stateKey: undefined }),
    allow: create,
  },
  {
    name: 'a create event with a state key',
    rule: 'create.state-key',
    room: emptyRoom,
    deny: (room) => create(room, { stateKey: 'x' }),
    allow: create,
  },
  {
    name: 'a second create event',
    rule: 'create.second',
    deny: create,
    allow: (room) => create(room, { id: room.lookup('m.room.create', '')?.id ?? '' }),
  },
  {
    name: 'a create event for a room of another server',
    rule: 'create.room-id',
    room: emptyRoom,
    inVersions: (version) => !version.createIsRoomId,
    deny: (room) => create(room, { sender: carol }),
    allow: (room) => create(room, { sender: bob }),
  },
  {
    name: 'a create event of a version that nobody knows',
    rule: 'create.version',
    room: emptyRoom,
    deny: (room) => create(room, { content: { ...createContent(room.version), room_version: '99' } }),
    allow: create,
  },
  {
    name: 'a create event whose version is no string',
    rule: 'create.version',
    room: emptyRoom,
    deny: (room) =>
      create(room, { content: { ...createContent(room.version), room_version: Number(room.version.id) } }),
    allow: create,
  },
  {
    name: 'a create event without a version, which stands for 1',
    rule: 'create.version',
    room: emptyRoom,
    inVersions: (version) => version.id !== '1',
    deny: (room) =>
      create(room, { content: without(createContent(room.version) as Record<string, never>, 'room_version') }),
    allow: create,
  },
  {
    name: 'a create event without a creator',
    rule: 'create.creator',
    room: emptyRoom,
    inVersions: (version) => version.creatorInContent,
    deny: (room) => create(room, { content: { room_version: room.version.id } }),
    allow: create,
  },
  ...[
    ['not a list', bob],
    ['with something else in it', [bob, 1]],
    ['with something that is no user id', [bob, 'carol']],
  ].map(([what, additional]): Case => ({
    name: `additional_creators ${String(what)}`,
    rule: 'create.additional-creators',
    room: emptyRoom,
    inVersions: (version) => version.privilegedCreators,
    deny: (room) =>
      create(room, { content: { ...createContent(room.version), additional_creators: additional ?? [] } }),
    allow: (room) => create(room, { content: { ...createContent(room.version), additional_creators: [bob, carol] } }),
  })),
]

const unfederated = (version: RoomVersion) => {
  const room = testRoom(version, { 'm.federate': false })
  room.member(carol, 'join')
  return room
}

const roomCases: Case[] = [
  {
    name: 'an event in a room that was not created',
    rule: 'room.unknown',
    room: emptyRoom,
    deny: () => message(alice),
    allow: create,
  },
  {
    name: 'an event that names another room than its create event',
    rule: 'room.unknown',
    deny: () => ({ ...message(alice), roomId: '!other:one.example' }),
    allow: () => message(alice),
  },
  {
    name: 'an event from another server in a room that is not federated',
    rule: 'room.not-federated',
    room: unfederated,
    deny: () => message(carol),
    allow: () => message(bob),
  },
  {
    name: 'a join from another server in a room that is not federated',
    rule: 'room.not-federated',
    room: unfederated,
    deny: () => ({ type: 'm.room.member', sender: carol, stateKey: carol, content: { membership: 'join' } }),
    allow: () => ({ type: 'm.room.member', sender: bob, stateKey: bob, content: { membership: 'join' } }),
  },
  {
    name: 'aliases without a server to speak for',
    rule: 'aliases.state-key',
    inVersions: (version) => version.aliasesAuthRule,
    deny: () => ({ type: 'm.room.aliases', sender: alice }),
    allow: () => ({ type: 'm.room.aliases', sender: alice, stateKey: 'one.example' }),
  },
  {
    name: 'aliases of another server',
    rule: 'aliases.domain',
    inVersions: (version) => version.aliasesAuthRule,
    deny: () => ({ type: 'm.room.aliases', sender: alice, stateKey: 'two.example' }),
    allow: () => ({ type: 'm.room.aliases', sender: alice, stateKey: 'one.example' }),
  },
  {
    name: 'an event of somebody who never was in the room',
    rule: 'sender.not-joined',
    deny: () => message(carol),
    allow: () => message(bob),
  },
  ...['invite', 'leave', 'ban', 'knock'].map((membership): Case => ({
    name: `an event of somebody whose membership is ${membership}`,
    rule: 'sender.not-joined',
    deny: (room) => (room.member(bob, membership, alice), message(bob)),
    allow: (room) => (room.member(bob, 'join'), message(bob)),
  })),
  {
    name: 'a third-party invite by somebody who may not invite',
    rule: 'third-party-invite.level',
    deny: (room) => (
      room.levels({ invite: 10, users: { [bob]: 9 } }),
      { type: 'm.room.third_party_invite', sender: bob, stateKey: 't' }
    ),
    // The level for state events does not count here.
    allow: (room) => (
      room.levels({ invite: 10, users: { [bob]: 10 } }),
      { type: 'm.room.third_party_invite', sender: bob, stateKey: 't' }
    ),
  },
  {
    name: 'a state event below state_default',
    rule: 'event.level',
    deny: (room) => (room.levels({ users: { [bob]: 49 } }), name(bob)),
    allow: (room) => (room.levels({ users: { [bob]: 50 } }), name(bob)),
  },
  {
    name: 'a message below events_default',
    rule: 'event.level',
    deny: (room) => (room.levels({ events_default: 1 }), message(bob)),
    allow: (room) => (room.levels({ events_default: 1, users_default: 1 }), message(bob)),
  },
  {
    name: 'an event below the level of its type',
    rule: 'event.level',
    deny: (room) => (room.levels({ events: { 'm.room.name': 60 }, users: { [bob]: 59 } }), name(bob)),
    allow: (room) => (room.levels({ events: { 'm.room.name': 0 } }), name(bob)),
  },
  {
    name: 'a redaction below the level of its type',
    rule: 'event.level',
    deny: (room) => (
      room.levels({ events: { 'm.room.redaction': 1 } }),
      { type: 'm.room.redaction', sender: bob, redacts: '$x:one.example' }
    ),
    allow: () => ({ type: 'm.room.redaction', sender: bob, redacts: '$x:one.example' }),
  },
  {
    name: 'aliases below state_default, once they have no rule of their own',
    rule: 'event.level',
    inVersions: (version) => !version.aliasesAuthRule,
    deny: () => ({ type: 'm.room.aliases', sender: bob, stateKey: 'one.example' }),
    allow: () => ({ type: 'm.room.aliases', sender: alice, stateKey: 'one.example' }),
  },
  {
    name: 'a state event that speaks for another user',
    rule: 'state-key.other-user',
    deny: () => ({ type: 'org.example', sender: alice, stateKey: bob }),
    allow: () => ({ type: 'org.example', sender: alice, stateKey: alice }),
  },
  {
    name: 'a redaction of an event of another server, in v1 and v2',
    rule: 'redaction.level',
    inVersions: (version) => version.redactionsInAuthRules,
    deny: () => ({ type: 'm.room.redaction', sender: bob, redacts: '$x:two.example' }),
    allow: (room) => (
      room.levels({ redact: 10, users: { [bob]: 10 } }),
      { type: 'm.room.redaction', sender: bob, redacts: '$x:two.example' }
    ),
  },
]

const judge = (rule: Case, version: RoomVersion, draft: Case['deny']) => {
  const room = (rule.room ?? testRoom)(version)
  return room.judge(room.draft(draft(room)))
}

for (const rule of [...createCases, ...roomCases]) {
  for (const version of roomVersions.values()) {
    const applies = rule.inVersions?.(version) ?? true
    test(`v${version.id}: ${rule.name} is ${applies ? 'refused' : 'allowed'}`, () => {
      const result = judge(rule, version, rule.deny)
      assert.equal(result.allowed ? undefined : result.rule, applies ? rule.rule : undefined)
      if (!result.allowed) assert.match(result.reason, /^[A-Z@"].*\.$/)
      if (applies) assert.deepEqual(judge(rule, version, rule.allow), { allowed: true })
    })
  }
}

test('a create event that names its room is refused where the room id is its hash', () => {
  for (const version of roomVersions.values()) {
    const room = emptyRoom(version)
    const event = room.draft(create(room))
    const result = room.judge({ ...event, pdu: { ...event.pdu, room_id: event.roomId } })
    assert.equal(result.allowed || result.rule, version.createIsRoomId ? 'create.room-id' : true)
  }
})

test('aliases in v1–5 need no membership', () => {
  for (const version of roomVersions.values()) {
    const room = testRoom(version)
    const result = room.judge(room.draft({ type: 'm.room.aliases', sender: carol, stateKey: 'two.example' }))
    assert.equal(result.allowed, version.aliasesAuthRule, version.id)
  }
})

test('the reason says what is missing', () => {
  for (const version of roomVersions.values()) {
    const room = testRoom(version)
    const result = room.judge(room.draft(name(bob)))
    assert.equal(result.allowed || result.reason, 'You need power level 50 to send m.room.name; yours is 0.')
  }
})

test('only the places that the selection names are looked at, and the create event', () => {
  for (const version of roomVersions.values()) {
    const room = testRoom(version)
    room.joinRule('restricted')
    const signed = { mxid: carol, token: 'token' }
    const drafts: Draft[] = [
      message(bob),
      name(alice),
      create(room),
      { type: 'm.room.power_levels', sender: alice, stateKey: '', content: {} },
      ...['join', 'invite', 'leave', 'ban', 'knock', 'other'].flatMap((membership): Draft[] => [
        {
          type: 'm.room.member',
          sender: carol,
          stateKey: carol,
          content: { membership, join_authorised_via_users_server: alice },
        },
        { type: 'm.room.member', sender: alice, stateKey: carol, content: { membership } },
        {
          type: 'm.room.member',
          sender: alice,
          stateKey: carol,
          content: { membership, third_party_invite: { signed } },
        },
      ]),
    ]
    for (const draft of drafts) {
      const event: RoomEvent = room.draft(draft)
      const selected = new Set(authTypesFor(event, version).map((each) => each.join(' ')))
      authorize(event, version, (type, key) => {
        assert.ok(
          selected.has(`${type} ${key}`) || type === 'm.room.create',
          `${draft.type} in v${version.id} looks at ${type} ${key}`,
        )
        return room.lookup(type, key)
      })
    }
  }
})
