import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readHeader, writeHeader } from './header.ts'

const full = { origin: 'a.org', destination: 'b.org:8448', keyId: 'ed25519:1', signature: 'ab+/cd==' }

test('a header is read with and without quotes, in any order and case, with and without a destination', () => {
  for (const header of [
    'X-Matrix origin="a.org",destination="b.org:8448",key="ed25519:1",sig="ab+/cd=="',
    'x-matrix  sig=ab+/cd==, KEY=ed25519:1 ,destination = b.org:8448, Origin="a.org"',
    'X-Matrix origin=a.org,destination="b.org:8448",key="ed25519:1",sig="ab+/cd==",extra="a \\" b, c"',
    'X-Matrix origin="a\\.org",destination="b.org:8448",key="ed25519:1",sig="ab+/cd=="',
    writeHeader(full),
  ])
    assert.deepEqual(readHeader(header), full, header)
  assert.deepEqual(readHeader('X-Matrix origin=a.org,key="ed25519:1",sig="x"'), {
    origin: 'a.org',
    destination: undefined,
    keyId: 'ed25519:1',
    signature: 'x',
  })
})

test('a header that makes no sense is none', () => {
  for (const header of [
    '',
    'X-Matrix',
    'Bearer abc',
    'X-Matrix origin="a.org",key="ed25519:1"',
    'X-Matrix origin="a.org",key="ed25519:1",sig="x',
    'X-Matrix origin="a.org",origin="b.org",key="ed25519:1",sig="x"',
    'X-Matrix origin="a b",key="ed25519:1",sig="x"',
    'X-Matrix origin="a.org",key="rsa:1",sig="x"',
    'X-Matrix origin="a.org",destination="//",key="ed25519:1",sig="x"',
    'X-Matrix origin="a.org" key="ed25519:1" sig="x"',
    `X-Matrix origin="a.org",key="ed25519:1",sig="${'x'.repeat(3000)}"`,
  ])
    assert.equal(readHeader(header), undefined, header)
})

test('no header makes the reader throw or loop', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      readHeader(`X-Matrix ${text}`)
    }),
  )
})
