import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from './json.ts'
import {
  loadPublicKey,
  readSigningKey,
  signingKey,
  signingKeyIds,
  signJson,
  signText,
  unpaddedBase64,
  verifyJson,
  verifyText,
  writeSigningKey,
} from './signing.ts'

/** The key of the specification's test vectors. */
const key = signingKey('1', 'YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1')

test("the specification's JSON signing vectors", () => {
  assert.deepEqual(signJson({}, 'domain', key), {
    signatures: {
      domain: { 'ed25519:1': 'K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ' },
    },
  })
  assert.deepEqual(signJson({ one: 1, two: 'Two' }, 'domain', key), {
    one: 1,
    signatures: {
      domain: { 'ed25519:1': 'KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw' },
    },
    two: 'Two',
  })
})

test('base64 is unpadded as in the specification', () => {
  const examples = { '': '', f: 'Zg', fo: 'Zm8', foo: 'Zm9v', foob: 'Zm9vYg', fooba: 'Zm9vYmE', foobar: 'Zm9vYmFy' }
  for (const [text, base64] of Object.entries(examples)) assert.equal(unpaddedBase64(Buffer.from(text)), base64)
})

test('a signature covers neither unsigned nor other signatures, and stands beside them', () => {
  const other = signingKey('b', new Uint8Array(32).fill(7))
  const once = signJson({ a: 1, unsigned: { age: 1 } }, 'one.org', key)
  const twice = signJson(once, 'two.org', other)
  assert.ok(verifyJson({ ...twice, unsigned: { age: 2 } }, 'one.org', key.id, key.publicKey))
  assert.ok(verifyJson(twice, 'two.org', other.id, other.publicKey))
  assert.deepEqual(once.unsigned, { age: 1 })
  assert.deepEqual(signingKeyIds(twice, 'two.org'), ['ed25519:b'])
})

test('a signature fails for another object, entity, key id or key', () => {
  const other = signingKey('1', new Uint8Array(32))
  const signed = signJson({ a: 1 }, 'one.org', key)
  assert.ok(verifyJson(signed, 'one.org', key.id, key.publicKey))
  assert.ok(!verifyJson({ ...signed, a: 2 }, 'one.org', key.id, key.publicKey))
  assert.ok(!verifyJson(signed, 'two.org', key.id, key.publicKey))
  assert.ok(!verifyJson(signed, 'one.org', 'ed25519:2', key.publicKey))
  assert.ok(!verifyJson(signed, 'one.org', key.id, other.publicKey))
})

test('malformed signatures and keys are wrong, not errors', () => {
  for (const signatures of [
    null,
    1,
    'x',
    [],
    {},
    { d: null },
    { d: [] },
    { d: { 'ed25519:1': 5 } },
    { d: { 'ed25519:1': '' } },
    { d: { 'ed25519:1': 'AAAA' } },
  ]) {
    assert.ok(!verifyJson({ signatures }, 'd', 'ed25519:1', key.publicKey))
    signingKeyIds({ signatures }, 'd')
  }
  assert.ok(!verifyJson({}, 'constructor', 'name', key.publicKey))
  fc.assert(
    fc.property(fc.string(), fc.anything(), (publicKey, signature) => {
      assert.ok(!verifyText('text', signature, publicKey))
    }),
  )
})

test('an entity called __proto__ signs like any other, and no prototype is touched', () => {
  const signed: JsonObject = signJson({ a: 1 }, '__proto__', key)
  assert.ok(verifyJson(signed, '__proto__', key.id, key.publicKey))
  assert.equal(({} as Record<string, unknown>)[key.id], undefined)
})

test('a key survives its file, and a loaded public key verifies', () => {
  const again = readSigningKey(`${writeSigningKey(key)}\n`)
  assert.deepEqual([again.id, again.publicKey, again.seed], [key.id, key.publicKey, key.seed])
  const loaded = loadPublicKey(key.publicKey)
  assert.ok(loaded && verifyText('hé', signText('hé', key), loaded))
})

test('malformed keys are refused with a sentence', () => {
  for (const line of [
    '',
    'ed25519 1',
    'rsa 1 YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1',
    'ed25519 1 AAAA',
    `ed25519 a:b ${key.seed}`,
    `${writeSigningKey(key)} x`,
  ]) {
    assert.throws(() => readSigningKey(line), TypeError, line)
  }
  assert.equal(loadPublicKey('AAAA'), undefined)
})
