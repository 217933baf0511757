import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { MatrixError } from '../errors.ts'
import type { Json, JsonObject } from '../json.ts'
import {
  defaultRules,
  deleteRule,
  findRule,
  mergeWithDefaults,
  noRules,
  parsePushRuleKind,
  pushRuleKinds,
  pushRuleLimits,
  putRule,
  setRuleActions,
  setRuleEnabled,
  type StoredRules,
} from './index.ts'

const alice = '@alice:example.org'
const notify = { actions: ['notify'], pattern: 'cake' }
const add = (stored: StoredRules, ids: string[]): StoredRules =>
  ids.reduce((rules, id) => putRule(rules, 'content', id, notify), stored)
const ids = (stored: StoredRules): string => (stored.own.content ?? []).map((rule) => rule.rule_id).join(' ')
const refused =
  (errcode: string, status: number) =>
  (error: unknown): boolean =>
    error instanceof MatrixError && error.errcode === errcode && error.status === status

describe('placing a rule', () => {
  const three = add(noRules, ['c', 'b', 'a'])
  const put = (id: string, place = {}): string => ids(putRule(three, 'content', id, notify, place))
  test('a new rule is the most important of its kind', () => {
    assert.equal(ids(three), 'a b c')
  })
  test('before is next more important', () => {
    assert.equal(put('x', { before: 'b' }), 'a x b c')
  })
  test('after is next less important', () => {
    assert.equal(put('x', { after: 'b' }), 'a b x c')
  })
  test('before wins over after', () => {
    assert.equal(put('x', { before: 'c', after: 'a' }), 'a b x c')
  })
  test('a replaced rule stays where it is', () => {
    assert.equal(put('b'), 'a b c')
  })
  test('a replaced rule can move', () => {
    assert.equal(put('a', { after: 'c' }), 'b c a')
    assert.equal(put('c', { before: 'a' }), 'c a b')
    assert.equal(put('a', { before: 'c' }), 'b a c')
  })
  test('a place next to nothing, to a default rule, to another kind or to itself is refused', () => {
    const other = putRule(three, 'override', 'o', { actions: [] })
    for (const neighbour of ['nothing', '.m.rule.message', 'o', 'x', '']) {
      for (const place of [{ before: neighbour }, { after: neighbour }]) {
        assert.throws(() => putRule(other, 'content', 'x', notify, place), refused('M_UNKNOWN', 400))
      }
    }
    assert.throws(() => putRule(three, 'content', 'a', notify, { after: 'a' }), refused('M_UNKNOWN', 400))
  })
  test('a replaced rule keeps its switch', () => {
    const off = setRuleEnabled(three, 'content', 'b', false)
    assert.equal(putRule(off, 'content', 'b', { ...notify, pattern: 'pie' }).own.content?.[1]?.enabled, false)
  })
})

