import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { MatrixError } from './errors.ts'
import { canonicalJson, checkCanonical, isObject, own, parseRemote, parseStrict, type Json } from './json.ts'

const refusedWith =
  (errcode: string) =>
  (error: unknown): boolean =>
    error instanceof MatrixError && error.errcode === errcode

/** Keys that are hard on an object or on its order: numbers, prototype names, astral characters. */
const key = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 4 }),
  fc.string({ maxLength: 6 }),
  fc.nat(30).map(String),
  fc.constantFrom('__proto__', 'constructor', 'toJSON', '\u{10000}', '\uffff', '\ue000', 'a\u{1f600}', 'a\uff01'),
)
const { value: canonical } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger(),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 6 }).map((entries) => Object.fromEntries(entries)),
  ),
}))

/** The order that the specification asks for, by the plainest means. */
const byCodePoint = (a: string, b: string): number => {
  const [x, y] = [Array.from(a), Array.from(b)]
  for (let at = 0; at < Math.min(x.length, y.length); at++) {
    const difference = (x[at]?.codePointAt(0) ?? 0) - (y[at]?.codePointAt(0) ?? 0)
    if (difference !== 0) return difference
  }
  return x.length - y.length
}
const plainCanonical = (value: Json): string => {
  if (Array.isArray(value)) return `[${value.map(plainCanonical).join(',')}]`
  if (!isObject(value)) return JSON.stringify(value)
  const members = Object.entries(value).sort(([a], [b]) => byCodePoint(a, b))
  return `{${members.map(([name, item]) => `${JSON.stringify(name)}:${plainCanonical(item)}`).join(',')}}`
}

describe('canonicalJson', () => {
  const examples: [given: string, expected: string][] = [
    ['{}', '{}'],
    ['{ "one": 1, "two": "Two" }', '{"one":1,"two":"Two"}'],
    ['{ "b": "2", "a": "1" }', '{"a":"1","b":"2"}'],
    [
      `{"auth":{"success":true,"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[
        {"medium":"email","address":"john.doe@example.org"},{"medium":"msisdn","address":"123456789"}]}}}`,
      '{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[' +
        '{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}',
    ],
    ['{ "a": "日本語" }', '{"a":"日本語"}'],
    ['{ "本": 2, "日": 1 }', '{"日":1,"本":2}'],
    ['{ "a": "\\u65E5" }', '{"a":"日"}'],
    ['{ "a": null }', '{"a":null}'],
    ['{ "a": -0, "b": 1e10 }', '{"a":0,"b":10000000000}'],
  ]
  for (const [given, expected] of examples) {
    test(`the specification's example ${given.slice(0, 40).replaceAll(/\s+/g, ' ')}`, () => {
      assert.equal(canonicalJson(parseStrict(given)), expected)
    })
  }

  test('control characters are escaped in their shortest form, and nothing else is', () => {
    assert.equal(
      canonicalJson('\b\t\n\f\r\u0000\u001f\u007f\u2028"\\/é'),
      '"\\b\\t\\n\\f\\r\\u0000\\u001f\u007f\u2028\\"\\\\/é"',
    )
  })

  test('keys are sorted by code point, where UTF-16 would sort otherwise', () => {
    assert.equal(
      canonicalJson({ '\u{10000}': 1, '\uffff': 2, '10': 3, '9': 4, '!': 5 }),
      '{"!":5,"10":3,"9":4,"\uffff":2,"\u{10000}":1}',
    )
  })

  test('undefined members are left out, whatever the order of the keys', () => {
    const holes = (object: Record<string, unknown>): Json => object as Record<string, Json>
    assert.equal(canonicalJson(holes({ a: undefined, b: 1 })), '{"b":1}')
    assert.equal(canonicalJson(holes({ b: 1, a: undefined })), '{"b":1}')
  })

  test('any value comes out as the plain algorithm says, and reading and writing it again changes nothing', () => {
    fc.assert(
      fc.property(canonical, (value) => {
        const text = canonicalJson(value)
        assert.equal(text, plainCanonical(value))
        assert.equal(canonicalJson(parseRemote(text)), text)
      }),
      { numRuns: 500 },
    )
  })
})

