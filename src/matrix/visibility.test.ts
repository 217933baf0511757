import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { JsonObject } from './json.ts'
import { canSee, type HistoryVisibility, historyVisibility } from './visibility.ts'

const userId = '@alice:x'
const visibilities: HistoryVisibility[] = ['world_readable', 'shared', 'invited', 'joined']
const event = (type: string, content: JsonObject = {}, stateKey?: string): Parameters<typeof canSee>[0] => ({
  type,
  stateKey,
  content,
})
const message = event('m.room.message')

test('no event and an unknown value mean shared', () => {
  for (const visibility of visibilities)
    assert.equal(historyVisibility({ content: { history_visibility: visibility } }), visibility)
  for (const value of ['public', '', null, 1, ['joined']])
    assert.equal(historyVisibility({ content: { history_visibility: value } }), 'shared')
  assert.equal(historyVisibility(undefined), 'shared')
  assert.equal(historyVisibility({ content: {} }), 'shared')
})

describe('what may be seen', () => {
  /** One letter for each visibility in order: y or n. */
  const cases: [membership: string | undefined, joinedLater: boolean, expected: string][] = [
    ['join', false, 'yyyy'],
    ['join', true, 'yyyy'],
    ['invite', false, 'ynyn'],
    ['invite', true, 'yyyn'],
    ['leave', false, 'ynnn'],
    ['leave', true, 'yynn'],
    ['ban', false, 'ynnn'],
    ['ban', true, 'yynn'],
    ['knock', false, 'ynnn'],
    ['knock', true, 'yynn'],
    [undefined, false, 'ynnn'],
    [undefined, true, 'yynn'],
  ]
  for (const [membership, joinedLater, expected] of cases) {
    test(`with membership ${membership}, ${joinedLater ? 'joined later' : 'never joined later'}: ${expected}`, () => {
      const seen = visibilities
        .map((visibility) => (canSee(message, visibility, { userId, membership, joinedLater }) ? 'y' : 'n'))
        .join('')
      assert.equal(seen, expected)
    })
  }
})

test('a change of visibility is seen when it could be seen before or after', () => {
  const stranger = { userId, membership: undefined, joinedLater: false }
  const change = (to: string): Parameters<typeof canSee>[0] =>
    event('m.room.history_visibility', { history_visibility: to }, '')
  assert.equal(canSee(change('joined'), 'world_readable', stranger), true)
  assert.equal(canSee(change('world_readable'), 'joined', stranger), true)
  assert.equal(canSee(change('shared'), 'joined', stranger), false)
  assert.equal(canSee(change('shared'), 'joined', { ...stranger, joinedLater: true }), true)
  assert.equal(
    canSee({ ...change('world_readable'), stateKey: undefined }, 'joined', stranger),
    false,
    'not a state event',
  )
  assert.equal(
    canSee({ ...change('world_readable'), stateKey: 'x' }, 'joined', stranger),
    false,
    'not the event that counts',
  )
})

test("one's own member event is seen when it could be seen before or after", () => {
  const member = (membership: JsonObject[string], stateKey = userId): Parameters<typeof canSee>[0] =>
    event('m.room.member', { membership }, stateKey)
  const viewer = (membership: string | undefined) => ({ userId, membership, joinedLater: false })
  assert.equal(canSee(member('join'), 'joined', viewer('leave')), true)
  assert.equal(canSee(member('leave'), 'joined', viewer('join')), true)
  assert.equal(canSee(member('ban'), 'joined', viewer('join')), true)
  assert.equal(canSee(member('invite'), 'invited', viewer(undefined)), true)
  assert.equal(canSee(member('leave'), 'invited', viewer('invite')), true)
  assert.equal(canSee(member('invite'), 'joined', viewer(undefined)), false)
  assert.equal(canSee(member('leave'), 'joined', viewer('ban')), false)
  assert.equal(canSee(member('join', '@bob:x'), 'joined', viewer('leave')), false)
  assert.equal(canSee(member(['join']), 'joined', viewer('leave')), false)
})
