import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { dropInProvider, type JwtConfig } from './drop-in.ts'

const block: JwtConfig = { enabled: true, secret: 'my-secret-token', algorithm: 'HS256' }

test('the block that operators paste works, with a warning about the short secret', () => {
  const { provider, findings } = dropInProvider(block)
  assert.deepEqual(
    findings.map((finding) => [finding.level, finding.key]),
    [['warning', 'jwt_config.secret']],
  )
  assert.equal(provider?.subjectClaim, 'sub')
  assert.equal(provider.leeway, 120)
})

test('a block that is absent or not enabled makes no provider and says nothing', () => {
  assert.deepEqual(dropInProvider(undefined), { provider: undefined, findings: [] })
  assert.deepEqual(dropInProvider({ ...block, enabled: false, algorithm: 'none' }), {
    provider: undefined,
    findings: [],
  })
})

test('everything that would make the block useless or dangerous is an error that says what to do', () => {
  const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' })
  for (const [change, pattern] of [
    [{ secret: undefined }, /No secret/],
    [{ secret: '' }, /empty/],
    [{ algorithm: undefined }, /No algorithm/],
    [{ algorithm: 'none' }, /no signature/],
    [{ algorithm: 'hs256' }, /not an algorithm/],
    [{ algorithm: 'RS255' }, /not an algorithm/],
    [{ algorithm: 'toString' }, /not an algorithm/],
    [{ secret: pem }, /under an HMAC algorithm/],
    [{ algorithm: 'RS256' }, /needs a public key/],
    [{ audiences: [] }, /empty/],
    [{ issuer: '' }, /empty/],
  ] as [Partial<JwtConfig>, RegExp][]) {
    const { provider, findings } = dropInProvider({ ...block, ...change })
    assert.equal(provider, undefined, JSON.stringify(change))
    const finding = findings.find((one) => one.level === 'error')
    assert.match(finding?.message ?? '', pattern)
    assert.ok(finding?.fix)
  }
})
