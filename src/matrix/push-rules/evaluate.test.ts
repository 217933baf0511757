import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { compileGlob, globCost } from '../glob.ts'
import type { JsonObject } from '../json.ts'
import { reachOf } from './body-match.ts'
import {
  type Actions,
  type CompiledRules,
  compileRules,
  compileStored,
  defaultRules,
  evaluate as evaluateView,
  flatten,
  mergeWithDefaults,
  noRules,
  type PushContext,
  type PushEvent,
  type PushRule,
  type Ruleset,
} from './index.ts'

const alice = '@alice:example.org'
const bob = '@bob:example.org'
const context: PushContext = {
  userId: alice,
  displayName: 'Alice L.',
  memberCount: 5,
  senderPower: 0,
  notificationLevels: new Map(),
}
const event = (type: string, content: JsonObject, stateKey?: string): PushEvent => ({
  type,
  sender: bob,
  roomId: '!room:example.org',
  stateKey,
  content,
})
const text = (body: string, more: JsonObject = {}): PushEvent =>
  event('m.room.message', { msgtype: 'm.text', body, ...more })
const evaluate = (rules: CompiledRules, given: PushEvent, user: PushContext): Actions =>
  evaluateView(rules, flatten(given), user)
const defaults = compileStored(noRules)
const brief = ({ notify, highlight, sound }: Actions): string =>
  [notify ? 'notify' : 'silent', highlight ? 'highlight' : '', sound ?? ''].filter(Boolean).join(' ')

describe('the default rules', () => {
  const mention = { 'm.mentions': { user_ids: ['@else:x', alice] } }
  const room = { 'm.mentions': { room: true } }
  const edit = { 'm.relates_to': { rel_type: 'm.replace', event_id: '$a' } }
  const cases: [name: string, event: PushEvent, context: Partial<PushContext>, expected: string][] = [
    ['a message in a group', text('hi'), {}, 'notify'],
    ['a message between two', text('hi'), { memberCount: 2 }, 'notify default'],
    ['an encrypted event in a group', event('m.room.encrypted', {}), {}, 'notify'],
    ['an encrypted event between two', event('m.room.encrypted', {}), { memberCount: 2 }, 'notify default'],
    ['a notice', text('hi', { msgtype: 'm.notice' }), { memberCount: 2 }, 'silent'],
    ['a notice that mentions', text('hi', { msgtype: 'm.notice', ...mention }), {}, 'silent'],
    ['a mention', text('hi', mention), {}, 'notify highlight default'],
    ['a mention in an event of any type', event('org.example.poll', mention), {}, 'notify highlight default'],
    ['a mention of someone else', text('hi', { 'm.mentions': { user_ids: [bob] } }), {}, 'notify'],
    ['mentions of a wrong type', text('hi', { 'm.mentions': { user_ids: alice } }), {}, 'notify'],
    ['the name in the text alone', text('alice, Alice L.: hi'), {}, 'notify'],
    ['@room from a moderator', text('hi', room), { senderPower: 50 }, 'notify highlight'],
    ['@room from a creator', text('hi', room), { senderPower: Infinity }, 'notify highlight'],
    ['@room from a member', text('hi', room), { senderPower: 49 }, 'notify'],
    ['@room where members may', text('hi', room), { notificationLevels: new Map([['room', 0]]) }, 'notify highlight'],
    ['@room that is not quite true', text('hi', { 'm.mentions': { room: 'true' } }), { senderPower: 100 }, 'notify'],
    ['an edit', text('* hi', edit), { memberCount: 2 }, 'silent'],
    ['an edit that mentions anew', text('* hi', { ...edit, ...mention }), {}, 'notify highlight default'],
    [
      'a reaction',
      event('m.reaction', { 'm.relates_to': { rel_type: 'm.annotation', event_id: '$a', key: '👍' } }),
      { memberCount: 2 },
      'silent',
    ],
    ['a call', event('m.call.invite', {}), {}, 'notify ring'],
    ['an invite for me', event('m.room.member', { membership: 'invite' }, alice), {}, 'notify default'],
    ['an invite for another', event('m.room.member', { membership: 'invite' }, '@carol:example.org'), {}, 'silent'],
    ['a join', event('m.room.member', { membership: 'join' }, bob), { memberCount: 2 }, 'silent'],
    ['a tombstone', event('m.room.tombstone', {}, ''), {}, 'notify highlight'],
    ['a tombstone that is no state', event('m.room.tombstone', {}), {}, 'silent'],
    ['a server ACL', event('m.room.server_acl', {}, ''), {}, 'silent'],
    ['a topic', event('m.room.topic', { topic: 'x' }, ''), {}, 'silent'],
    ['anything unknown', event('org.example.thing', { body: 'Alice L.' }), { memberCount: 2 }, 'silent'],
  ]
  for (const [name, given, changed, expected] of cases) {
    test(`${name}: ${expected}`, () => {
      assert.equal(brief(evaluate(defaults, given, { ...context, ...changed })), expected)
      const compiled = compileRules(defaultRules(alice))
      assert.equal(brief(evaluate(compiled, given, { ...context, ...changed })), expected, 'with the id written out')
    })
  }

  test("one's own events call for nothing", () => {
    assert.equal(brief(evaluate(defaults, text('hi', mention), { ...context, userId: bob })), 'silent')
  })

  test("the master rule silences even what the user's own rules want", () => {
    const stored = { own: { override: [own({ conditions: [] })] }, defaults: { '.m.rule.master': { enabled: true } } }
    assert.equal(brief(evaluate(compileStored(stored), text('hi', mention), context)), 'silent')
    assert.equal(
      brief(evaluate(compileStored({ ...stored, defaults: {} }), text('hi', mention), context)),
      'notify loud',
    )
  })
})

