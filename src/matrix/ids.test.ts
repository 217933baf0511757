import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { MatrixError } from './errors.ts'
import {
  isEventId,
  isHashRoomId,
  isLocalUser,
  isNamespacedId,
  isOpaqueId,
  isRoomAlias,
  isRoomId,
  isServerName,
  isUserId,
  isValidLocalpart,
  localpartOf,
  makeUserId,
  mapToLocalpart,
  parseMxc,
  parseRoomAlias,
  parseUserId,
  serverOf,
} from './ids.ts'

const hash = 'Nhcu5BS-UMnFX7hBVfVSoXiD7OgH6iRT-xyIuqDnpYQ'

describe('server names', () => {
  test("the specification's examples are server names", () => {
    for (const name of [
      'matrix.org',
      'matrix.org:8888',
      '1.2.3.4',
      '1.2.3.4:1234',
      '[1234:5678::abcd]',
      '[1234:5678::abcd]:5678',
      'localhost',
    ]) {
      assert.ok(isServerName(name), name)
    }
  })

  test('anything beside the grammar is none', () => {
    for (const name of [
      '',
      ':80',
      'a b',
      'a_b',
      'a:',
      'a:123456',
      'a:80:80',
      '[::1',
      '[]',
      '[g::]',
      'http://a',
      'a/b',
      'é.org',
      'a\n',
      'a'.repeat(256),
      5,
      null,
    ]) {
      assert.ok(!isServerName(name), String(name))
    }
  })
})

describe('user ids', () => {
  test('historical ids are read, with the first colon as the border', () => {
    assert.deepEqual(parseUserId('@alice:example.org:8448'), { localpart: 'alice', serverName: 'example.org:8448' })
    assert.deepEqual(parseUserId('@a:[::1]:80'), { localpart: 'a', serverName: '[::1]:80' })
    for (const id of ['@:example.org', '@Alice B!:example.org', '@ünï😀:example.org', '@a\n:example.org'])
      assert.ok(isUserId(id), id)
  })

  test('what is no user id is refused', () => {
    const wrong = [
      '',
      '@',
      '@alice',
      'alice:example.org',
      '#a:example.org',
      '@a:',
      '@a:b c',
      '@a\0:example.org',
      '@\ud800:example.org',
      `@${'a'.repeat(250)}:b.cd`,
      `@${'é'.repeat(124)}:b.cdef`,
      null,
      5,
      {},
      ['@a:b'],
    ]
    for (const id of wrong) assert.ok(!isUserId(id), JSON.stringify(id))
    assert.ok(isUserId(`@${'a'.repeat(249)}:b.cd`), '255 bytes are allowed')
  })

  test('a new user id is made from the strict grammar only', () => {
    assert.equal(makeUserId('a-z_0.9=/+', 'example.org'), '@a-z_0.9=/+:example.org')
    for (const localpart of ['', 'Alice', 'a b', 'a:b', '@a', 'é', 'a\n', 'a'.repeat(243)]) {
      assert.ok(!isValidLocalpart(localpart, 'example.org'), localpart)
      assert.throws(() => makeUserId(localpart, 'example.org'), { errcode: 'M_INVALID_USERNAME' }, localpart)
    }
    assert.equal(makeUserId('a'.repeat(242), 'example.org').length, 255)
  })

  test('the server decides who is local, with case and with the port', () => {
    assert.ok(isLocalUser('@a:example.org', 'example.org'))
    for (const id of [
      '@a:EXAMPLE.org',
      '@a:example.org:80',
      '@a:b:example.org',
      '@example.org',
      '#a:example.org',
      '',
    ]) {
      assert.ok(!isLocalUser(id, 'example.org'), id)
    }
  })

  test('the halves of an id are found without checking it', () => {
    assert.deepEqual([localpartOf('@a:b:1'), serverOf('@a:b:1')], ['a', 'b:1'])
    assert.deepEqual([localpartOf(`!${hash}`), serverOf(`!${hash}`)], [hash, ''])
  })
})

