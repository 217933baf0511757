import assert from 'node:assert/strict'
import { test } from 'node:test'
import { storedRules } from './push.ts'

const user_name = '@a:b'
const match = (key: string, pattern: string): object => ({ kind: 'event_match', key, pattern })

test('rules of one user: their own in their order, and what was changed of the defaults', () => {
  const rule = (rule_id: string, priority_class: number, conditions: object[], actions: unknown[]) => ({
    user_name,
    rule_id,
    priority_class,
    conditions: JSON.stringify(conditions),
    actions: JSON.stringify(actions),
  })
  const stored = storedRules(
    [
      rule('global/override/second', 5, [match('type', 'm.x')], ['notify']),
      rule('global/override/first', 5, [], ['dont_notify']),
      rule('global/content/cheese', 4, [match('content.body', 'cheese')], ['notify', { set_tweak: 'highlight' }]),
      rule('global/room/!a/b:c', 3, [match('room_id', '!a/b:c')], []),
      rule('global/underride/.m.rule.message', -1, [], ['coalesce']),
    ],
    [
      { user_name, rule_id: 'global/override/first', enabled: 0 },
      { user_name, rule_id: 'global/override/.m.rule.master', enabled: true },
    ],
  )
  assert.deepEqual(stored, {
    own: {
      override: [
        { rule_id: 'second', enabled: true, actions: ['notify'], conditions: [match('type', 'm.x')] },
        { rule_id: 'first', enabled: false, actions: [], conditions: [] },
      ],
      content: [
        { rule_id: 'cheese', enabled: true, actions: ['notify', { set_tweak: 'highlight' }], pattern: 'cheese' },
      ],
      room: [{ rule_id: '!a/b:c', enabled: true, actions: [] }],
    },
    defaults: { '.m.rule.message': { actions: [] }, '.m.rule.master': { enabled: true } },
  })
})
