import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { MatrixError } from './errors.ts'
import type { Json, JsonObject } from './json.ts'
import {
  checkRelation,
  compareEdits,
  isBundled,
  type Related,
  relationHolds,
  relationOf,
  replyTarget,
} from './relations.ts'

const target = `$${'a'.repeat(43)}`
const to = (relType: string, more: JsonObject = {}, content: JsonObject = {}): JsonObject => ({
  ...content,
  'm.relates_to': { rel_type: relType, event_id: target, ...more },
})
const event = (content: JsonObject = {}, more: Partial<Related> = {}): Related => ({
  type: 'm.room.message',
  sender: '@alice:x',
  roomId: '!room:x',
  stateKey: undefined,
  content,
  ...more,
})

test('a relation is read when it has the right form', () => {
  assert.deepEqual(relationOf(event(to('m.replace'))), { relType: 'm.replace', eventId: target })
  assert.deepEqual(relationOf(event(to('m.annotation', { key: '👍' }))), {
    relType: 'm.annotation',
    eventId: target,
    key: '👍',
  })
  assert.deepEqual(relationOf(event(to('m.thread', { is_falling_back: true }))), {
    relType: 'm.thread',
    eventId: target,
    isFallingBack: true,
  })
  assert.deepEqual(relationOf(event(to('m.thread', { is_falling_back: 'yes', key: 1 }))), {
    relType: 'm.thread',
    eventId: target,
  })
  assert.equal(relationOf(event(to('m.thread', { event_id: '$old:example.org' })))?.eventId, '$old:example.org')
})

test('anything else is no relation', () => {
  const wrong: Json[] = [
    null,
    'x',
    [],
    {},
    { rel_type: 'm.thread' },
    { event_id: target },
    { rel_type: 1, event_id: target },
    { rel_type: '', event_id: target },
    { rel_type: 'x'.repeat(256), event_id: target },
    { rel_type: 'm.thread', event_id: '!room:x' },
    { rel_type: 'm.thread', event_id: [target] },
    { 'm.in_reply_to': { event_id: target } },
  ]
  for (const relates of wrong)
    assert.equal(relationOf(event({ 'm.relates_to': relates })), undefined, JSON.stringify(relates))
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('rel_type', 'event_id', 'key', 'm.in_reply_to', '__proto__'), fc.jsonValue()),
      (relates) => {
        // fast-check calls its JSON values unknown.
        const given = event({ 'm.relates_to': relates as JsonObject })
        const relation = relationOf(given)
        assert.ok(relation === undefined || typeof relation.relType === 'string')
        assert.ok(['string', 'undefined'].includes(typeof replyTarget(given)))
      },
    ),
  )
})

test('a reply names the event that it answers', () => {
  assert.equal(replyTarget(event({ 'm.relates_to': { 'm.in_reply_to': { event_id: target } } })), target)
  assert.equal(replyTarget(event(to('m.thread', { 'm.in_reply_to': { event_id: target } }))), target)
  assert.equal(replyTarget(event({ 'm.relates_to': { 'm.in_reply_to': target } })), undefined)
})

describe('a relation keeps the rules of its type', () => {
  const edit = to('m.replace', {}, { 'm.new_content': { body: 'x' } })
  const cases: [name: string, parent: Related, child: Related, expected: boolean][] = [
    ['an edit', event(), event(edit), true],
    ['an edit of a reply', event({ 'm.relates_to': { 'm.in_reply_to': { event_id: target } } }), event(edit), true],
    ['an edit in a thread', event(to('m.thread')), event(edit), true],
    ['an edit by another', event(), event(edit, { sender: '@bob:x' }), false],
    ['an edit of another type', event(), event(edit, { type: 'm.sticker' }), false],
    ['an edit of state', event({}, { stateKey: '' }), event(edit), false],
    ['an edit that is state', event(), event(edit, { stateKey: '' }), false],
    ['an edit of an edit', event(edit), event(edit), false],
    ['an edit without new content', event(), event(to('m.replace')), false],
    ['an edit with new content of a wrong type', event(), event(to('m.replace', {}, { 'm.new_content': 'x' })), false],
    [
      'an encrypted edit',
      event({}, { type: 'm.room.encrypted' }),
      event(to('m.replace'), { type: 'm.room.encrypted' }),
      true,
    ],
    ['an edit from another room', event(), event(edit, { roomId: '!other:x' }), false],
    ['a thread', event(), event(to('m.thread'), { sender: '@bob:x' }), true],
    [
      'a thread at a reply',
      event({ 'm.relates_to': { 'm.in_reply_to': { event_id: target } } }),
      event(to('m.thread')),
      true,
    ],
    ['a thread in a thread', event(to('m.thread')), event(to('m.thread')), false],
    ['a thread at a reaction', event(to('m.annotation', { key: 'a' })), event(to('m.thread')), false],
    ['a reaction', event({}, { stateKey: '' }), event(to('m.annotation', { key: 'a' }), { type: 'm.reaction' }), true],
    ['a reaction without a key', event(), event(to('m.annotation')), false],
    [
      'a reaction to a reaction',
      event(to('m.annotation', { key: 'a' })),
      event(to('m.annotation', { key: 'a' })),
      false,
    ],
    ['a reaction to an edit', event(edit), event(to('m.annotation', { key: 'a' })), false],
    ['a reference', event(to('m.thread')), event(to('m.reference')), true],
    ['a relation of another kind', event(), event(to('org.example.vote')), true],
    [
      'a relation of another kind from another room',
      event(),
      event(to('org.example.vote'), { roomId: '!other:x' }),
      false,
    ],
    ['no relation', event(), event(), false],
  ]
  for (const [name, parent, child, expected] of cases)
    test(`${name}: ${expected}`, () => {
      assert.equal(relationHolds(parent, child), expected)
    })
})

test('a thread in a thread is refused when it is sent', () => {
  assert.throws(
    () => checkRelation(event(to('m.thread')), event(to('m.reference'))),
    (error) => error instanceof MatrixError && error.errcode === 'M_UNKNOWN' && error.status === 400,
  )
  for (const [child, parent] of [
    [to('m.thread'), {}],
    [to('m.reference'), to('m.thread')],
    [{}, to('m.thread')],
  ] as const)
    checkRelation(event(child), event(parent))
  checkRelation(event(to('m.thread')), undefined)
})

test('edits, threads and references are bundled, and only for message events', () => {
  assert.deepEqual(
    ['m.replace', 'm.thread', 'm.reference', 'm.annotation', 'x'].map((type) => isBundled(type, event())),
    [true, true, true, false, false],
  )
  assert.equal(isBundled('m.thread', event({}, { stateKey: '' })), false)
})

test('the newest edit counts, and of equally new ones the one with the greater id', () => {
  const edits = [
    { id: '$b', ts: 2 },
    { id: '$c', ts: 1 },
    { id: '$a', ts: 2 },
  ]
  assert.deepEqual(
    edits.toSorted(compareEdits).map((edit) => edit.id),
    ['$c', '$a', '$b'],
  )
})