describe('mapToLocalpart', () => {
  test("the specification's examples", () => {
    assert.equal(mapToLocalpart('#'), '=23')
    assert.equal(mapToLocalpart('á'), '=c3=a1')
    assert.equal(mapToLocalpart('Alice.Smith_1-2/3+4'), 'alice.smith_1-2/3+4')
    assert.equal(mapToLocalpart('a=b'), 'a=3db')
    assert.equal(mapToLocalpart('\u212a'), '=e2=84=aa', 'the Kelvin sign is not a k')
  })

  test("a colon or an @ cannot end up as somebody else's name", () => {
    assert.equal(mapToLocalpart('@admin:example.org'), '=40admin=3aexample.org')
    assert.equal(mapToLocalpart('admin:evil.org'), 'admin=3aevil.org')
    assert.equal(mapToLocalpart('=40admin'), '=3d40admin')
  })

  test('half a surrogate pair is refused, since its replacement would be shared by many', () => {
    assert.throws(() => mapToLocalpart('a\ud800'), MatrixError)
  })

  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.string({ unit: fc.constantFrom('a', 'A', '=', '3', 'd', 'D', ':', '@', 'é', '4', '0') }),
  )
  const asciiLower = (value: string): string => value.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())

  test('the result is always in the grammar', () => {
    fc.assert(
      fc.property(text, (value) => assert.match(mapToLocalpart(value), /^[a-z0-9._=\-/+]*$/)),
      { numRuns: 1000 },
    )
  })

  test('two texts get the same localpart only when they differ in nothing but ASCII case', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        assert.equal(mapToLocalpart(a) === mapToLocalpart(b), asciiLower(a) === asciiLower(b))
      }),
      { numRuns: 1000 },
    )
    fc.assert(
      fc.property(text, (value) => {
        // The way back exists, which is the whole of injectivity.
        const back = Buffer.from(
          mapToLocalpart(value).replaceAll(/=(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
          'latin1',
        )
        assert.equal(back.toString(), asciiLower(value))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('room and event ids', () => {
  test('room ids name a server or are a hash', () => {
    for (const id of ['!abc:example.org', `!${hash}`, '!:example.org', '!ü:example.org:80']) assert.ok(isRoomId(id), id)
    for (const id of [
      '!abc',
      `!${hash}a`,
      `!${hash.slice(1)}`,
      `$${hash}`,
      `!${hash.slice(1)}+`,
      '!a:b c',
      '!a\0:b',
      7,
      undefined,
    ]) {
      assert.ok(!isRoomId(id), String(id))
    }
    assert.ok(isHashRoomId(`!${hash}`))
    assert.ok(!isHashRoomId('!abc:example.org'))
  })

  test('each event id format takes its own ids only', () => {
    const [v1, v3, v4] = [
      '$abc:example.org',
      '$acR1l0raoZnm60CBwAVgqbZqoO/mYU81xysh1u7XcJk',
      '$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg',
    ]
    for (const [format, right] of [
      ['v1', v1],
      ['v3', v3],
      ['v4', v4],
    ] as const) {
      for (const id of [v1, v3, v4]) assert.equal(isEventId(id, format), id === right, `${id} as ${format}`)
      assert.ok(isEventId(right))
    }
    for (const id of ['$', '$abc', 'abc:example.org', `$${'a'.repeat(255)}:b`, null, {}])
      assert.ok(!isEventId(id), JSON.stringify(id))
  })

  test('room aliases have a name and a server', () => {
    assert.deepEqual(parseRoomAlias('#café room:example.org'), { localpart: 'café room', serverName: 'example.org' })
    for (const alias of ['#:example.org', '#a', 'a:example.org', '#a\0:b', `#${'a'.repeat(250)}:b.cd`, null])
      assert.ok(!isRoomAlias(alias), String(alias))
  })
})

test('opaque and namespaced identifiers and media addresses follow their grammars', () => {
  for (const id of ['a', 'A-Z.a_z~9', 'x'.repeat(255)]) assert.ok(isOpaqueId(id), id)
  for (const id of ['', 'a b', 'a/b', 'é', 'x'.repeat(256), 1, 'a\n']) assert.ok(!isOpaqueId(id), String(id))
  for (const id of ['m.room', 'a', 'com.example-x_1']) assert.ok(isNamespacedId(id), id)
  for (const id of ['', '1a', 'A', 'a B', 'x'.repeat(256), null]) assert.ok(!isNamespacedId(id), String(id))
  assert.deepEqual(parseMxc('mxc://example.org:80/Ab_-9'), { serverName: 'example.org:80', mediaId: 'Ab_-9' })
  for (const uri of ['mxc://a', 'mxc://a/', 'mxc://a/b/c', 'mxc://a/..', 'https://a/b', 'mxc:///b', 'mxc://a b/c', 1])
    assert.equal(parseMxc(uri), undefined, String(uri))
})

test('no check fails on garbage', () => {
  const garbage = fc.oneof(
    fc.anything(),
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.constantFrom('@', '!', '#', '$', ':', 'a', '[', ']', '.', '1', '\0', '\ud800', '\n', '😀', '='),
      maxLength: 20,
    }),
  )
  fc.assert(
    fc.property(garbage, (value) => {
      for (const check of [
        isServerName,
        isUserId,
        isRoomId,
        isHashRoomId,
        isRoomAlias,
        isEventId,
        isOpaqueId,
        isNamespacedId,
        parseMxc,
      ])
        check(value)
      const parts = parseUserId(value)
      if (parts) assert.equal(`@${parts.localpart}:${parts.serverName}`, value)
      if (typeof value === 'string' && value.isWellFormed()) {
        assert.equal(isValidLocalpart(value, 'a.b') && !isUserId(`@${value}:a.b`), false)
      }
    }),
    { numRuns: 2000 },
  )
})