const own = (rule: Partial<PushRule>): PushRule => ({
  rule_id: 'own',
  default: false,
  enabled: true,
  actions: ['notify', { set_tweak: 'sound', value: 'loud' }],
  ...rule,
})
const empty: Ruleset = { override: [], content: [], room: [], sender: [], underride: [] }
const holds = (condition: JsonObject, given: PushEvent, changed: Partial<PushContext> = {}): boolean =>
  evaluate(compileRules({ ...empty, override: [own({ conditions: [condition] })] }), given, { ...context, ...changed })
    .notify

describe('conditions', () => {
  const topic = (value: JsonObject[string]): PushEvent =>
    event('m.room.topic', { topic: value, 'm.federate': true, 'a\\b': 1, list: ['x', 1, null, {}] }, '')
  const check = (
    name: string,
    condition: JsonObject,
    expected: boolean,
    given = topic('Lunch plans'),
    changed: Partial<PushContext> = {},
  ): void => {
    void test(`${name}: ${expected}`, () => {
      assert.equal(holds(condition, given, changed), expected)
    })
  }
  const match = (key: string, pattern: string): JsonObject => ({ kind: 'event_match', key, pattern })

  check('a glob over a whole value, whatever the case', match('content.topic', 'lunc?*'), true)
  check('a glob that leaves something over', match('content.topic', 'lunch'), false)
  check('a value that is no text', match('content.topic', '*'), false, topic(null))
  check('a value that is missing', match('content.nothing', '*'), false)
  check('a text without wildcards, whatever the case', match('content.topic', 'LUNCH PLANS'), true)
  check('the body by words', match('content.body', 'ex*ple'), true, text('An example event.'))
  check('the body inside a word', match('content.body', 'ample'), false, text('An example event.'))
  check('a body that is no text', match('content.body', '*'), false, text('x', { body: 1 }))
  check('the type, whatever the case', match('type', 'M.ROOM.Topic'), true)
  check('the type by a glob', match('type', 'm.room.*'), true)
  check('the room', match('room_id', '!room:example.org'), true)
  check('the sender', match('sender', '@*:example.org'), true)
  check('the state key', match('state_key', ''), true)
  check('the state key of what is no state', match('state_key', '*'), false, text('x'))
  check('a prototype', match('content.constructor.name', '*'), false)
  check('a pattern that is missing', { kind: 'event_match', key: 'type' }, false)

  check(
    'a property with a dot in its name',
    { kind: 'event_property_is', key: 'content.m\\.federate', value: true },
    true,
  )
  check('a property with a backslash in its name', { kind: 'event_property_is', key: 'content.a\\\\b', value: 1 }, true)
  check('a property of another type', { kind: 'event_property_is', key: 'content.m\\.federate', value: 'true' }, false)
  check('a property in other letters', { kind: 'event_property_is', key: 'content.topic', value: 'lunch plans' }, false)
  check('a null', { kind: 'event_property_is', key: 'content.topic', value: null }, true, topic(null))
  check('a null for what is missing', { kind: 'event_property_is', key: 'content.nothing', value: null }, false)
  check('an object to compare with', { kind: 'event_property_is', key: 'content.topic', value: {} }, false, topic({}))
  check('an item of a list', { kind: 'event_property_contains', key: 'content.list', value: null }, true)
  check('an item that is not in the list', { kind: 'event_property_contains', key: 'content.list', value: '1' }, false)
  check('an item of a text', { kind: 'event_property_contains', key: 'content.topic', value: 'L' }, false)

  for (const [is, count, expected] of [
    ['2', 2, true],
    ['2', 3, false],
    ['==2', 2, true],
    ['<2', 1, true],
    ['<2', 2, false],
    ['>2', 3, true],
    ['>2', 2, false],
    ['<=2', 2, true],
    ['>=2', 2, true],
    ['>=2', 1, false],
    ['=2', 2, false],
    ['2.0', 2, false],
    [' 2', 2, false],
    ['', 0, false],
  ] as const) {
    check(`member count ${is} with ${count}`, { kind: 'room_member_count', is }, expected, text('x'), {
      memberCount: count,
    })
  }
  check('a member count that is a number', { kind: 'room_member_count', is: 5 }, false)
  check('the display name as a word', { kind: 'contains_display_name' }, true, text('hello alice l., how are you'))
  check('the display name inside a word', { kind: 'contains_display_name' }, false, text('malice'), {
    displayName: 'Alice',
  })
  check('no display name', { kind: 'contains_display_name' }, false, text('hello'), { displayName: '' })
  check(
    'permission for a kind of notification',
    { kind: 'sender_notification_permission', key: 'alarm' },
    true,
    text('x'),
    { senderPower: 10, notificationLevels: new Map([['alarm', 10]]) },
  )
  check('a condition nobody knows', { kind: 'org.example.moon', phase: 'full' }, false)
  check('a condition without a kind', {}, false)
})

