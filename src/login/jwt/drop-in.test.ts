import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { dropInProvider, type JwtConfig } from './drop-in.ts'
import { explainToken } from './explain.ts'

const block: JwtConfig = { enabled: true, secret: 'my-secret-token', algorithm: 'HS256' }
const pyJwt = 'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0ZXN0LXVzZXIifQ.Ag71GT8v01UO3w80aqRPTeuVPBIBZkYhNTJJ-_-zQIc'

test('the block that operators paste works, with a warning about the short secret', () => {
  const { provider, findings } = dropInProvider(block)
  assert.deepEqual(findings.map((finding) => [finding.level, finding.key]), [['warning', 'jwt_config.secret']])
  assert.equal(provider?.subjectClaim, 'sub')
  assert.equal(provider.leeway, 120)
})

test('a block that is absent or not enabled makes no provider and says nothing', () => {
  assert.deepEqual(dropInProvider(undefined), { provider: undefined, findings: [] })
  assert.deepEqual(dropInProvider({ ...block, enabled: false, algorithm: 'none' }), { provider: undefined, findings: [] })
})

test('everything that would make the block useless or dangerous is an error that says what to do', () => {
  const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' })
  for (const [change, pattern] of [
    [{ secret: undefined }, /No secret/], [{ secret: '' }, /empty/], [{ algorithm: undefined }, /No algorithm/],
    [{ algorithm: 'none' }, /no signature/], [{ algorithm: 'hs256' }, /not an algorithm/], [{ algorithm: 'RS255' }, /not an algorithm/],
    [{ algorithm: 'toString' }, /not an algorithm/], [{ secret: pem }, /under an HMAC algorithm/], [{ algorithm: 'RS256' }, /needs a public key/],
    [{ audiences: [] }, /empty/], [{ issuer: '' }, /empty/],
  ] as [Partial<JwtConfig>, RegExp][]) {
    const { provider, findings } = dropInProvider({ ...block, ...change })
    assert.equal(provider, undefined, JSON.stringify(change))
    const finding = findings.find((one) => one.level === 'error')
    assert.match(finding?.message ?? '', pattern)
    assert.ok(finding?.fix)
  }
})

test('explaining a token names the key, the user, and of a refused one the problem and the way out', () => {
  const { provider } = dropInProvider(block)
  assert.ok(provider)
  const nameOf = (subject: string): { userId: string } => ({ userId: `@${subject}:example.org` })
  const good = explainToken([provider], pyJwt, 0, nameOf)
  assert.deepEqual([good?.accepted, good?.user, good?.key], [true, '@test-user:example.org', 'HMAC secret of 15 bytes'])
  const bad = explainToken([provider], pyJwt.replace('Ag71', 'Bg71'), 0, nameOf)
  assert.deepEqual([bad?.accepted, bad?.code, bad?.steps.at(-1)?.rule], [false, 'signature_wrong', 'signature'])
  assert.match(bad?.fix ?? '', /another key/)
  assert.deepEqual(bad?.claims, { sub: 'test-user' })
  const unfit = explainToken([provider], pyJwt, 0, () => ({ problem: 'It starts with an underscore' }))
  assert.deepEqual([unfit?.accepted, unfit?.code, unfit?.problem], [false, 'name_unusable', 'It starts with an underscore'])
  assert.equal(explainToken([], pyJwt, 0, nameOf), undefined)
})
