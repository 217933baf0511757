import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { patternOf, PatternError } from './pattern.ts'

const atom = fc.constantFrom(
  'a',
  'b',
  '_',
  '.',
  '[ab]',
  '[^a]',
  '[a-c_]',
  '\\.',
  '\\d',
  '\\w',
  '$',
  '^',
  '(?=a)',
  '(?!b)',
)
const source = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    atom,
    fc
      .tuple(
        fc.constantFrom('a', '(?:ab)', '[ab]', '.', '(a|b)'),
        fc.constantFrom('*', '+', '?', '{2}', '{0,2}', '{1,}', '*?'),
      )
      .map(([one, times]) => one + times),
    fc.array(tie('node'), { maxLength: 4 }).map((parts) => parts.join('')),
    fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map((parts) => `(${parts.join('|')})`),
    tie('node').map((part) => `(?:${part})*`),
    tie('node').map((part) => `(?!${part})`),
  ),
})).node

test('a pattern fits what the same regular expression fits from the beginning', () => {
  fc.assert(
    fc.property(source, fc.array(fc.constantFrom('a', 'b', 'c', '_', '1', '.'), { maxLength: 8 }), (pattern, chars) => {
      const text = chars.join('')
      assert.equal(patternOf(pattern)(text), new RegExp(`^(?:${pattern})`).test(text), `${pattern} on ${text}`)
    }),
    { numRuns: 3000 },
  )
})

test('patterns of registrations fit what they are meant to', () => {
  for (const [pattern, fits, fitsNot] of [
    ['@_irc_.*', '@_irc_bob:one.test', '@irc_bob:one.test'],
    ['@_irc_', '@_irc_bob:one.test', 'x@_irc_'],
    ['^@telegram_[0-9]+:one\\.test$', '@telegram_7:one.test', '@telegram_7:one.testing'],
    ['@(?!admin|root:).*:one\\.test', '@alice:one.test', '@admin:one.test'],
    ['#_irc_\\#.+', '#_irc_#chat:one.test', '#_irc_chat:one.test'],
    ['@(?P<net>slack|irc)_\\w{1,20}\\:', '@irc_bob:x', '@irc_:x'],
    ['!room:one', '!room:one.test', '!other:one.test'],
  ] as const) {
    assert.equal(patternOf(pattern)(fits), true, `${pattern} fits ${fits}`)
    assert.equal(patternOf(pattern)(fitsNot), false, `${pattern} does not fit ${fitsNot}`)
  }
})

test('a pattern made to be slow is not', () => {
  const text = `@${'a'.repeat(250)}!`
  const begin = performance.now()
  for (const pattern of [
    '@(a+)+$',
    '@(a|a)*$',
    '@(a*)*b',
    '@(.*)*(.*)*(.*)*x',
    '@(?:a?){200}a{200}$',
    '@(?!(a+)+$)(?!(a|aa)+$).*b',
  ]) {
    assert.equal(patternOf(pattern)(text), false)
  }
  assert.ok(performance.now() - begin < 5000)
})

test('what is no pattern, or one that is not to be had, is refused in words', () => {
  for (const pattern of [
    '(',
    ')',
    '[a',
    '[]',
    'a**',
    '*',
    '(?<=a)b',
    '(a)\\1',
    '\\p{L}',
    '[[:alpha:]]',
    'a{3,2}',
    'a{2000}',
    '(a{1000}){1000}',
    '\\',
    '[b-a]',
    '(?i)a',
    '('.repeat(200),
  ]) {
    assert.throws(() => patternOf(pattern), PatternError, pattern)
  }
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), fc.string(), (pattern, text) => {
      try {
        assert.equal(typeof patternOf(pattern)(text), 'boolean')
      } catch (error) {
        assert.ok(error instanceof PatternError)
      }
    }),
  )
})
