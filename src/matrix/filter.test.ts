import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { MatrixError } from './errors.ts'
import { everything, filterLimits, parseFilter, parseRoomEventFilter } from './filter.ts'
import type { FilteredEvent } from './filter-match.ts'
import type { Json, JsonObject } from './json.ts'

const alice = '@alice:example.org'
const message = (more: Partial<FilteredEvent> = {}): FilteredEvent => ({
  type: 'm.room.message',
  sender: alice,
  content: {},
  ...more,
})
const matches = (filter: JsonObject, event: FilteredEvent): boolean => parseRoomEventFilter(filter).matches(event)
const refused =
  (errcode: string) =>
  (error: unknown): boolean =>
    error instanceof MatrixError && error.errcode === errcode

describe('events', () => {
  const cases: [filter: JsonObject, event: FilteredEvent, expected: boolean][] = [
    [{}, message(), true],
    [{ types: ['m.room.message'] }, message(), true],
    [{ types: ['m.room.name'] }, message(), false],
    [{ types: ['m.room.*'] }, message(), true],
    [{ types: ['m.*.message', 'x'] }, message(), true],
    [{ types: ['*'] }, message(), true],
    [{ types: [] }, message(), false],
    [{ types: ['M.Room.Message'] }, message(), false],
    [{ types: ['m.room?message'] }, message(), false],
    [{ not_types: ['m.room.message'] }, message(), false],
    [{ not_types: ['m.reaction', 'm.room.*'] }, message(), false],
    [{ not_types: ['m.reaction'] }, message(), true],
    [{ not_types: [] }, message(), true],
    [{ not_types: ['*'] }, message(), false],
    [{ types: ['m.room.*'], not_types: ['*.message'] }, message(), false],
    [{ senders: [alice] }, message(), true],
    [{ senders: [] }, message(), false],
    [{ senders: ['@bob:example.org'] }, message(), false],
    [{ senders: [alice] }, message({ sender: undefined }), false],
    [{ not_senders: [alice] }, message(), false],
    [{ senders: [alice], not_senders: [alice] }, message(), false],
    [{ not_senders: [alice] }, message({ sender: undefined }), true],
    [{ contains_url: true }, message(), false],
    [{ contains_url: true }, message({ content: { url: 'mxc://a/b' } }), true],
    [{ contains_url: false }, message({ content: { url: null } }), false],
    [{ contains_url: false }, message(), true],
    [{ types: ['m.room.message'], senders: [alice], contains_url: false }, message(), true],
    [{ types: ['m.room.message'], senders: [alice], contains_url: true }, message(), false],
  ]
  for (const [filter, event, expected] of cases) {
    test(`${JSON.stringify(filter)} on ${JSON.stringify(event)}: ${expected}`, () => {
      assert.equal(matches(filter, event), expected)
    })
  }

  test('a filter says when everything or nothing can match', () => {
    const what = (filter: JsonObject): boolean[] => [
      parseRoomEventFilter(filter).all,
      parseRoomEventFilter(filter).none,
    ]
    for (const filter of [
      {},
      { types: ['*'] },
      { not_types: [], not_senders: [] },
      { limit: 5, lazy_load_members: true },
    ])
      assert.deepEqual(what(filter), [true, false])
    for (const filter of [{ types: [] }, { senders: [] }, { not_types: ['*'] }])
      assert.deepEqual(what(filter), [false, true])
    assert.deepEqual(what({ types: ['a'] }), [false, false])
  })
})

test('a room is included when it is in the one list and not in the other', () => {
  const rooms = (filter: JsonObject): boolean[] => {
    const choice = parseRoomEventFilter(filter).rooms
    return [choice.all, choice.includes('!a:x'), choice.includes('!b:x')]
  }
  assert.deepEqual(rooms({}), [true, true, true])
  assert.deepEqual(rooms({ rooms: ['!a:x'] }), [false, true, false])
  assert.deepEqual(rooms({ rooms: [] }), [false, false, false])
  assert.deepEqual(rooms({ not_rooms: ['!a:x'] }), [false, false, true])
  assert.deepEqual(rooms({ rooms: ['!a:x', '!b:x'], not_rooms: ['!b:x'] }), [false, true, false])
})

test('the filter of the specification is read', () => {
  const filter = parseFilter({
    room: {
      state: { types: ['m.room.*'], not_rooms: ['!726s6s6q:example.com'] },
      timeline: {
        limit: 10,
        types: ['m.room.message'],
        not_rooms: ['!726s6s6q:example.com'],
        not_senders: ['@spam:example.com'],
      },
      ephemeral: {
        types: ['m.receipt', 'm.typing'],
        not_rooms: ['!726s6s6q:example.com'],
        not_senders: ['@spam:example.com'],
      },
    },
    presence: { types: ['m.presence'], not_senders: ['@alice:example.com'] },
    event_format: 'client',
    event_fields: ['type', 'content', 'sender'],
  })
  assert.equal(filter.room.timeline.limit, 10)
  assert.equal(filter.room.timeline.rooms.includes('!726s6s6q:example.com'), false)
  assert.equal(filter.presence.matches({ type: 'm.presence', sender: '@alice:example.com', content: {} }), false)
  assert.equal(filter.room.accountData.all, true)
  assert.deepEqual(filter.project?.({ type: 'a', room_id: 'b', content: { c: 1 } }), { type: 'a', content: { c: 1 } })
})

