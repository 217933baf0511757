import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { AlgorithmName } from './algorithms.ts'
import { parseKeys } from './keys.ts'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const weakRsa = generateKeyPairSync('rsa', { modulusLength: 1024 })
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ed25519 = generateKeyPairSync('ed25519')
const pem = (key: typeof rsa.publicKey): string => key.export({ type: 'spki', format: 'pem' })
const jwk = (key: typeof rsa.publicKey, more: object = {}): Record<string, unknown> => ({
  ...key.export({ format: 'jwk' }),
  ...more,
})

/** What `latchkey` says of the material: `ok`, or the first word of each finding. */
const verdict = (material: string | Record<string, unknown>, algorithm: AlgorithmName, strict = false): string => {
  const { keys, findings } = parseKeys(material, [algorithm], 'jwt_config.secret', strict)
  return findings.length === 0 ? `ok ${keys.length}` : findings.map((finding) => finding.level).join(' ')
}

test('a secret of the length of its hash is taken without a word', () => {
  assert.equal(verdict(randomBytes(32).toString('base64'), 'HS256'), 'ok 1')
  assert.equal(verdict('äöüßéèêëàâçñøåæœ', 'HS256'), 'ok 1', 'bytes count, not characters')
})

test('a short secret is a warning in the drop-in block and an error for a native provider', () => {
  const {
    findings: [finding],
    keys,
  } = parseKeys('my-secret-token', ['HS256'], 'jwt_config.secret', false)
  assert.equal(finding?.level, 'warning')
  assert.match(finding.message, /15 bytes.*HS256 calls for 32/)
  assert.match(finding.fix ?? '', /openssl rand -hex 32/)
  assert.equal(keys.length, 1)
  assert.equal(verdict('my-secret-token', 'HS256', true), 'error')
  assert.equal(verdict('x'.repeat(63), 'HS512'), 'warning')
  assert.equal(verdict('', 'HS256'), 'error')
})

test('a secret that everybody can guess is refused or warned of, however long it is', () => {
  for (const known of ['change-me-to-at-least-32-random-characters', 'CHANGEME-CHANGEME-CHANGEME-CHANGEME']) {
    assert.equal(verdict(known, 'HS256', true), 'error')
    assert.equal(verdict(known, 'HS256'), 'warning')
  }
  for (const dull of ['x'.repeat(40), 'abab'.repeat(10), '1234567'.repeat(8)])
    assert.equal(verdict(dull, 'HS256', true), 'warning')
  const {
    findings: [finding],
  } = parseKeys('x'.repeat(40), ['HS256'], 'secret', true)
  assert.match(finding?.message ?? '', /1 different byte, over and over/)
})

test('a public key under an HMAC algorithm is refused, however it is written', () => {
  for (const material of [
    pem(rsa.publicKey),
    pem(p256.publicKey),
    pem(ed25519.publicKey),
    `\n  ${pem(rsa.publicKey)}\n`,
    pem(rsa.publicKey).replaceAll('\n', '\\n'),
    pem(rsa.publicKey).replaceAll('\n', ' '),
    pem(rsa.publicKey).split('\n').slice(1, -2).join(''),
    pem(p256.publicKey).split('\n').slice(1, -2).join('\n'),
    pem(ed25519.publicKey).split('\n').slice(1, -2).join('\n'),
    rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }),
    rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    jwk(rsa.publicKey),
    JSON.stringify(jwk(p256.publicKey)),
    JSON.stringify({ keys: [jwk(ed25519.publicKey)] }),
    'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ user@host',
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB user@host',
  ]) {
    assert.equal(verdict(material, 'HS256'), 'error', JSON.stringify(material).slice(0, 80))
  }
  const {
    findings: [finding],
  } = parseKeys(pem(rsa.publicKey), ['HS256'], 'jwt_config.secret', false)
  assert.match(finding?.message ?? '', /public key, under an HMAC algorithm/)
})

test('public keys are read as PEM, certificate body, JSON Web Key and Key Set', () => {
  for (const [material, algorithm] of [
    [pem(rsa.publicKey), 'RS256'],
    [pem(rsa.publicKey), 'PS512'],
    [pem(p256.publicKey), 'ES256'],
    [pem(ed25519.publicKey), 'EdDSA'],
    [pem(rsa.publicKey).replaceAll('\n', '\\n'), 'RS256'],
    [pem(rsa.publicKey).replaceAll('\n', ' '), 'RS256'],
    [pem(rsa.publicKey).split('\n').slice(1, -2).join(''), 'RS256'],
    [pem(ed25519.publicKey).split('\n').slice(1, -2).join(''), 'EdDSA'],
    [jwk(rsa.publicKey), 'RS256'],
    [JSON.stringify(jwk(p256.publicKey, { kid: 'a', use: 'sig', alg: 'ES256' })), 'ES256'],
    [{ keys: [jwk(rsa.publicKey, { kid: 'a' }), jwk(p256.publicKey, { kid: 'b' })] }, 'ES256'],
    [
      { keys: [jwk(rsa.publicKey, { kid: 'a' }), jwk(rsa.publicKey, { kid: 'b', use: 'enc', alg: 'RSA-OAEP' })] },
      'RS256',
    ],
    [{ kty: 'oct', k: randomBytes(32).toString('base64url') }, 'HS256'],
  ] as const) {
    assert.equal(verdict(material, algorithm), 'ok 1', `${algorithm} ${JSON.stringify(material).slice(0, 80)}`)
  }
})

