import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../json.ts'
import { alice, bob, carol, createContent, dave, emptyRoom, testRoom, type TestRoom } from '../room-fixture.test.ts'
import { type RoomVersion, roomVersions } from '../room-version.ts'
import type { AuthRule } from './result.ts'

const versions = [...roomVersions.values()]
const memberships = ['leave', 'invite', 'join', 'ban', 'knock'] as const
type Membership = (typeof memberships)[number]

/** The rule by which a change of membership fails; 'allowed' when it does not. */
const outcome = (
  room: TestRoom,
  sender: string,
  target: string | undefined,
  content: JsonObject,
  prevEvents?: string[],
): AuthRule | 'allowed' => {
  const event = room.draft({
    type: 'm.room.member',
    sender,
    stateKey: target,
    content,
    ...(prevEvents && { prevEvents }),
  })
  const result = room.judge(event)
  if (!result.allowed) assert.match(result.reason, /^[A-Z@].*\.$/)
  return result.allowed ? 'allowed' : result.rule
}

const change = (room: TestRoom, sender: string, target: string, membership: string, content: JsonObject = {}) =>
  outcome(room, sender, target, { membership, ...content })

/** A room in which carol has this membership, `leave` meaning that she never was there. */
const roomWith = (version: RoomVersion, membership: Membership, rule = 'invite') => {
  const room = testRoom(version)
  room.joinRule(rule)
  if (membership !== 'leave')
    room.member(carol, membership, membership === 'ban' || membership === 'invite' ? alice : carol)
  return room
}

test('a membership event without a state key or a membership is refused', () => {
  for (const version of versions) {
    const room = testRoom(version)
    assert.equal(outcome(room, bob, undefined, { membership: 'join' }), 'member.malformed')
    assert.equal(outcome(room, bob, bob, {}), 'member.malformed')
    assert.equal(outcome(room, bob, bob, { membership: 1 }), 'member.malformed')
    assert.equal(outcome(room, bob, bob, { membership: 'join' }), 'allowed')
  }
})

test('an unknown membership is refused, and so is knock before v7', () => {
  for (const version of versions) {
    const room = roomWith(version, 'leave', 'knock')
    assert.equal(change(room, bob, bob, 'friend'), 'member.unknown')
    assert.equal(change(room, bob, bob, 'constructor'), 'member.unknown')
    assert.equal(change(room, carol, carol, 'knock'), version.knock ? 'allowed' : 'member.unknown')
  }
})

/** By join rule: from which memberships one can join without further ado, and in which versions the rule means anything. */
const joinRules: [
  rule: string,
  welcome: Membership[],
  isKnown: (version: RoomVersion) => boolean,
  otherwise: AuthRule,
][] = [
  ['public', ['leave', 'invite', 'join', 'knock'], () => true, 'join.closed'],
  ['invite', ['invite', 'join'], () => true, 'join.not-invited'],
  ['knock', ['invite', 'join'], (version) => version.knock, 'join.not-invited'],
  ['restricted', ['invite', 'join'], (version) => version.restrictedJoins, 'join.not-authorised'],
  ['knock_restricted', ['invite', 'join'], (version) => version.knockRestricted, 'join.not-authorised'],
  ['private', [], () => false, 'join.closed'],
  ['', [], () => false, 'join.closed'],
]

