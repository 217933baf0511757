import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Type, type TSchema } from 'typebox'
import { MatrixError } from '../matrix/errors.ts'
import { bodyReader, parameterReader } from './validate.ts'

function refusal(schema: TSchema, body: unknown): string {
  try {
    bodyReader(schema)(body)
  } catch (error) {
    assert.ok(error instanceof MatrixError)
    return `${error.errcode}: ${error.message}`
  }
  return 'accepted'
}

test('a refusal names the field and what it must be', () => {
  const schema = Type.Object({
    a: Type.String({ maxLength: 3 }),
    n: Type.Optional(Type.Integer({ minimum: 0 })),
    list: Type.Optional(Type.Array(Type.Object({ x: Type.String() }))),
    any: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    'dotted/key': Type.Optional(Type.Boolean()),
  })
  assert.equal(refusal(schema, {}), 'M_MISSING_PARAM: "a" is missing')
  assert.equal(refusal(schema, null), 'M_BAD_JSON: The body must be an object')
  assert.equal(refusal(schema, { a: 1 }), 'M_BAD_JSON: "a" must be a string')
  assert.match(refusal(schema, { a: 'long' }), /^M_BAD_JSON: "a" must not have more than 3 characters/)
  assert.equal(refusal(schema, { a: '', n: -1 }), 'M_BAD_JSON: "n" must be >= 0')
  assert.equal(refusal(schema, { a: '', n: 2 ** 53 - 1 }), 'accepted')
  for (const n of [2 ** 53, 1e19, 1e300])
    assert.equal(refusal(schema, { a: '', n }), 'M_BAD_JSON: "n" must be <= 9007199254740991', 'no column keeps it')
  assert.equal(refusal(schema, { a: '', list: [{ x: '' }, {}] }), 'M_BAD_JSON: "list[1].x" is missing')
  assert.equal(refusal(schema, { a: '', list: {} }), 'M_BAD_JSON: "list" must be a list')
  assert.equal(refusal(schema, { a: '', any: 1 }), 'M_BAD_JSON: "any" has the wrong shape')
  assert.equal(refusal(schema, { a: '', 'dotted/key': 1 }), 'M_BAD_JSON: "dotted/key" must be a boolean')
  assert.equal(refusal(schema, { a: '', more: 1 }), 'accepted')
})

test('every key of a record is checked, even one with a line feed', () => {
  const schema = Type.Object({ users: Type.Record(Type.String(), Type.Integer()) })
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (key) => {
      assert.equal(refusal(schema, { users: { [key]: 1 } }), 'accepted')
      assert.match(refusal(schema, { users: { [key]: 'x' } }), /^M_BAD_JSON/)
    }),
  )
  assert.match(refusal(schema, { users: { 'a\nb': 'x' } }), /^M_BAD_JSON/)
})

test('whatever the parameters are, they are read or refused', () => {
  const read = parameterReader(
    Type.Object({
      n: Type.Optional(Type.Integer()),
      f: Type.Optional(Type.Number()),
      b: Type.Optional(Type.Boolean()),
      l: Type.Optional(Type.Array(Type.Integer())),
    }),
  )
  const text = fc.oneof(
    fc.string(),
    fc.integer().map(String),
    fc.double().map(String),
    fc.constantFrom('true', 'false'),
  )
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('n', 'f', 'b', 'l', '__proto__', 'constructor'), fc.oneof(text, fc.array(text))),
      (raw) => {
        try {
          for (const [key, value] of Object.entries(read(raw))) {
            if (key === 'l') assert.ok(Array.isArray(value))
            else assert.equal(typeof value, key === 'b' ? 'boolean' : 'number')
          }
        } catch (error) {
          assert.ok(error instanceof MatrixError)
        }
      },
    ),
  )
})