describe('what a rule may be', () => {
  const body = (more: JsonObject): JsonObject => ({ actions: ['notify'], ...more })
  const cases: [name: string, kind: (typeof pushRuleKinds)[number], id: string, body: JsonObject, errcode: string][] = [
    ['no id', 'room', '', body({}), 'M_INVALID_PARAM'],
    ["an id of the server's", 'override', '.mine', body({}), 'M_INVALID_PARAM'],
    ['a slash', 'content', 'a/b', notify, 'M_INVALID_PARAM'],
    ['a backslash', 'content', 'a\\b', notify, 'M_INVALID_PARAM'],
    ['a long id', 'content', 'x'.repeat(513), notify, 'M_INVALID_PARAM'],
    ['no actions', 'room', '!a:b', {}, 'M_MISSING_PARAM'],
    ['actions of a wrong type', 'room', '!a:b', { actions: 'notify' }, 'M_BAD_JSON'],
    ['an action of a wrong type', 'room', '!a:b', { actions: [1] }, 'M_BAD_JSON'],
    ['an action nobody knows', 'room', '!a:b', { actions: ['stampede'] }, 'M_INVALID_PARAM'],
    ['a tweak without a name', 'room', '!a:b', { actions: [{ value: 1 }] }, 'M_MISSING_PARAM'],
    ['a sound that is no string', 'room', '!a:b', { actions: [{ set_tweak: 'sound', value: 1 }] }, 'M_BAD_JSON'],
    [
      'a highlight that is no boolean',
      'room',
      '!a:b',
      { actions: [{ set_tweak: 'highlight', value: 'yes' }] },
      'M_BAD_JSON',
    ],
    ['too many actions', 'room', '!a:b', { actions: Array.from({ length: 17 }, () => 'notify') }, 'M_INVALID_PARAM'],
    ['no pattern', 'content', 'a', body({}), 'M_MISSING_PARAM'],
    ['a pattern of a wrong type', 'content', 'a', body({ pattern: 1 }), 'M_BAD_JSON'],
    ['a long pattern', 'content', 'a', body({ pattern: 'x'.repeat(257) }), 'M_INVALID_PARAM'],
    ['conditions of a wrong type', 'override', 'a', body({ conditions: {} }), 'M_BAD_JSON'],
    ['a condition of a wrong type', 'override', 'a', body({ conditions: ['x'] }), 'M_BAD_JSON'],
    ['a condition without a kind', 'underride', 'a', body({ conditions: [{}] }), 'M_MISSING_PARAM'],
    [
      'an event_match without a pattern',
      'underride',
      'a',
      body({ conditions: [{ kind: 'event_match', key: 'type' }] }),
      'M_MISSING_PARAM',
    ],
    [
      'an event_property_is without a value',
      'underride',
      'a',
      body({ conditions: [{ kind: 'event_property_is', key: 'type' }] }),
      'M_MISSING_PARAM',
    ],
    [
      'an event_property_is with a list',
      'underride',
      'a',
      body({ conditions: [{ kind: 'event_property_is', key: 'type', value: [] }] }),
      'M_BAD_JSON',
    ],
    [
      'a member count that cannot be read',
      'underride',
      'a',
      body({ conditions: [{ kind: 'room_member_count', is: '~2' }] }),
      'M_INVALID_PARAM',
    ],
  ]
  for (const [name, kind, id, given, errcode] of cases) {
    test(`${name}: ${errcode}`, () => {
      assert.throws(() => putRule(noRules, kind, id, given), refused(errcode, 400))
    })
  }

  test('only what belongs to the kind is kept, and actions of old are dropped', () => {
    const given = {
      actions: ['dont_notify'],
      pattern: 'x',
      conditions: [{ kind: 'contains_display_name', more: 1 }],
      rule_id: 'z',
      enabled: false,
      default: true,
    }
    assert.deepEqual(putRule(noRules, 'override', 'a', given).own.override, [
      { rule_id: 'a', enabled: true, actions: [], conditions: [{ kind: 'contains_display_name' }] },
    ])
    assert.deepEqual(putRule(noRules, 'content', 'a', given).own.content, [
      { rule_id: 'a', enabled: true, actions: [], pattern: 'x' },
    ])
    assert.deepEqual(putRule(noRules, 'sender', '@b:c', given).own.sender, [
      { rule_id: '@b:c', enabled: true, actions: [] },
    ])
  })

  test('a condition of an unknown kind is kept as it is', () => {
    const condition = { kind: 'org.example.moon', phase: ['full'] }
    assert.deepEqual(
      putRule(noRules, 'override', 'a', { actions: [], conditions: [condition] }).own.override?.[0]?.conditions,
      [condition],
    )
  })

  test('kinds are read strictly', () => {
    assert.deepEqual(pushRuleKinds.map(parsePushRuleKind), [...pushRuleKinds])
    for (const kind of ['', 'Override', 'constructor'])
      assert.throws(() => parsePushRuleKind(kind), refused('M_INVALID_PARAM', 400))
  })

  test('whatever is sent is taken or refused, and what is taken can be taken again', () => {
    const body = fc.record(
      {
        actions: fc.oneof(
          fc.jsonValue(),
          fc.array(
            fc.oneof(
              fc.constant('notify'),
              fc.record({ set_tweak: fc.constantFrom('sound', 'highlight', 'x'), value: fc.jsonValue() }),
            ),
          ),
        ),
        conditions: fc.array(
          fc.dictionary(
            fc.constantFrom('kind', 'key', 'pattern', 'value', 'is'),
            fc.oneof(fc.jsonValue(), fc.constantFrom('event_match', 'event_property_is', 'room_member_count', '2')),
          ),
        ),
        pattern: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.constantFrom(...pushRuleKinds), fc.string(), body, (kind, id, given) => {
        let stored: StoredRules
        try {
          stored = putRule(noRules, kind, id, given as JsonObject)
        } catch (error) {
          assert.ok(error instanceof MatrixError && error.status === 400)
          return
        }
        const rule = stored.own[kind]?.[0]
        assert.ok(rule)
        assert.deepEqual(putRule(noRules, kind, id, rule).own[kind]?.[0], rule)
      }),
    )
  })
})

