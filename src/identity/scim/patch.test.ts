// Changes, as RFC 7644 has them and as Entra ID and Okta send them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from '../../matrix/json.ts'
import { ScimError } from './error.ts'
import { patched } from './patch.ts'

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const change = (resource: JsonObject, ...operations: JsonObject[]): JsonObject =>
  patched(resource, { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: operations })
const refused = (resource: JsonObject, ...operations: JsonObject[]): string => {
  try {
    return JSON.stringify(change(resource, ...operations))
  } catch (error) {
    assert.ok(error instanceof ScimError)
    return error.scimType ?? String(error.status)
  }
}
const work = { type: 'work', value: 'a@work', primary: true }

test('an attribute is set, changed and taken away, alone, in parts and in lists', () => {
  const cases: [JsonObject, JsonObject, JsonObject][] = [
    [{}, { op: 'add', path: 'title', value: 'Dr' }, { title: 'Dr' }],
    [{ title: 'Dr' }, { op: 'Replace', path: 'TITLE', value: 'Mr' }, { title: 'Mr' }],
    [{ title: 'Dr' }, { op: 'remove', path: 'title' }, {}],
    [{ title: 'Dr' }, { op: 'replace', path: 'title', value: null }, {}],
    [
      { name: { givenName: 'A' } },
      { op: 'add', path: 'name.familyName', value: 'B' },
      { name: { givenName: 'A', familyName: 'B' } },
    ],
    [
      { name: { givenName: 'A' } },
      { op: 'replace', path: 'name', value: { familyName: 'B' } },
      { name: { givenName: 'A', familyName: 'B' } },
    ],
    [{ name: { givenName: 'A' } }, { op: 'remove', path: 'name.givenName' }, {}],
    [{ active: true }, { op: 'Replace', path: 'active', value: 'False' }, { active: false }],
    [{ active: true }, { op: 'replace', value: { active: false } }, { active: false }],
    [
      {},
      { op: 'add', value: { displayName: 'A', 'name.givenName': 'B', [`${enterprise}:department`]: 'C' } },
      { displayName: 'A', name: { givenName: 'B' }, [enterprise]: { department: 'C' } },
    ],
    [
      {},
      { op: 'replace', value: { [enterprise]: { department: 'C', manager: 'm' } } },
      { [enterprise]: { department: 'C', manager: { value: 'm' } } },
    ],
    [{ [enterprise]: { department: 'C' } }, { op: 'remove', path: `${enterprise}:department` }, {}],
    [
      {},
      { op: 'Add', path: 'emails[type eq "work"].value', value: 'a@work' },
      { emails: [{ type: 'work', value: 'a@work' }] },
    ],
    [
      { emails: [work] },
      { op: 'replace', path: 'emails[type eq "work"].value', value: 'b@work' },
      { emails: [{ ...work, value: 'b@work' }] },
    ],
    [
      { emails: [work] },
      { op: 'replace', path: 'emails[type eq "work"]', value: { value: 'b' } },
      { emails: [{ value: 'b' }] },
    ],
    [{ emails: [work] }, { op: 'remove', path: 'emails[type eq "work"]' }, {}],
    [
      { emails: [work] },
      { op: 'remove', path: 'emails[type eq "work"].primary' },
      { emails: [{ type: 'work', value: 'a@work' }] },
    ],
    [
      { emails: [work] },
      { op: 'add', path: 'emails', value: { type: 'home', value: 'a@home', primary: 'True' } },
      {
        emails: [
          { ...work, primary: false },
          { type: 'home', value: 'a@home', primary: true },
        ],
      },
    ],
    [{ emails: [work] }, { op: 'add', path: 'emails', value: [work] }, { emails: [work] }],
    [{ emails: [work] }, { op: 'replace', path: 'emails', value: [{ value: 'x' }] }, { emails: [{ value: 'x' }] }],
    [{ emails: [work] }, { op: 'remove', path: 'emails' }, {}],
    [
      { members: [{ value: 'a' }] },
      { op: 'add', path: 'members', value: [{ value: 'a', display: 'A' }, { value: 'b' }, { value: 'b' }] },
      { members: [{ value: 'a' }, { value: 'b' }] },
    ],
    [
      { members: [{ value: 'a' }, { value: 'b' }] },
      { op: 'Remove', path: 'members', value: [{ value: 'a' }] },
      { members: [{ value: 'b' }] },
    ],
    [
      { members: [{ value: 'a' }, { value: 'b' }] },
      { op: 'remove', path: 'members[value eq "a"]' },
      { members: [{ value: 'b' }] },
    ],
    [
      { members: [{ value: 'a' }] },
      { op: 'remove', path: 'members[value eq "nobody"]' },
      { members: [{ value: 'a' }] },
    ],
    [
      { displayName: 'A' },
      { op: 'replace', value: { id: 'x', displayName: 'B', schemas: [], meta: {} } },
      { displayName: 'B' },
    ],
  ]
  for (const [before, operation, after] of cases)
    assert.deepEqual(change(before, operation), after, JSON.stringify(operation))
})

