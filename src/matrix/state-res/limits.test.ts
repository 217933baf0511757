import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomEvent } from '../event.ts'
import type { JsonObject } from '../json.ts'
import { alice, bob, carol, testRoom, type TestRoom } from '../room-fixture.test.ts'
import { findRoomVersion, type RoomVersion } from '../room-version.ts'
import { resolve, stateMapKey } from './index.ts'

const versions = ['1', '2', '11', '12'].map((id) => findRoomVersion(id)).filter((each) => each !== undefined)

/** A clock for the tests: far above what is needed, and far below what a quadratic algorithm would take. */
const budgetMs = 20_000

/** Resolves the forks and counts the work: events fetched, and how often any event was asked for its auth events. */
const measure = (forks: readonly TestRoom[]) => {
  const [room] = forks
  assert.ok(room)
  const work = { fetched: 0, visited: 0, ms: 0 }
  const watched = new Map<string, RoomEvent>()
  for (const [id, event] of room.events) {
    watched.set(id, {
      ...event,
      get authEvents() {
        work.visited++
        return event.authEvents
      },
    })
  }
  const get = (id: string) => {
    work.fetched++
    return watched.get(id)
  }
  const started = performance.now()
  const state = resolve(
    room.version,
    forks.map((fork) => fork.state),
    get,
    () => false,
  )
  work.ms = performance.now() - started
  return { ...work, state, events: room.events.size }
}

/** Builds a shape of size n, 2n and 4n, and checks that the work grows with n, not with its square. */
const assertLinear = (build: (n: number) => readonly TestRoom[], n: number) => {
  const [one, two, four] = [n, 2 * n, 4 * n].map((size) => measure(build(size)))
  assert.ok(one && two && four)
  for (const each of [one, two, four]) {
    assert.ok(each.fetched <= each.events + 4, `each event is fetched once: ${each.fetched} of ${each.events}`)
    assert.ok(each.ms < budgetMs, `${Math.round(each.ms)} ms`)
  }
  assert.ok(two.visited < 2.5 * one.visited + 100, `${one.visited} visits became ${two.visited}`)
  assert.ok(four.visited < 2.5 * two.visited + 100, `${two.visited} visits became ${four.visited}`)
  return four
}

const powerLevels = (version: RoomVersion, at: number): JsonObject => ({
  users: { ...(version.privilegedCreators ? {} : { [alice]: 100 }), [bob]: at % 50 },
})

for (const version of versions) {
  test(`v${version.id}: 10,000 power levels, each resting on the one before`, () => {
    const { state, events } = assertLinear((n) => {
      const room = testRoom(version)
      const old = room.fork()
      for (let at = 1; at <= n; at++) room.levels(powerLevels(version, at))
      return [room, old]
    }, 2500)
    assert.ok(events > 10_000)
    assert.ok(state.get(stateMapKey('m.room.power_levels', '')))
  })

  test(`v${version.id}: two chains of 5,000 changes of one membership each`, () => {
    assertLinear((n) => {
      const room = testRoom(version)
      const forks = [room.fork(), room.fork()]
      for (const fork of forks) for (let at = 0; at < n / 2; at++) fork.member(carol, at % 2 === 0 ? 'join' : 'leave')
      return forks
    }, 2500)
  })

  test(`v${version.id}: 10,000 members on one fork, kicked by different people on the other`, () => {
    assertLinear((n) => {
      const room = testRoom(version)
      room.levels({ ...powerLevels(version, 49), kick: 1 })
      const [left, right] = [room.fork(), room.fork()]
      for (let at = 0; at < n; at++) {
        left.member(`@user${at}:one.example`, 'join')
        right.member(`@user${at}:one.example`, 'leave', at % 2 === 0 ? alice : bob)
      }
      return [left, right]
    }, 2500)
  })

  test(`v${version.id}: 5,000 topics, each resting on other power levels`, () => {
    assertLinear((n) => {
      const room = testRoom(version)
      const old = room.fork()
      for (let at = 0; at < n / 2; at++) {
        room.levels(powerLevels(version, at))
        room.force({ type: 'm.room.topic', sender: alice, stateKey: String(at) })
      }
      return [room, old]
    }, 2500)
  })

  test(`v${version.id}: events that all rest on all before them cost no more than their links`, () => {
    const size = 300
    const room = testRoom(version)
    const [left, right] = [room.fork(), room.fork()]
    const chain = [...left.draft({ type: 'm.room.power_levels', sender: alice, stateKey: '' }).authEvents]
    for (let at = 0; at < size; at++) {
      chain.push(
        left.force({
          type: 'm.room.power_levels',
          sender: alice,
          stateKey: '',
          content: powerLevels(version, at),
          authEvents: [...chain],
        }).id,
      )
    }
    const { fetched, visited, events, ms } = measure([left, right])
    assert.ok(fetched <= events + 4 && visited <= 100 * events && ms < budgetMs)
  })

  test(`v${version.id}: twenty states cost twenty times, not four hundred times, as much as one`, () => {
    const build = (count: number) => {
      const room = testRoom(version)
      return Array.from({ length: count }, () => {
        const fork = room.fork()
        for (let at = 0; at < 100; at++) fork.levels(powerLevels(version, at))
        return fork
      })
    }
    const [five, twenty] = [measure(build(5)), measure(build(20))]
    assert.ok(twenty.visited <= 6 * five.visited, `${five.visited} visits became ${twenty.visited}`)
  })

  test(`v${version.id}: in a room of 10,000 members, a conflict about the topic looks at a handful of events`, () => {
    const room = testRoom(version)
    for (let at = 0; at < 10_000; at++) room.member(`@user${at}:one.example`, 'join')
    const [left, right] = [room.fork(), room.fork()]
    for (const fork of [left, right]) fork.send({ type: 'm.room.topic', sender: alice, stateKey: '' })
    const { fetched } = measure([left, right])
    assert.ok(fetched < 20, `${fetched} events were fetched`)
  })
}