describe('the order of rules', () => {
  const ring = (value: string, rule: Partial<PushRule> = {}): PushRule =>
    own({ actions: ['notify', { set_tweak: 'sound', value }], ...rule })
  const full: Ruleset = {
    override: [ring('override', { conditions: [] })],
    content: [ring('content', { pattern: 'cake' })],
    room: [ring('room', { rule_id: '!room:example.org' })],
    sender: [ring('sender', { rule_id: bob })],
    underride: [ring('underride', { conditions: [] })],
  }
  test('is override, content, room, sender, underride', () => {
    const left = { ...full }
    for (const kind of ['override', 'content', 'room', 'sender', 'underride'] as const) {
      assert.equal(evaluate(compileRules(left), text('a cake'), context).sound, kind)
      left[kind] = left[kind].map((rule) => ({ ...rule, enabled: false }))
    }
    assert.equal(brief(evaluate(compileRules(left), text('a cake'), context)), 'silent')
  })

  test('puts the earlier rule of a kind first', () => {
    const rules = { ...empty, content: [ring('one', { pattern: 'tea' }), ring('two', { pattern: 'time' })] }
    assert.equal(evaluate(compileRules(rules), text("It's time for tea"), context).sound, 'one')
  })

  test('is not disturbed by rules that demand a type', () => {
    const rules = {
      ...empty,
      override: [
        ring('typed', { conditions: [{ kind: 'event_match', key: 'type', pattern: 'm.sticker' }] }),
        ring('glob', { conditions: [{ kind: 'event_match', key: 'type', pattern: 'm.room.*' }] }),
        ring('both', {
          conditions: ['m.sticker', 'm.room.message'].map((pattern) => ({ kind: 'event_match', key: 'type', pattern })),
        }),
        ring('any', { conditions: [] }),
      ],
    }
    const compiled = compileRules(rules)
    assert.deepEqual(
      ['m.sticker', 'm.room.message', 'x'].map((type) => evaluate(compiled, event(type, {}), context).sound),
      ['typed', 'glob', 'any'],
    )
  })
})

