import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AndFilter, EqualityFilter } from 'ldapts'
import { escaped, filled, firstValue, isBelow, parseFilter } from './escape.ts'

const anything = fc.string({ unit: 'grapheme', maxLength: 40 })

test('whatever somebody types in stays one value of a filter', () => {
  fc.assert(
    fc.property(anything, (text) => {
      const filter = parseFilter(filled('(&(objectClass=person)(uid={username}))', { username: text }))
      assert.ok(filter instanceof AndFilter)
      const [, last] = filter.filters
      assert.equal(filter.filters.length, 2)
      if (text === '') return
      assert.ok(last instanceof EqualityFilter)
      assert.equal(last.value.toString(), text)
    }),
  )
})

test('whatever somebody types in stays one value of a name', () => {
  fc.assert(
    fc.property(anything, (text) => {
      const dn = filled('uid={username},ou=people,dc=example,dc=org', { username: text })
      assert.equal(dn.split(',').length, 4)
      assert.doesNotMatch(dn, /["+;<>#\0]/)
      // Blanks at either end are part of a value, too, and are not trimmed away.
      assert.equal(
        escaped(text).replaceAll(/\\([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
        text,
      )
      if (text.trim() === text) assert.equal(firstValue(dn), text)
    }),
  )
})

test('a filter of the configuration is read whole, bytes and all', () => {
  const filter = parseFilter('(cn=M\\c3\\bcller\\2a)')
  assert.ok(filter instanceof EqualityFilter)
  assert.equal(filter.value.toString(), 'Müller*')
  for (const text of ['(&(uid=x)', '(uid=x))', '(a=b)(c=d)', 'uid=x', '', ')(', '(uid=x) '])
    assert.throws(() => parseFilter(text), text)
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        parseFilter(text)
      } catch (error) {
        assert.ok(error instanceof Error)
      }
    }),
  )
})

test('only names that are known are filled in', () => {
  assert.equal(
    filled('(a={dn})(b={x})(c={username}{username})', { dn: 'cn=a', username: '*' }),
    '(a=cn\\3da)(b={x})(c=\\2a\\2a)',
  )
  assert.equal(filled('{toString}{constructor}', {}), '{toString}{constructor}')
  assert.equal(filled('{username}', { username: '{dn}', dn: 'x' }), '\\7bdn\\7d')
})

test('the first value of a name is found, however it is written', () => {
  for (const [dn, value] of [
    ['cn=staff,ou=groups,dc=org', 'staff'],
    ['CN = Staff , DC=org', 'Staff'],
    ['cn=a\\,b,dc=org', 'a,b'],
    ['cn=M\\C3\\BCller+ou=x,dc=org', 'Müller'],
    ['cn=,dc=org', ''],
  ] as const) {
    assert.equal(firstValue(dn), value)
  }
  assert.equal(firstValue('staff'), undefined)
})

test('what is below what does not hang on letter case or blanks, and a suffix of another name is none', () => {
  assert.equal(isBelow('cn=a,OU=Groups, DC=Example', 'ou=groups,dc=example'), true)
  assert.equal(isBelow('ou=groups,dc=example', 'ou=groups,dc=example'), false)
  assert.equal(isBelow('cn=a,xou=groups,dc=example', 'ou=groups,dc=example'), false)
  assert.equal(isBelow('cn=evil,ou=groups,dc=example,dc=other', 'ou=groups,dc=example'), false)
})
