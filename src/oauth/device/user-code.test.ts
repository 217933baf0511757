import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { makeUserCode, shownCode, typedCode } from './user-code.ts'

test('a code is found again however it was typed', () => {
  for (let at = 0; at < 200; at++) {
    const code = makeUserCode(randomBytes)
    assert.match(shownCode(code), /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
    for (const typed of [code, shownCode(code), shownCode(code).toLowerCase(), ` ${code.split('').join(' ')} `])
      assert.equal(typedCode(typed), code)
  }
})

test('what is no code is none', () => {
  for (const text of [null, undefined, '', 'BCDF', 'BCDFGHJKL', 'BCDFGHJA', 'x'.repeat(1e6)])
    assert.equal(typedCode(text), undefined)
})

test('bytes that would favour some letters are passed over', () => {
  const bytes = [Uint8Array.from({ length: 16 }, () => 255), Uint8Array.from({ length: 16 }, (_, at) => at)]
  assert.equal(
    makeUserCode(() => bytes.shift() ?? assert.fail('no more')),
    'BCDFGHJK',
  )
})
