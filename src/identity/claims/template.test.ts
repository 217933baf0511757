import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from '../../matrix/json.ts'
import { LanguageError } from './lexer.ts'
import { parseTemplate, renderFirst } from './template.ts'

const claims: JsonObject = {
  given_name: 'Alice',
  family_name: 'Liddell',
  email: 'Alice.L@Example.org',
  emails: ['a@x', 'b@x'],
  level: 7,
  on: true,
  empty: '',
  nothing: null,
  realm_access: { roles: ['a'] },
  'https://x.y/z': 'far',
  piped: 'a|b',
}
const render = (text: string): string | undefined => parseTemplate(text).render(claims)

test('claims stand in the text, and filters change them', () => {
  for (const [text, expected] of [
    ['{given_name} {family_name}', 'Alice Liddell'],
    ['{email|before @|lower}', 'alice.l'],
    ['{email | after "@" | upper}', 'EXAMPLE.ORG'],
    ['{level}/{on}', '7/true'],
    ['{emails|first}', 'a@x'],
    ['{emails|join ", "}', 'a@x, b@x'],
    ['{email|replace . _}', 'Alice_L@Example_org'],
    ['{missing|default nobody}', 'nobody'],
    ['{empty|default nobody}', 'nobody'],
    ['{"https://x.y/z"}', 'far'],
    ['{{{given_name}}}', '{Alice}'],
    ['{piped|before "|"}', 'a'],
    ['u-{given_name|lower}', 'u-alice'],
    ['{given_name|before x}', 'Alice'],
    ['{given_name|after x}', 'Alice'],
    ['{given_name|replace "" y}', 'Alice'],
    ['{given_name|replace A $&}', '$&lice'],
  ] as const)
    assert.equal(render(text), expected, text)
  for (const text of [
    '{missing}',
    '{nothing}',
    'a {realm_access}',
    '{emails}',
    '{realm_access.roles}',
    '{given_name.length}',
    '{constructor.name}',
    '{missing|lower}',
    '{missing|first}',
  ]) {
    assert.equal(render(text), undefined, text)
  }
})

test('the first template that has what it needs is taken', () => {
  const first = (...texts: string[]): string | undefined => renderFirst(texts.map(parseTemplate), claims)
  assert.equal(first('{missing}', '{empty}', ' {given_name} ', '{level}'), 'Alice')
  assert.equal(first('{missing}'), undefined)
})

test('what is no template is refused with a sentence', () => {
  for (const [text, pattern] of [
    ['', /no claim/],
    ['plain', /no claim/],
    ['{', /stands alone/],
    ['a}', /stands alone/],
    ['{}', /name of a claim/],
    ['{a b}', /name of a claim/],
    ['{a|shout}', /"shout" is not a filter/],
    ['{a|constructor}', /not a filter/],
    ['{a|before}', /takes one word/],
    ['{a|lower x}', /takes no word/],
    ['{a..b}', /realm_access/],
    ['{a|replace x}', /two words/],
    ['{a', /stands alone/],
  ] as const)
    assert.throws(
      () => parseTemplate(text),
      (error) => error instanceof LanguageError && pattern.test(error.message),
      text,
    )
})

test('no text does anything but make a template or a sentence, and what is rendered is text', () => {
  const words = [
    '{',
    '}',
    '{{',
    '}}',
    'a',
    'a.b',
    '|',
    'lower',
    'before',
    '@',
    '"',
    '\\',
    'default',
    ' ',
    'join',
    'first',
    'replace',
  ]
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...words), { maxLength: 20 }).map((some) => some.join('')),
  )
  fc.assert(
    fc.property(text, fc.dictionary(fc.constantFrom('a', 'b'), fc.jsonValue()), (written, some) => {
      try {
        const rendered = parseTemplate(written).render(some as JsonObject)
        assert.ok(rendered === undefined || typeof rendered === 'string')
      } catch (error) {
        assert.ok(error instanceof LanguageError, String(error))
      }
    }),
    { numRuns: 3000 },
  )
})

test('a template of a claim alone gives back its text, whatever that is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      assert.equal(parseTemplate('{a}').render({ a: value }), value)
      assert.equal(parseTemplate('x{{{a}}}').render({ a: value }), `x{${value}}`)
    }),
  )
})
