import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { OAuthError } from './error.ts'
import { parseScope } from './scope.ts'

const api = 'urn:matrix:client:api:*'
const device = 'urn:matrix:client:device:ABCDEFGHIJ'
const old = 'urn:matrix:org.matrix.msc2967.client'

test('full access on one device is what a scope must have', () => {
  assert.deepEqual(parseScope(`${api} ${device}`), { text: `${api} ${device}`, deviceId: 'ABCDEFGHIJ', openid: false })
  assert.deepEqual(parseScope(`openid ${old}:api:* ${old}:device:A:b/c email`), {
    text: `openid ${old}:api:* ${old}:device:A:b/c`,
    deviceId: 'A:b/c',
    openid: true,
  })
  assert.equal(parseScope(`${api} ${device} ${old}:api:* ${old}:device:ABCDEFGHIJ`).deviceId, 'ABCDEFGHIJ')
})

test('what is less, or more, is refused', () => {
  for (const text of [
    undefined,
    '',
    'openid',
    api,
    device,
    `${api} ${device} urn:matrix:client:device:OTHER`,
    `${api} ${device} ${old}:device:OTHER`,
    `${api} urn:matrix:client:device:`,
    `${api} urn:matrix:client:device:${'x'.repeat(513)}`,
    `${api} urn:matrix:client:device:a"b`,
    `${api} urn:matrix:client:device:a\\b`,
    `${api} urn:matrix:client:device:ä`,
    `${api}\n${device}`,
    `${api} ${device} ${'x '.repeat(1000)}`,
  ])
    assert.throws(
      () => parseScope(text),
      (error) => error instanceof OAuthError && error.code === 'invalid_scope',
      text,
    )
})

test('whatever is read is read again the same, and has one device', () => {
  const token = fc.oneof(
    fc.constantFrom(api, device, 'openid', `${old}:api:*`, 'email'),
    fc.string({ unit: 'grapheme-ascii', maxLength: 12 }).map((text) => `urn:matrix:client:device:${text}`),
    fc.string({ maxLength: 8 }),
  )
  fc.assert(
    fc.property(fc.array(token, { maxLength: 5 }), (tokens) => {
      try {
        const scope = parseScope(tokens.join(' '))
        assert.deepEqual(parseScope(scope.text), scope)
        assert.ok(scope.text.includes(scope.deviceId) && scope.deviceId !== '')
      } catch (error) {
        assert.ok(error instanceof OAuthError, String(error))
      }
    }),
  )
})
