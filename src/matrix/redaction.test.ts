import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Pdu } from './pdu.ts'
import { canonicalJson, type Json, type JsonObject } from './json.ts'
import { redact } from './redaction.ts'
import { roomVersions, type RoomVersion } from './room-version.ts'

const version = (id: string): RoomVersion => {
  const found = roomVersions.get(id)
  assert.ok(found)
  return found
}
const all = [...roomVersions.keys()]
const since = (first: number): string[] => all.filter((id) => Number(id) >= first)

const event = (type: string, content: JsonObject, extra: JsonObject = {}): Pdu => ({
  type,
  content,
  sender: '@a:b',
  room_id: '!r:b',
  state_key: '',
  depth: 1,
  origin_server_ts: 2,
  prev_events: [],
  auth_events: [],
  hashes: { sha256: 'x' },
  signatures: { b: { 'ed25519:1': 'y' } },
  ...extra,
})
const levels = {
  ban: 1,
  events: { a: 1 },
  events_default: 1,
  kick: 1,
  redact: 1,
  state_default: 1,
  users: { '@a:b': 1 },
  users_default: 1,
}

/** What stays of a content in which everything is there: by type, the versions that keep each key. */
const kept: Record<string, Record<string, { value: Json; left?: Json; in: string[] }>> = {
  'm.room.member': {
    membership: { value: 'join', in: all },
    join_authorised_via_users_server: { value: '@a:b', in: since(9) },
    third_party_invite: {
      value: { signed: { token: 't' }, display_name: 'd' },
      left: { signed: { token: 't' } },
      in: since(11),
    },
    displayname: { value: 'x', in: [] },
  },
  'm.room.create': {
    creator: { value: '@a:b', in: all },
    room_version: { value: '1', in: since(11) },
    'm.federate': { value: false, in: since(11) },
    predecessor: { value: {}, in: since(11) },
  },
  'm.room.join_rules': {
    join_rule: { value: 'public', in: all },
    allow: { value: [], in: since(8) },
    other: { value: 1, in: [] },
  },
  'm.room.power_levels': {
    ...Object.fromEntries(Object.entries(levels).map(([key, value]) => [key, { value, in: all }])),
    invite: { value: 50, in: since(11) },
    notifications: { value: { room: 20 }, in: [] },
  },
  'm.room.history_visibility': { history_visibility: { value: 'shared', in: all }, other: { value: 1, in: [] } },
  'm.room.aliases': { aliases: { value: ['#a:b'], in: ['1', '2', '3', '4', '5'] }, other: { value: 1, in: [] } },
  'm.room.redaction': { redacts: { value: '$x', in: since(11) }, reason: { value: 'spam', in: [] } },
  'm.room.message': {
    body: { value: 'hi', in: [] },
    membership: { value: 'join', in: [] },
    creator: { value: '@a:b', in: [] },
  },
}

describe('the content that a redaction leaves', () => {
  for (const [type, keys] of Object.entries(kept)) {
    test(`of ${type}, in every room version`, () => {
      const content = Object.fromEntries(Object.entries(keys).map(([key, { value }]) => [key, value]))
      for (const id of all) {
        const left = Object.entries(keys)
          .filter(([, rule]) => rule.in.includes(id))
          .map(([key, rule]) => [key, rule.left ?? rule.value])
        assert.deepEqual(redact(event(type, content), version(id)).content, Object.fromEntries(left), `version ${id}`)
      }
    })
  }
})

test('at the top level only the listed keys stay, with origin, membership and prev_state up to version 10', () => {
  const extra = {
    origin: 'b',
    membership: 'join',
    prev_state: [],
    redacts: '$x',
    unsigned: { age: 1 },
    event_id: '$e:b',
    other: 1,
  }
  for (const id of all) {
    const { origin, membership, prev_state, redacts: _, unsigned: __, other: ___, ...rest } = event('m.x', {}, extra)
    const legacy = Number(id) <= 10 ? { origin, membership, prev_state } : {}
    assert.deepEqual(redact(event('m.x', { a: 1 }, extra), version(id)), { ...rest, ...legacy }, `version ${id}`)
  }
})

test('a third-party invite without its signed part, or of another type, leaves nothing', () => {
  for (const invite of [{}, { display_name: 'd' }, 'x', [], null]) {
    const content = { membership: 'invite', third_party_invite: invite }
    assert.deepEqual(redact(event('m.room.member', content), version('12')).content, { membership: 'invite' })
  }
})

test('redacting again changes nothing, and the result is in canonical order', () => {
  const type = fc.constantFrom(...Object.keys(kept))
  const content = fc.dictionary(
    fc.constantFrom(...Object.values(kept).flatMap((keys) => Object.keys(keys)), '__proto__', 'constructor'),
    fc.jsonValue(),
  )
  fc.assert(
    fc.property(type, content, fc.constantFrom(...all), (type, content, id) => {
      const once = redact(event(type, content as JsonObject, { unsigned: {}, redacts: '$x' }), version(id))
      assert.equal(canonicalJson(redact(once, version(id))), canonicalJson(once))
      assert.deepEqual(Object.keys(once), Object.keys(once).sort())
    }),
  )
})
