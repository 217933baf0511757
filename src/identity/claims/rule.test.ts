import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from '../../matrix/json.ts'
import { LanguageError } from './lexer.ts'
import { parsePath, shownPath, valueAt } from './path.ts'
import { parseRule } from './rule.ts'

const claims: JsonObject = {
  sub: 'alice',
  email: 'alice@example.org',
  email_verified: true,
  level: 7,
  nothing: null,
  scope: 'openid chat profile',
  realm_access: { roles: ['chat', 'staff', 5, true] },
  groups: ['/eng/backend', '/eng/web'],
  roles: { admin: { org: 'x' } },
  'https://example.org/roles': ['chat'],
  quote: 'say "hi"',
}
const holds = (text: string): boolean => parseRule(text).holds(claims)

test('a rule looks where its path leads', () => {
  for (const text of [
    'realm_access.roles contains chat',
    'realm_access.roles contains 5',
    'scope contains chat',
    'roles contains admin',
    '"https://example.org/roles" contains chat',
    'email_verified equals true',
    'level equals 7',
    'level equals "7"',
    'sub equals alice',
    'quote equals "say \\"hi\\""',
    'sub in [bob, alice]',
    'groups in [/eng/web]',
    'email matches *@example.org',
    'groups matches /eng/*',
    'sub exists',
    'roles.admin.org equals x',
    'NOT nothing exists',
    'sub EQUALS alice',
  ])
    assert.equal(holds(text), true, text)
  for (const text of [
    'realm_access.roles contains cha',
    'scope contains cha',
    'scope contains "openid chat"',
    'roles contains org',
    'realm_access.roles contains hasOwnProperty',
    'roles contains constructor',
    'roles contains __proto__',
    'constructor exists',
    'sub.length exists',
    'groups.0 exists',
    'nothing exists',
    'missing equals ""',
    'missing matches *',
    'not sub exists',
    'realm_access exists and missing exists',
    'email matches *@example.com',
    'sub equals Alice',
    'sub in [bob]',
    'sub contains ali',
    'realm_access equals ""',
    'realm_access matches *',
  ])
    assert.equal(holds(text), false, text)
})

test('and binds closer than or, and parentheses bind closest', () => {
  assert.equal(holds('sub exists or missing exists and missing exists'), true)
  assert.equal(holds('(sub exists or missing exists) and missing exists'), false)
  assert.equal(holds('not (missing exists or nothing exists) and level in [6, 7]'), true)
  assert.equal(holds('not missing exists and not not sub exists'), true)
})

test('what is no rule is refused with the place', () => {
  for (const [text, pattern] of [
    ['', /behind its end/],
    ['sub', /"contains"/],
    ['sub contains', /a value/],
    ['sub is alice', /at character 5.*"contains"/],
    ['sub equals alice bob', /"and", "or"/],
    ['(sub exists', /"\)"/],
    ['sub in alice', /a list/],
    ['sub in [alice', /"\]"/],
    ['sub in []', /a value/],
    ['a..b exists', /realm_access/],
    ['.a exists', /realm_access/],
    ['"a"b exists', /quotes/],
    ['"a exists', /never closed/],
    [`${'not '.repeat(30)}a exists`, /nested/],
    [`a equals ${'x'.repeat(2000)}`, /2000/],
    [') exists', /name of a claim/],
  ] as const)
    assert.throws(
      () => parseRule(text),
      (error) => error instanceof LanguageError && pattern.test(error.message),
      text,
    )
})

test('every path is read as it is shown, and leads to the same place', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 4 }),
      fc.jsonValue(),
      (path, value) => {
        fc.pre(!path.includes('__proto__') && value !== null)
        assert.deepEqual(parsePath(shownPath(path)), path)
        const object = path.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as JsonObject
        assert.deepEqual(valueAt(object, path), value)
      },
    ),
  )
})

test('no text does anything but make a rule or a sentence, and no claims make a rule fail', () => {
  const words = [
    'sub',
    'and',
    'or',
    'not',
    '(',
    ')',
    '[',
    ']',
    ',',
    'contains',
    'equals',
    'in',
    'matches',
    'exists',
    '"',
    '\\',
    '*',
    '.',
    'a.b',
    ' ',
  ]
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...words), { maxLength: 30 }).map((some) => some.join(' ')),
  )
  fc.assert(
    fc.property(text, fc.dictionary(fc.string(), fc.jsonValue()), (written, some) => {
      try {
        assert.equal(typeof parseRule(written).holds(some as JsonObject), 'boolean')
      } catch (error) {
        assert.ok(error instanceof LanguageError, String(error))
      }
    }),
    { numRuns: 3000 },
  )
})

test('a rule means what its parts mean', () => {
  type Tree = { text: string; value: boolean }
  const tree = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<Tree>(
        { text: 'sub exists', value: true },
        { text: 'missing exists', value: false },
        { text: 'level equals 7', value: true },
      ),
      tie('tree').map(({ text, value }) => ({ text: `not (${text})`, value: !value })),
      fc
        .tuple(tie('tree'), tie('tree'))
        .map(([a, b]) => ({ text: `(${a.text} and ${b.text})`, value: a.value && b.value })),
      fc
        .tuple(tie('tree'), tie('tree'))
        .map(([a, b]) => ({ text: `(${a.text} or ${b.text})`, value: a.value || b.value })),
    ),
  })).tree
  fc.assert(
    fc.property(tree, ({ text, value }) => {
      fc.pre(text.length < 2000)
      assert.equal(holds(text), value)
    }),
  )
})