for (const version of versions) {
  test(`v${version.id}: who can join, by join rule and membership`, () => {
    for (const [rule, welcome, isKnown, otherwise] of joinRules) {
      for (const membership of memberships) {
        const room = roomWith(version, membership, rule)
        const known = isKnown(version)
        const expected =
          membership === 'ban'
            ? 'join.banned'
            : !known
              ? 'join.closed'
              : welcome.includes(membership)
                ? 'allowed'
                : otherwise
        assert.equal(change(room, carol, carol, 'join'), expected, `${rule}, ${membership}`)
      }
    }
  })

  test(`v${version.id}: who can knock, by join rule and membership`, () => {
    for (const [rule] of joinRules) {
      for (const membership of memberships) {
        const room = roomWith(version, membership, rule)
        const isOpen = rule === 'knock' || (rule === 'knock_restricted' && version.knockRestricted)
        const expected = !version.knock
          ? 'member.unknown'
          : !isOpen
            ? 'knock.closed'
            : membership === 'leave' || membership === 'knock'
              ? 'allowed'
              : 'knock.membership'
        assert.equal(change(room, carol, carol, 'knock'), expected, `${rule}, ${membership}`)
      }
    }
  })

  test(`v${version.id}: nobody knocks for somebody else`, () => {
    const expected = version.knock ? 'knock.other-user' : 'member.unknown'
    assert.equal(change(roomWith(version, 'leave', 'knock'), alice, carol, 'knock'), expected)
  })

  test(`v${version.id}: what a member with power can do to others, by their membership`, () => {
    for (const membership of memberships) {
      const room = roomWith(version, membership)
      const reachable = membership !== 'join' && membership !== 'ban'
      assert.equal(change(room, alice, carol, 'invite'), reachable ? 'allowed' : 'invite.target', membership)
      assert.equal(change(room, alice, carol, 'leave'), 'allowed', membership)
      assert.equal(change(room, alice, carol, 'ban'), 'allowed', membership)
      assert.equal(change(room, alice, carol, 'join'), 'join.other-user', membership)
      assert.equal(change(room, alice, carol, 'knock'), version.knock ? 'knock.closed' : 'member.unknown', membership)
    }
  })

  test(`v${version.id}: who can leave, by membership`, () => {
    for (const membership of memberships) {
      const room = roomWith(version, membership)
      const inRoom = membership === 'invite' || membership === 'join' || (membership === 'knock' && version.knock)
      assert.equal(change(room, carol, carol, 'leave'), inRoom ? 'allowed' : 'leave.not-in-room', membership)
    }
  })

  test(`v${version.id}: those who are not in the room can do nothing to others`, () => {
    for (const membership of memberships.filter((each) => each !== 'join')) {
      const room = roomWith(version, membership)
      room.levels({ users: { [carol]: 100 } })
      assert.equal(change(room, carol, dave, 'invite'), 'invite.not-joined', membership)
      assert.equal(change(room, carol, bob, 'leave'), 'leave.not-joined', membership)
      assert.equal(change(room, carol, bob, 'ban'), 'ban.not-joined', membership)
    }
  })
}

test('without a join rule one needs an invite', () => {
  for (const version of versions) {
    const room = testRoom(version)
    room.state.delete('m.room.join_rules\u0000')
    assert.equal(change(room, carol, carol, 'join'), 'join.not-invited')
    room.force({ type: 'm.room.join_rules', sender: alice, stateKey: '', content: { join_rule: ['public'] } })
    assert.equal(change(room, carol, carol, 'join'), 'join.not-invited')
  }
})

test('the creator joins right after the create event, and nobody else, and not later', () => {
  for (const version of versions) {
    const room = emptyRoom(version)
    const { id } = room.send({ type: 'm.room.create', sender: alice, stateKey: '', content: createContent(version) })
    assert.equal(outcome(room, alice, alice, { membership: 'join' }, [id]), 'allowed')
    assert.equal(outcome(room, bob, bob, { membership: 'join' }, [id]), 'join.not-invited')
    assert.equal(outcome(room, alice, alice, { membership: 'join' }, [id, '$other']), 'join.not-invited')
    assert.equal(outcome(room, alice, alice, { membership: 'join' }, ['$other']), 'join.not-invited')
    assert.equal(outcome(room, alice, alice, { membership: 'join' }, []), 'join.not-invited')
  }
})

test('up to v10 the creator is who the create event says, later who sent it', () => {
  for (const version of versions) {
    const room = emptyRoom(version)
    const { id } = room.send({
      type: 'm.room.create',
      sender: alice,
      stateKey: '',
      content: { ...createContent(version), creator: bob },
    })
    const [named, sender] = version.creatorInContent ? ['allowed', 'join.not-invited'] : ['join.not-invited', 'allowed']
    assert.equal(outcome(room, bob, bob, { membership: 'join' }, [id]), named)
    assert.equal(outcome(room, alice, alice, { membership: 'join' }, [id]), sender)
  }
})

