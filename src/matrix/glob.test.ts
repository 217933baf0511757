import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { compileGlob, compileWords } from './glob.ts'

const matches = (pattern: string, text: string): boolean => compileGlob(pattern)(text)
const inWords = (pattern: string, text: string): boolean =>
  compileGlob(pattern, { within: 'words', ignoreCase: true })(text)

test('a star is any run of characters, a question mark exactly one', () => {
  for (const [pattern, text, expected] of [
    ['m.room.*', 'm.room.message', true],
    ['m.room.*', 'm.room.', true],
    ['m.room.*', 'm.room', false],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['**', 'abc', true],
    ['?', '', false],
    ['?', 'a', true],
    ['?', 'ab', false],
    ['a*b', 'ab', true],
    ['a*b', 'a', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['*.example.org', 'example.org', false],
    ['*.example.org', 'matrix.example.org', true],
    ['a.c', 'abc', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*bb*bb*c', 'abbbc', false],
    ['a?*?b', 'a12b', true],
    ['a?*?b', 'a1b', false],
    ['lunc?*', 'lunch plans', true],
    ['lunc?*', 'lunc', false],
    ['[a-z]+', 'abc', false],
    ['[a-z]+', '[a-z]+', true],
  ] as const)
    assert.equal(matches(pattern, text), expected, `${pattern} on ${text}`)
})

test('one character is one character, even outside the basic plane', () => {
  assert.equal(matches('a?b', 'a👍b'), true)
  assert.equal(matches('a??b', 'a👍b'), false)
  assert.equal(matches('?👍', '👍👍'), true)
})

test('letter case counts unless it is told not to', () => {
  assert.equal(compileGlob('*.EXAMPLE.org')('a.example.ORG'), false)
  assert.equal(compileGlob('*.EXAMPLE.org', { ignoreCase: true })('a.example.ORG'), true)
})

test('a question mark can stand for itself', () => {
  assert.equal(compileGlob('a?*', { only: '*' })('a?b'), true)
  assert.equal(compileGlob('a?*', { only: '*' })('abc'), false)
})

test('a word match neither starts nor ends inside a word', () => {
  for (const [pattern, text, expected] of [
    ['ex*ple', 'An example event.', true],
    ['ex*ple', 'exple', true],
    ['ex*ple', 'An exciting triple-whammy', true],
    ['ex*ple', 'reexample', false],
    ['ex*ple', 'examples', false],
    ['ex*ple', 'examples are an example', true],
    ['cake', 'pancake', false],
    ['cake', 'cakes', false],
    ['cake', 'pancake cake', true],
    ['cake', 'CAKE!', true],
    ['cake', '_cake_', false],
    ['cake', 'écake', true],
    ['cake*lie', 'the cake is a lie', true],
    ['cake*lie', 'the cake is a lied', false],
    ['*cake', 'pancake', true],
    ['cake*', 'cakes', true],
    ['!go', 'a!go', true],
    ['go!', 'go!a', true],
    ['', 'anything', true],
    ['*', 'x', true],
    ['c?ke', 'my cake', true],
    ['c?ke', 'my cakes', false],
    ['aa', 'aaa aa', true],
    ['a a', 'a ab a a', true],
  ] as const)
    assert.equal(inWords(pattern, text), expected, `${pattern} in ${text}`)
})

test('a display name is taken literally', () => {
  const alice = compileWords('*A?', { ignoreCase: true })
  assert.equal(alice('hello *a?, dear'), true)
  assert.equal(alice('hello all'), false)
  assert.equal(compileWords('x'.repeat(40))(`so ${'x'.repeat(40)}!`), true)
  assert.equal(compileWords('x'.repeat(40))(`so ${'x'.repeat(41)}!`), false)
})

const letters = fc.constantFrom('a', 'b', '-', 'é', '👍')
const texts = fc.array(letters, { maxLength: 60 }).map((list) => list.join(''))
const patterns = fc
  .array(fc.oneof({ weight: 3, arbitrary: letters }, { weight: 2, arbitrary: fc.constantFrom('*', '?') }), {
    maxLength: 50,
  })
  .map((list) => list.join(''))
/** The slow and obvious way, for comparison. */
const source = (pattern: string): string => pattern.replaceAll('*', '[^]*').replaceAll('?', '[^]')
const shortPatterns = patterns.filter((pattern) => pattern.split('*').length < 6)

test('globs agree with the regular expression that they stand for', () => {
  fc.assert(
    fc.property(shortPatterns, texts, (pattern, text) => {
      assert.equal(matches(pattern, text), new RegExp(`^${source(pattern)}$`, 'u').test(text))
    }),
    { numRuns: 2000 },
  )
})

test('word globs agree with the regular expression that they stand for', () => {
  fc.assert(
    fc.property(shortPatterns, texts, (pattern, text) => {
      const edge = '(?:(?<![A-Za-z0-9_])|(?![A-Za-z0-9_]))'
      assert.equal(
        compileGlob(pattern, { within: 'words' })(text),
        new RegExp(`${edge}${source(pattern)}${edge}`, 'u').test(text),
      )
    }),
    { numRuns: 2000 },
  )
})

test('short and long pieces are found in the same places', () => {
  fc.assert(
    fc.property(fc.nat(80), fc.nat(3), fc.nat(90), (size, extra, gap) => {
      const needle = 'ab'.repeat(size + 1)
      const text = `${'ab'.repeat(gap)}-${needle}${'b'.repeat(extra)}`
      assert.equal(matches(`*-${needle}*`, text), true)
      assert.equal(compileWords(needle)(text), extra === 0 || gap === size + 1)
      assert.equal(matches(`*c${needle}*`, text), false)
    }),
  )
})

test('a long piece is found wherever the regular expression finds it, however many places are refused', () => {
  const bits = fc.array(fc.constantFrom('ab ', 'ab', 'xab ', 'a', ' '), { minLength: 14, maxLength: 60 })
  fc.assert(
    fc.property(bits, fc.nat(30), fc.integer({ min: 33, max: 40 }), (list, from, size) => {
      const text = list.join('').repeat(3)
      const piece = text.slice(from, from + size)
      fc.pre(piece.length > 32)
      const edge = '(?:(?<![A-Za-z0-9_])|(?![A-Za-z0-9_]))'
      assert.equal(compileWords(piece)(text), new RegExp(`${edge}${piece}${edge}`, 'u').test(text))
    }),
  )
})

// SECURITY-CASES 46 and 50
test('no pattern takes longer than a moment on a full event', () => {
  const text = 'a'.repeat(65_000)
  const spaced = 'a '.repeat(32_000)
  for (const pattern of [
    `${'a*'.repeat(500)}b`,
    `*${'a'.repeat(31)}b`,
    `*${'a'.repeat(255)}b*`,
    `${'?a*'.repeat(80)}b`,
    `${'a?'.repeat(120)}b*`,
    `*${'a'.repeat(32)}`,
    'a a a a a a ab',
    `${'a '.repeat(100)}b`,
  ]) {
    for (const body of [text, spaced, `${'a '.repeat(15)}ab `.repeat(2000)]) {
      const begun = performance.now()
      compileGlob(pattern)(body)
      compileGlob(pattern, { within: 'words' })(body)
      const took = performance.now() - begun
      assert.ok(took < 1000, `${pattern.slice(0, 20)}… took ${took} ms`)
    }
  }
})