test('what makes no sense is refused with the word that RFC 7644 has for it', () => {
  assert.equal(refused({}), 'invalidSyntax')
  assert.equal(refused({}, { op: 'copy', path: 'title' }), 'invalidSyntax')
  assert.equal(refused({}, { op: 'remove' }), 'noTarget')
  assert.equal(
    refused({ emails: [work] }, { op: 'replace', path: 'emails[type eq "home"].value', value: 'x' }),
    'noTarget',
  )
  assert.equal(refused({}, { op: 'add', path: 'emails[type co "home"].value', value: 'x' }), 'noTarget')
  assert.equal(refused({}, { op: 'add', path: 'title' }), 'invalidValue')
  assert.equal(refused({}, { op: 'add', value: 'x' }), 'invalidValue')
  assert.equal(refused({}, { op: 'replace', path: 'meta.created', value: 'x' }), 'mutability')
  for (const path of ['[', 'a b', 'emails[type eq "x"', 'a.b.c', '1a', 'emails[]'])
    assert.equal(refused({}, { op: 'add', path, value: 'x' }), 'invalidPath', path)
  assert.equal(refused({}, ...Array.from({ length: 1001 }, () => ({ op: 'add', path: 'title', value: 'x' }))), '413')
})

test('a change leaves what it was made of as it is, and whatever is sent, an object or a refusal comes of it', () => {
  const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonObject[string]>
  const path = fc.option(
    fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.constantFrom(
        'emails',
        'emails[type eq "work"]',
        'emails[type eq "x"].value',
        'name.givenName',
        'active',
        'constructor',
        'toString.x',
        `${enterprise}:a`,
        enterprise,
        'members',
      ),
    ),
    { nil: undefined },
  )
  const operation = fc.record({
    op: fc.constantFrom('add', 'replace', 'remove', 'Add'),
    path,
    value: fc.option(json, { nil: undefined }),
  })
  const resource = (): JsonObject => ({
    userName: 'a',
    name: { givenName: 'x' },
    emails: [work],
    [enterprise]: { department: 'd' },
  })
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 5 }), (operations) => {
      const before = resource()
      try {
        const after = patched(before, { Operations: operations as JsonObject[] })
        assert.equal(Object.getPrototypeOf(after), Object.prototype)
      } catch (error) {
        assert.ok(error instanceof ScimError, String(error))
      }
      assert.deepEqual(before, resource())
    }),
  )
})

test('ten thousand members are changed one by one in no long time', () => {
  const members = Array.from({ length: 10_000 }, (_, at) => ({ value: `u${at}` }))
  const start = performance.now()
  const { members: after } = change(
    { members },
    ...Array.from({ length: 200 }, (_, at) => ({ op: 'add', path: 'members', value: [{ value: `n${at}` }] })),
    ...Array.from({ length: 200 }, (_, at) => ({ op: 'remove', path: `members[value eq "u${at}"]` })),
  )
  assert.equal((after as unknown[]).length, 10_000)
  assert.ok(performance.now() - start < 10_000)
})
