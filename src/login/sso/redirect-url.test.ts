import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isTrusted, originOf, parseRedirect, withLoginToken } from './redirect-url.ts'

const at = (text: string): URL => parseRedirect(text) ?? assert.fail(text)

test('what a browser would run, read or misread is no target', () => {
  for (const text of [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    ' javascript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://a/b',
    'about:blank',
    'https://app.example.org@evil.test/',
    'https://a:b@evil.test',
    '/relative',
    '//evil.test',
    '',
    'x',
    `https://a/${'x'.repeat(2000)}`,
    7,
    undefined,
    ['https://a/'],
  ])
    assert.equal(parseRedirect(text), undefined, String(text))
})

test('sites and apps are targets', () => {
  for (const text of [
    'https://app.example.org/#/x',
    'http://localhost:8080/?a=b',
    'element://vector/webapp/',
    'io.element.desktop:/vector/webapp/?x=1',
    'im.fluffychat://login',
  ]) {
    assert.ok(parseRedirect(text), text)
  }
})

test('targets are compared by origin, not by prefix', () => {
  const trusted = ['https://app.example.org/path', 'element:']
  for (const text of [
    'https://app.example.org',
    'https://app.example.org/other',
    'https://APP.example.org:443/',
    'element://vector/',
  ])
    assert.ok(isTrusted(at(text), trusted), text)
  for (const text of [
    'https://app.example.org.evil.test',
    'http://app.example.org',
    'https://app.example.org:8443',
    'https://evil.test/https://app.example.org',
    'elements://vector/',
    'https://example.org',
    'https://sub.app.example.org',
  ])
    assert.ok(!isTrusted(at(text), trusted), text)
})

test('the token goes into the query, beside what is there and in front of the fragment', () => {
  assert.equal(
    withLoginToken(at('https://a.test/x?b=%20c&d#/room'), 'lkl_1'),
    'https://a.test/x?b=%20c&d&loginToken=lkl_1#/room',
  )
  assert.equal(withLoginToken(at('element://vector/webapp/'), 'lkl_1'), 'element://vector/webapp/?loginToken=lkl_1')
  assert.equal(
    withLoginToken(at('https://a.test/?loginToken=evil&login%54oken=evil&x=1'), 'lkl_1'),
    'https://a.test/?x=1&loginToken=lkl_1',
  )
})

test('the token never moves the origin, and is read back as it is', () => {
  fc.assert(
    fc.property(
      fc.webUrl({ withQueryParameters: true, withFragments: true }),
      fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/),
      (text, token) => {
        const before = at(text)
        const after = new URL(withLoginToken(before, token))
        assert.equal(originOf(after), originOf(before))
        assert.deepEqual(after.searchParams.getAll('loginToken'), [token])
        assert.equal(after.hash, before.hash)
      },
    ),
  )
})
