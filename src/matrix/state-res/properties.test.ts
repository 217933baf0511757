import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { alice, bob, carol, dave, type Draft, testRoom, type TestRoom } from '../room-fixture.test.ts'
import { roomVersions, type RoomVersion } from '../room-version.ts'
import { resolve, type StateMap } from './index.ts'
import { resolveSlowly } from './reference.test.ts'

const users = [alice, bob, carol, dave] as const
const versions = [...roomVersions.values()]

/** One step in the life of a room: on one of its forks somebody does something; or two forks become one. */
type Step =
  | { readonly fork: number; readonly draft: Draft; readonly isForced: boolean }
  | { readonly fork: number; readonly with: number }

const user = fc.constantFrom(...users)
const level = fc.constantFrom(0, 49, 50, 100)
const draft: fc.Arbitrary<Draft> = fc.oneof(
  fc
    .tuple(user, fc.constantFrom('m.room.name', 'm.room.topic'))
    .map(([sender, type]) => ({ type, sender, stateKey: '' })),
  fc.tuple(user, user, fc.constantFrom('join', 'leave', 'ban', 'invite')).map(([sender, other, membership]): Draft => ({
    type: 'm.room.member',
    sender,
    stateKey: membership === 'join' ? sender : other,
    content: { membership },
  })),
  fc.tuple(user, fc.constantFrom('public', 'invite')).map(([sender, rule]): Draft => ({
    type: 'm.room.join_rules',
    sender,
    stateKey: '',
    content: { join_rule: rule },
  })),
  fc.tuple(user, level, level, level).map(([sender, bobs, carols, everyone]): Draft => ({
    type: 'm.room.power_levels',
    sender,
    stateKey: '',
    content: { users: { [bob]: bobs, [carol]: carols }, users_default: everyone % 50, state_default: 50 },
  })),
)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      fork: fc.nat(),
      draft: fc.tuple(draft, fc.nat(20)).map(([each, ts]) => ({ ...each, ts })),
      isForced: fc.constantFrom(false, false, false, true),
    }),
  },
  { weight: 1, arbitrary: fc.record({ fork: fc.nat(), with: fc.nat() }) },
)

/** The forks of a room in which all this has happened. What was not allowed and happened all the same counts as rejected, now and then. */
const play = (version: RoomVersion, steps: readonly Step[]) => {
  const room = testRoom(version)
  room.send({ type: 'm.room.member', sender: carol, stateKey: carol, content: { membership: 'join' } })
  const forks: TestRoom[] = [room.fork(), room.fork(), room.fork()]
  const rejected = new Set<string>()
  const isRejected = (id: string) => rejected.has(id)
  for (const each of steps) {
    const at = each.fork % forks.length
    const fork = forks[at] as TestRoom // there are three
    if ('with' in each) {
      const other = forks[each.with % forks.length] as TestRoom // likewise
      const merged = resolve(version, [fork.state, other.state], (id) => room.events.get(id), isRejected)
      fork.state.clear()
      for (const [key, id] of merged) fork.state.set(key, id)
    } else if (each.isForced) {
      const event = fork.force(each.draft)
      if (event.ts % 2 === 0) rejected.add(event.id)
    } else {
      const event = fork.draft(each.draft)
      if (fork.judge(event).allowed) fork.state.set(`${event.type}\u0000${event.stateKey}`, event.id)
    }
  }
  const [a, b, c] = forks.map(({ state }): StateMap => state)
  assert.ok(a && b && c)
  return { events: room.events, states: [a, b, c] as const, isRejected }
}

const history = fc.tuple(fc.constantFrom(...versions), fc.array(step, { minLength: 3, maxLength: 40, size: 'max' }))

test('the order of the states, and saying one twice, makes no difference', () => {
  fc.assert(
    fc.property(history, fc.array(fc.nat(2), { maxLength: 3 }), ([version, steps], again) => {
      const { events, states, isRejected } = play(version, steps)
      const [a, b, c] = states
      const get = (id: string) => events.get(id)
      const expected = resolve(version, states, get, isRejected)
      for (const other of [
        [a, c, b],
        [b, a, c],
        [b, c, a],
        [c, a, b],
        [c, b, a],
        [...states, ...again.map((at) => new Map(states[at] ?? a))],
      ]) {
        assert.deepEqual(resolve(version, other, get, isRejected), expected)
      }
    }),
    { numRuns: 300 },
  )
})

test('the result is what the specification says, word for word', () => {
  fc.assert(
    fc.property(history, ([version, steps]) => {
      if (version.stateResolution === 'v1') return
      const { events, states, isRejected } = play(version, steps)
      const actual = resolve(version, states, (id) => events.get(id), isRejected)
      assert.deepEqual(actual, resolveSlowly(version, states, events, isRejected))
    }),
    { numRuns: 1000 },
  )
})

test('what all states agree on stays, and nothing comes from nowhere', () => {
  fc.assert(
    fc.property(history, ([version, steps]) => {
      const { events, states, isRejected } = play(version, steps)
      const [first, ...others] = states
      const resolved = resolve(version, states, (id) => events.get(id), isRejected)
      for (const [key, id] of first)
        if (others.every((state) => state.get(key) === id)) assert.equal(resolved.get(key), id)
      for (const [key, id] of resolved) {
        const event = events.get(id)
        assert.ok(event)
        assert.equal(key, `${event.type}\u0000${event.stateKey}`)
      }
    }),
    { numRuns: 300 },
  )
})

test('a rejected event never wins', () => {
  fc.assert(
    fc.property(history, ([version, steps]) => {
      const { events, states, isRejected } = play(version, steps)
      const [first, ...others] = states
      for (const [key, id] of resolve(version, states, (each) => events.get(each), isRejected)) {
        const isAgreed =
          version.stateResolution === 'v1'
            ? states.every((state) => (state.get(key) ?? id) === id)
            : [first, ...others].every((state) => state.get(key) === id)
        assert.ok(isAgreed || !isRejected(id))
      }
    }),
    { numRuns: 300 },
  )
})

test('resolving the result with itself, or a state alone, changes nothing and fetches nothing', () => {
  fc.assert(
    fc.property(history, ([version, steps]) => {
      const { states } = play(version, steps)
      const fail = () => assert.fail('nothing is to be fetched')
      for (const state of states) {
        assert.deepEqual(resolve(version, [state], fail, fail), state)
        assert.deepEqual(resolve(version, [state, new Map(state)], fail, fail), state)
      }
    }),
    { numRuns: 50 },
  )
})