test('actions of old are ignored, and a highlight needs a notification', () => {
  const actions = (list: PushRule['actions']): Actions =>
    evaluate(compileRules({ ...empty, override: [own({ actions: list })] }), text('x'), context)
  assert.equal(brief(actions(['dont_notify'])), 'silent')
  assert.deepEqual(actions(['coalesce', 'notify']).raw, ['notify'])
  assert.equal(brief(actions(['notify', { set_tweak: 'highlight', value: false }])), 'notify')
  assert.equal(brief(actions(['notify', { set_tweak: 'highlight', value: true }])), 'notify highlight')
  assert.equal(brief(actions([{ set_tweak: 'highlight' }])), 'silent')
  assert.equal(
    brief(actions(['notify', { set_tweak: 'sound', value: 7 }, { set_tweak: 'sound', value: 'late' }, 3, null])),
    'notify',
  )
})

test('users without changes share one compiled ruleset', () => {
  assert.equal(compileStored(noRules), compileStored({ own: { room: [] }, defaults: {} }))
})

test('no content makes evaluation fail', () => {
  const rules = compileRules(
    mergeWithDefaults(alice, {
      own: {
        content: [own({ pattern: '*c?ke' })],
        override: [own({ conditions: [{ kind: 'contains_display_name' }] })],
      },
      defaults: {},
    }),
  )
  fc.assert(
    fc.property(
      fc.oneof(fc.constantFrom('m.room.message', 'm.room.member'), fc.string()),
      fc.dictionary(fc.constantFrom('body', 'msgtype', 'm.mentions', 'm.relates_to', '__proto__'), fc.jsonValue()),
      (type, content) => {
        // fast-check calls its JSON values unknown.
        assert.equal(typeof evaluate(rules, event(type, content as JsonObject), context).notify, 'boolean')
      },
    ),
  )
})

test('a plain word is found in the same texts as by its glob', () => {
  const bits = fc.array(fc.constantFrom('cake', 'Cake', 's', ' ', '_', 'é', '!', 'lie'), { maxLength: 12 })
  fc.assert(
    fc.property(
      bits,
      fc.constantFrom('cake', 'cakes', 'lie', 'cake lie', '!cake', 'cake!', 'écake'),
      (list, pattern) => {
        const rules = compileRules({ ...empty, content: [own({ pattern, actions: ['notify'] })] })
        const body = list.join('')
        assert.equal(
          evaluate(rules, text(body), context).notify,
          compileGlob(pattern, { within: 'words', ignoreCase: true })(body),
        )
      },
    ),
  )
})

test('however many patterns somebody has, they take only so many steps of one text', () => {
  const patterns = Array.from({ length: 499 }, (_, index) => `${'?'.repeat(200 + (index % 50))}z${index}`)
  const rules = (list: readonly string[]): CompiledRules =>
    compileRules({ ...empty, content: list.map((pattern) => own({ pattern, actions: ['notify'] })) })
  assert.ok(patterns.reduce((cost, pattern) => cost + globCost(pattern), 0) * reachOf(patterns) < 2_000_000)
  // What stands at the beginning is found all the same, and with few patterns the whole text is looked at.
  const far = `${'a b '.repeat(15_000)}lunch`
  assert.equal(evaluate(rules([...patterns, 'l?nch']), text(`lunch ${far}`), context).notify, true)
  assert.equal(evaluate(rules([...patterns, 'l?nch']), text(far), context).notify, false)
  assert.equal(evaluate(rules([...patterns, 'lunch']), text(far), context).notify, true)
  assert.equal(evaluate(rules(['l?nch', 'x*y']), text(far), context).notify, true)
})