// SECURITY-CASES 49
describe('limits', () => {
  test('there is a last rule', () => {
    const rooms = Array.from({ length: pushRuleLimits.rules }, (_, index) => ({
      rule_id: `!${index}:b`,
      enabled: true,
      actions: [],
    }))
    const full: StoredRules = { own: { room: rooms }, defaults: {} }
    assert.throws(() => putRule(full, 'sender', '@a:b', { actions: [] }), refused('M_TOO_LARGE', 413))
    assert.ok(putRule(full, 'room', '!1:b', { actions: [] }), 'a rule can be replaced')
    assert.ok(deleteRule(full, 'room', '!1:b'))
  })
  test('there is a last condition', () => {
    const conditions: Json[] = Array.from({ length: pushRuleLimits.tests }, () => ({ kind: 'contains_display_name' }))
    const full = putRule(noRules, 'override', 'a', { actions: [], conditions })
    assert.throws(() => putRule(full, 'content', 'b', notify), refused('M_TOO_LARGE', 413))
  })
  test('there is a last byte', () => {
    assert.throws(
      () =>
        setRuleActions(noRules, 'override', '.m.rule.master', [
          { set_tweak: 'x', value: 'x'.repeat(pushRuleLimits.size) },
        ]),
      refused('M_TOO_LARGE', 413),
    )
  })
})

describe('changes to default rules', () => {
  test('only the difference is kept', () => {
    const off = setRuleEnabled(noRules, 'underride', '.m.rule.message', false)
    assert.deepEqual(off.defaults, { '.m.rule.message': { enabled: false } })
    const both = setRuleActions(off, 'underride', '.m.rule.message', ['notify', { set_tweak: 'sound', value: 'x' }])
    const merged = findRule(mergeWithDefaults(alice, both), 'underride', '.m.rule.message')
    assert.deepEqual([merged.enabled, merged.actions.length, merged.default], [false, 2, true])
    assert.deepEqual(
      setRuleActions(setRuleEnabled(both, 'underride', '.m.rule.message', true), 'underride', '.m.rule.message', [
        'notify',
      ]),
      noRules,
    )
  })
  test('a default rule cannot be deleted', () => {
    assert.throws(() => deleteRule(noRules, 'override', '.m.rule.master'), refused('M_INVALID_PARAM', 400))
  })
  test('a rule that is not there is not found', () => {
    for (const id of ['nothing', '.m.rule.nothing', '.m.rule.message', '__proto__']) {
      assert.throws(() => setRuleEnabled(noRules, 'override', id, true), refused('M_NOT_FOUND', 404))
      assert.throws(() => setRuleActions(noRules, 'override', id, []), refused('M_NOT_FOUND', 404))
      assert.throws(() => deleteRule(noRules, 'override', id), refused('M_NOT_FOUND', 404))
      assert.throws(() => findRule(mergeWithDefaults(alice, noRules), 'override', id), refused('M_NOT_FOUND', 404))
    }
  })
  test('changes to rules that are no default any more do no harm', () => {
    assert.deepEqual(
      mergeWithDefaults(alice, { own: {}, defaults: { '.m.rule.gone': { enabled: false } } }),
      defaultRules(alice),
    )
  })
})

test('own rules stand before the defaults, but after the master rule', () => {
  const rules = mergeWithDefaults(
    alice,
    putRule(putRule(noRules, 'override', 'a', { actions: [] }), 'underride', 'b', { actions: [] }),
  )
  assert.deepEqual(
    rules.override.slice(0, 3).map((rule) => rule.rule_id),
    ['.m.rule.master', 'a', '.m.rule.suppress_notices'],
  )
  assert.deepEqual(
    rules.underride.slice(0, 2).map((rule) => rule.rule_id),
    ['b', '.m.rule.call'],
  )
  assert.equal(rules.override[1]?.default, false)
})

test("rules of one's own can be switched off, changed and deleted", () => {
  const stored = add(noRules, ['b', 'a'])
  assert.equal(setRuleEnabled(stored, 'content', 'a', false).own.content?.[0]?.enabled, false)
  assert.deepEqual(setRuleActions(stored, 'content', 'b', ['coalesce']).own.content?.[1]?.actions, [])
  assert.equal(ids(deleteRule(stored, 'content', 'a')), 'b')
  assert.equal(ids(stored), 'a b', 'the given rules are left as they were')
})