test('a restricted join needs a member who may invite', () => {
  for (const version of versions) {
    for (const [rule, isKnown] of [
      ['restricted', version.restrictedJoins],
      ['knock_restricted', version.knockRestricted],
    ] as const) {
      for (const membership of ['leave', 'knock'] as const) {
        const room = roomWith(version, membership, rule)
        room.levels({ invite: 50, users: { [dave]: 50, ...(version.privilegedCreators ? {} : { [alice]: 100 }) } })
        const vouchedBy = (user: JsonObject[string]) =>
          change(room, carol, carol, 'join', { join_authorised_via_users_server: user })
        const [yes, no] = isKnown ? ['allowed', 'join.not-authorised'] : ['join.closed', 'join.closed']
        assert.equal(vouchedBy(alice), yes)
        assert.equal(vouchedBy(bob), no, 'bob may not invite')
        assert.equal(vouchedBy(dave), no, 'dave may invite, but is not in the room')
        assert.equal(vouchedBy(carol), no, 'carol cannot vouch for herself')
        assert.equal(vouchedBy(null), no)
        assert.equal(vouchedBy([alice]), no)
        room.member(dave, 'join', dave)
        assert.equal(vouchedBy(dave), yes)
      }
    }
  }
})

test('vouching does not help where the join rule is another one, nor against a ban', () => {
  for (const version of versions) {
    const vouched = { join_authorised_via_users_server: alice }
    assert.equal(change(roomWith(version, 'leave', 'invite'), carol, carol, 'join', vouched), 'join.not-invited')
    assert.equal(change(roomWith(version, 'ban', 'restricted'), carol, carol, 'join', vouched), 'join.banned')
  }
})

test('the levels for inviting, removing and banning count, and those of other users', () => {
  for (const version of versions) {
    const room = roomWith(version, 'join')
    const power = (levels: JsonObject, bobs: number, carols = 0) =>
      room.levels({ ...levels, users: { [bob]: bobs, [carol]: carols } })
    power({ invite: 5 }, 4)
    assert.equal(change(room, bob, dave, 'invite'), 'invite.level')
    power({ invite: 5 }, 5)
    assert.equal(change(room, bob, dave, 'invite'), 'allowed')

    power({ kick: 5 }, 4)
    assert.equal(change(room, bob, carol, 'leave'), 'leave.kick')
    power({ kick: 5 }, 5)
    assert.equal(change(room, bob, carol, 'leave'), 'allowed')
    assert.equal(change(room, bob, carol, 'ban'), 'ban.level')
    power({ kick: 5 }, 5, 5)
    assert.equal(change(room, bob, carol, 'leave'), 'leave.kick', 'not one of the same power')

    power({ ban: 5 }, 4)
    assert.equal(change(room, bob, carol, 'ban'), 'ban.level')
    power({ ban: 5 }, 5)
    assert.equal(change(room, bob, carol, 'ban'), 'allowed')
    power({ ban: 5 }, 5, 5)
    assert.equal(change(room, bob, carol, 'ban'), 'ban.level', 'not one of the same power')
  }
})

test('lifting a ban needs the levels for banning and for removing, and more power than the banned', () => {
  for (const version of versions) {
    const room = roomWith(version, 'ban')
    const unban = (ban: number, kick: number, bobs: number, carols = 0) => {
      room.levels({ ban, kick, users: { [bob]: bobs, [carol]: carols } })
      return change(room, bob, carol, 'leave')
    }
    assert.equal(unban(10, 5, 9), 'leave.unban')
    assert.equal(unban(5, 10, 9), 'leave.kick')
    assert.equal(unban(10, 10, 10), 'allowed')
    assert.equal(unban(10, 10, 10, 10), 'leave.kick')
  }
})

test('nobody removes or bans a creator of v12, not even another creator', () => {
  for (const version of versions) {
    const room = testRoom(version, { additional_creators: [dave] })
    room.levels({ users: { [bob]: 2 ** 53 - 1 } })
    room.member(dave, 'join')
    for (const sender of [bob, dave]) {
      for (const [membership, rule] of [
        ['leave', 'leave.kick'],
        ['ban', 'ban.level'],
      ] as const) {
        const expected = version.privilegedCreators || sender === dave ? rule : 'allowed'
        assert.equal(change(room, sender, alice, membership), expected, `${sender} ${membership} in v${version.id}`)
      }
    }
  }
})