test('a certificate counts for the key in it', () => {
  const certificate = `-----BEGIN CERTIFICATE-----
MIIBiTCCAS+gAwIBAgIUZblGtPbAtkJ1nRE4NZYxiHFFcqMwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOaXNzdWVyLmV4YW1wbGUwIBcNMjYxMTIxMjA0MTEwWhgPMjEy
NjEwMjgyMDQxMTBaMBkxFzAVBgNVBAMMDmlzc3Vlci5leGFtcGxlMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEe9eStFgql9liyX+gYyzeZpYjRKjL466S3pz++iyv
h14nJAdvwtP05poIl0LphArwX7zH8PTau9GnuskNrOpnrKNTMFEwHQYDVR0OBBYE
FNaJDfN9I3gUMXLv3M1SSJy0U4xDMB8GA1UdIwQYMBaAFNaJDfN9I3gUMXLv3M1S
SJy0U4xDMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgaA5YCFWM
28uEN6hMHHjNEUlTE/WmePp2OXYU/BeBKe0CIQCcyUVGf7Znu8adiXPJiTqDamZC
M3zlJycLRIrU0a7HJg==
-----END CERTIFICATE-----`
  assert.equal(verdict(certificate, 'ES256'), 'ok 1')
  assert.equal(verdict(`${certificate}\n${certificate}`, 'ES256'), 'ok 1', 'the first of a chain')
  assert.equal(verdict(certificate.split('\n').slice(1, -1).join(''), 'ES256'), 'ok 1', 'without its frame')
  assert.equal(verdict(certificate, 'HS256'), 'error')
  assert.equal(verdict(certificate.replace('MIIBiTCC', 'MIIBiTCD'), 'ES256'), 'error')
})

test('a key that does not belong to the algorithm is refused', () => {
  for (const [material, algorithm] of [
    [pem(rsa.publicKey), 'ES256'],
    [pem(p256.publicKey), 'RS256'],
    [pem(p256.publicKey), 'ES384'],
    [pem(ed25519.publicKey), 'ES256'],
    [randomBytes(32).toString('hex'), 'RS256'],
    [jwk(rsa.publicKey, { alg: 'RS512' }), 'RS256'],
    [jwk(rsa.publicKey, { use: 'enc' }), 'RS256'],
    [jwk(rsa.publicKey, { key_ops: ['encrypt'] }), 'RS256'],
    [jwk(rsa.publicKey, { kid: 7 }), 'RS256'],
    [{ kty: 'oct' }, 'HS256'],
    [{ kty: 'RSA', n: 'AQAB' }, 'RS256'],
    [{ keys: [] }, 'RS256'],
    [{ keys: ['x'] }, 'RS256'],
    [{ keys: 'x' }, 'RS256'],
    ['-----BEGIN PUBLIC KEY-----\nMIIB', 'RS256'],
    ['-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----', 'RS256'],
    [pem(weakRsa.publicKey), 'RS256'],
    [{ keys: [jwk(weakRsa.publicKey)] }, 'PS256'],
  ] as const) {
    assert.equal(verdict(material, algorithm), 'error', `${algorithm} ${JSON.stringify(material).slice(0, 80)}`)
  }
})

test('a private key works, with the advice to give the public half only', () => {
  assert.equal(verdict(rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }), 'RS256'), 'warning')
  assert.equal(verdict({ ...p256.privateKey.export({ format: 'jwk' }) }, 'ES256'), 'warning')
})

test('a set with a key of an unknown kind still serves by its other keys', () => {
  assert.equal(verdict({ keys: [{ kty: 'AKP', alg: 'ML-DSA-44', pub: 'x' }, jwk(rsa.publicKey)] }, 'RS256'), 'warning')
})

test('no finding and no description ever shows the key', () => {
  const secret = 'a-secret-that-is-short'
  const { keys, findings } = parseKeys(secret, ['HS256'], 'jwt_config.secret', false)
  assert.ok(!JSON.stringify([keys.map((key) => key.description), findings]).includes(secret))
})