describe('parseStrict', () => {
  test('what is not JSON or not UTF-8 is M_NOT_JSON', () => {
    for (const text of ['', '{', '{"a":1,}', "{'a':1}", 'undefined', 'NaN', '\ufeff{}']) {
      assert.throws(() => parseStrict(text), refusedWith('M_NOT_JSON'), text)
    }
    assert.throws(() => parseStrict(Buffer.from([0x22, 0xff, 0x22])), refusedWith('M_NOT_JSON'))
    // A surrogate written out in UTF-8 (CESU-8) is not UTF-8.
    assert.throws(() => parseStrict(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])), refusedWith('M_NOT_JSON'))
  })

  test('what has more parts than it would be quick to read is M_TOO_LARGE, before it is read', () => {
    const list = (count: number, part: string): string => `[${Array.from({ length: count }, () => part).join()}]`
    for (const part of ['[]', '{}', '1', '""', '{"a":1}']) {
      assert.doesNotThrow(() => parseStrict(list(12_000, part)), part)
      assert.throws(() => parseStrict(list(50_001, part)), refusedWith('M_TOO_LARGE'), part)
    }
    const keys = Array.from({ length: 25_001 }, (_, index) => `"${index}":1`)
    assert.throws(() => parseStrict(`{${keys.join()}}`), refusedWith('M_TOO_LARGE'))
    assert.doesNotThrow(() => parseStrict(`{${keys.slice(2).join()}}`))
    assert.doesNotThrow(() => parseStrict(JSON.stringify({ text: ',[{:'.repeat(50_000) })))
    assert.throws(() => parseStrict(`"${'x'.repeat(100)}`), refusedWith('M_NOT_JSON'))
  })

  test('a part of a larger buffer is read as that part', () => {
    assert.deepEqual(parseStrict(new Uint8Array(Buffer.from('xx{"a":1}yy')).subarray(2, 9)), { a: 1 })
  })

  test('duplicate keys are refused, at any depth and however they are spelled', () => {
    for (const text of [
      '{"a":1,"a":1}',
      '[{"b":{"a":1,"\\u0061":2}}]',
      '{"__proto__":1,"__proto__":2}',
      '{"1":1,"1":2}',
    ]) {
      assert.throws(() => parseStrict(text), refusedWith('M_BAD_JSON'), text)
    }
    assert.deepEqual(parseStrict('{"a:b":":\\"a\\":","c":{"a:b":1}}'), { 'a:b': ':"a":', c: { 'a:b': 1 } })
  })

  test('half a surrogate pair is refused in keys and values, a whole one is not', () => {
    for (const text of ['"\\ud800"', '{"\\uDC00":1}', '["\\ud83d\\ud83d"]', '"\ud800"', '{"a":["\udfff"]}']) {
      assert.throws(() => parseStrict(text), refusedWith('M_BAD_JSON'), text)
    }
    assert.equal(parseStrict('"\\ud83d\\ude00"'), '😀')
  })

  test('a key __proto__ is refused however it is spelled; the words as a value are not', () => {
    for (const text of ['{"__proto__":{}}', '[{"a":{"__proto__":1}}]', '{"\\u005f_proto__":{"polluted":1}}']) {
      assert.throws(() => parseStrict(text), refusedWith('M_BAD_JSON'), text)
    }
    assert.deepEqual(parseStrict('{"a":"__proto__"}'), { a: '__proto__' })
  })

  test('a hundred levels are read, one more is refused, and a million do not harm', () => {
    const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
    assert.doesNotThrow(() => parseStrict(nested(100)))
    assert.throws(() => parseStrict(nested(101)), refusedWith('M_BAD_JSON'))
    assert.throws(() => parseStrict(nested(1_000_000)), refusedWith('M_BAD_JSON'))
    assert.throws(() => parseStrict('{"a":'.repeat(101) + '1' + '}'.repeat(101)), refusedWith('M_BAD_JSON'))
  })

  test('whatever comes in, the outcome is a value or a refusal', () => {
    const nearly = fc.string({
      unit: fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', 'u', 'd800', '1', 'a', ' ', 'null'),
      maxLength: 30,
    })
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string(), fc.uint8Array()), (input) => {
        try {
          parseStrict(input)
        } catch (error) {
          assert.ok(error instanceof MatrixError, String(error))
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('it reads what JSON.parse reads, in any spacing', () => {
    fc.assert(
      fc.property(canonical, fc.nat(4), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        fc.pre(!text.includes('__proto__'))
        assert.deepEqual(parseStrict(text), JSON.parse(text))
      }),
      { numRuns: 300 },
    )
  })
})

test('a key __proto__ from another server stays an ordinary key, and no prototype is touched', () => {
  const text = '{"__proto__":{"polluted":true},"a":1}'
  const value = parseRemote(text)
  assert.equal(canonicalJson(value), text)
  assert.equal(own(value, 'polluted'), undefined)
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
})

test('own finds no inherited members', () => {
  assert.equal(own({}, 'constructor'), undefined)
  assert.equal(own({}, '__proto__'), undefined)
  assert.equal(own([], 'length'), undefined)
  assert.equal(own(null, 'a'), undefined)
  assert.equal(own({ a: null }, 'a'), null)
})

describe('checkCanonical', () => {
  test('integers of 53 bits pass, floats and larger numbers do not', () => {
    for (const number of [0, -0, 1, -1, 2 ** 53 - 1, -(2 ** 53) + 1, 1e10])
      assert.doesNotThrow(() => checkCanonical({ a: [number] }))
    for (const number of [
      1.5,
      2 ** 53,
      -(2 ** 53),
      1e300,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      JSON.parse('9007199254740993') as number,
    ]) {
      assert.throws(() => checkCanonical({ a: [number] }), refusedWith('M_BAD_JSON'), String(number))
    }
  })

  test('lone surrogates in keys and values, and too deep a nesting, are refused', () => {
    assert.throws(() => checkCanonical({ '\ud800': 1 }), refusedWith('M_BAD_JSON'))
    assert.throws(() => checkCanonical(['\udc00']), refusedWith('M_BAD_JSON'))
    assert.throws(() => checkCanonical([[[]]], 2), refusedWith('M_BAD_JSON'))
    assert.doesNotThrow(() => checkCanonical([[[]]], 3))
  })

  test('every value that is canonical passes', () => {
    fc.assert(fc.property(canonical, (value) => checkCanonical(value)))
  })
})