test('without a filter nothing is cut, and flags are off', () => {
  const { state } = everything.room
  assert.deepEqual(
    [everything.project, everything.eventFormat, everything.room.includeLeave, everything.room.rooms.all],
    [undefined, 'client', false, true],
  )
  assert.deepEqual(
    [state.lazyLoadMembers, state.includeRedundantMembers, state.unreadThreadNotifications, state.limit],
    [false, false, false, filterLimits.defaultLimit],
  )
  const on = parseRoomEventFilter({
    lazy_load_members: true,
    include_redundant_members: true,
    unread_thread_notifications: true,
    related_by_senders: [alice],
    related_by_rel_types: ['m.thread'],
  })
  assert.deepEqual(
    [
      on.lazyLoadMembers,
      on.includeRedundantMembers,
      on.unreadThreadNotifications,
      on.relatedBySenders,
      on.relatedByRelTypes,
    ],
    [true, true, true, [alice], ['m.thread']],
  )
})

test('a limit is kept between one and the most there is', () => {
  const limit = (value: number): number => parseRoomEventFilter({ limit: value }).limit
  assert.deepEqual([limit(0), limit(1), limit(100), limit(100_000)], [0, 1, 100, 100])
})

test('wrong types and ids are refused', () => {
  const wrong: Json[] = [
    null,
    [],
    'x',
    { room: [] },
    { room: null },
    { room: { timeline: 'x' } },
    { room: { include_leave: 1 } },
    { presence: 'x' },
    { account_data: [] },
    { event_format: 'xml' },
    { event_fields: 'type' },
    { event_fields: [1] },
    { room: { rooms: ['not a room'] } },
    { room: { not_rooms: [alice] } },
    { presence: { senders: ['not a user'] } },
    { presence: { not_senders: [{}] } },
    { presence: { types: {} } },
    { presence: { types: [null] } },
    { presence: { limit: '10' } },
    { presence: { limit: -1 } },
    { presence: { limit: 1.5 } },
    { room: { state: { contains_url: 'yes' } } },
    { room: { state: { lazy_load_members: 'true' } } },
    { room: { timeline: { types: ['x'.repeat(513)] } } },
  ]
  for (const filter of wrong) assert.throws(() => parseFilter(filter), refused('M_BAD_JSON'), JSON.stringify(filter))
})

// SECURITY-CASES 49
test('a filter has a largest size', () => {
  const many = (count: number, text: string): string[] => Array.from({ length: count }, () => text)
  assert.throws(() => parseFilter({ presence: { types: many(1001, 'a') } }), refused('M_TOO_LARGE'))
  assert.throws(() => parseFilter({ presence: { types: many(140, 'a'.repeat(500)) } }), refused('M_TOO_LARGE'))
})

test('whatever is sent is compiled or refused', () => {
  const part = fc.dictionary(
    fc.constantFrom(
      'limit',
      'types',
      'senders',
      'not_rooms',
      'rooms',
      'timeline',
      'contains_url',
      'event_fields',
      'room',
      '__proto__',
    ),
    fc.oneof(fc.jsonValue(), fc.array(fc.string()), fc.constant({ types: ['*a*'] })),
  )
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), part, fc.record({ room: part })), fc.string(), (json, type) => {
      try {
        // fast-check calls its JSON values unknown.
        const filter = parseFilter(json as Json)
        assert.equal(typeof filter.room.timeline.matches(message({ type })), 'boolean')
        filter.project?.({ type, content: {} })
      } catch (error) {
        assert.ok(error instanceof MatrixError && error.status < 500)
      }
    }),
  )
})

describe('event fields', () => {
  const source = {
    type: 'm.room.message',
    content: { body: 'x', 'm.relates_to': { event_id: '$a', key: 'k' }, list: [1] },
    unsigned: { age: 1 },
  }
  const project = (fields: string[]): JsonObject | undefined => parseFilter({ event_fields: fields }).project?.(source)
  test('are found by their paths', () => {
    assert.deepEqual(project(['type', 'content.body']), { type: 'm.room.message', content: { body: 'x' } })
    assert.deepEqual(project(['content.m\\.relates_to.key', 'content.body']), {
      content: { 'm.relates_to': { key: 'k' }, body: 'x' },
    })
    assert.deepEqual(
      project(['content.m.relates_to', 'content.list.0', 'type.length', 'nothing', '', 'constructor', '__proto__.x']),
      {},
    )
    assert.deepEqual(project([]), {})
  })
  test('that are wanted whole and in part are copied whole, and the event stays as it is', () => {
    const before = structuredClone(source)
    assert.deepEqual(project(['content.m\\.relates_to.key', 'content', 'content.body']), { content: source.content })
    assert.deepEqual(project(['content', 'content.body', 'content.body.x']), { content: source.content })
    assert.deepEqual(source, before)
  })
})
