import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { SignJWT, UnsecuredJWT } from 'jose'
import { algorithms, type AlgorithmName } from './algorithms.ts'
import { dropInProvider, type JwtConfig } from './drop-in.ts'
import type { JwtProvider } from './provider.ts'
import { verifyJwt } from './verify.ts'

const now = Date.UTC(2030, 0, 1)
const seconds = now / 1000
const secret = 'my-secret-token'
/** Made by PyJWT: --key=my-secret-token --alg=HS256 encode sub=test-user */
const pyJwt =
  'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0ZXN0LXVzZXIifQ.Ag71GT8v01UO3w80aqRPTeuVPBIBZkYhNTJJ-_-zQIc'

const provider = (config: Partial<JwtConfig> = {}): JwtProvider => {
  const made = dropInProvider({ enabled: true, secret, algorithm: 'HS256', ...config })
  assert.ok(made.provider, JSON.stringify(made.findings))
  return made.provider
}
const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const hmac = (input: string, key: string | KeyObject = secret, hash = 'sha256'): string =>
  createHmac(hash, key).update(input).digest('base64url')
/** A token with any header and payload, rightly signed with the secret. */
const token = (payload: unknown, header: unknown = { alg: 'HS256' }): string => {
  const input = `${part(header)}.${part(payload)}`
  return `${input}.${hmac(input)}`
}
/** `ok`, or the code of the refusal. */
const verdict = (value: unknown, config: Partial<JwtConfig> = {}): string => {
  const verified = verifyJwt(provider(config), value, now)
  return verified.ok ? 'ok' : verified.code
}

test('the token that PyJWT makes signs in its subject', () => {
  const verified = verifyJwt(provider(), pyJwt, now)
  assert.ok(verified.ok)
  assert.equal(verified.subject, 'test-user')
  assert.deepEqual(
    verified.steps.map((step) => step.rule),
    ['form', 'algorithm', 'extensions', 'key', 'signature', 'times', 'issuer', 'audience', 'subject'],
  )
})

test('every algorithm verifies what an independent library signed, and nothing else', async () => {
  const pairs: Record<string, { publicKey: KeyObject; privateKey: KeyObject }> = {
    rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    prime256v1: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    secp384r1: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    secp521r1: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
    okp: generateKeyPairSync('ed25519'),
  }
  for (const [name, algorithm] of Object.entries(algorithms)) {
    const pair =
      algorithm.kind === 'hmac' ? undefined : pairs[algorithm.kind === 'ec' ? algorithm.curve : algorithm.kind]
    const long = 'x'.repeat(64)
    const material = pair ? pair.publicKey.export({ type: 'spki', format: 'pem' }) : long
    const signed = await new SignJWT({ sub: 'alice' })
      .setProtectedHeader({ alg: name })
      .sign(pair ? pair.privateKey : Buffer.from(long))
    assert.equal(verdict(signed, { secret: material, algorithm: name }), 'ok', name)
    for (const other of Object.keys(algorithms) as AlgorithmName[]) {
      const mine = dropInProvider({ enabled: true, secret: material, algorithm: other }).provider
      if (mine && other !== name) assert.equal(verifyJwt(mine, signed, now).ok, false, `${name} under ${other}`)
    }
    const [header = '', , signature = ''] = signed.split('.')
    assert.equal(
      verdict(`${header}.${part({ sub: 'bob' })}.${signature}`, { secret: material, algorithm: name }),
      'signature_wrong',
      name,
    )
    assert.equal(
      verdict(signed.slice(0, signed.lastIndexOf('.') + 1), { secret: material, algorithm: name }),
      'signature_wrong',
      name,
    )
    assert.equal(verdict(`${signed}AAAA`, { secret: material, algorithm: name }), 'signature_wrong', name)
  }
})

test('a public key is never taken as an HMAC secret', () => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = publicKey.export({ type: 'spki', format: 'pem' })
  for (const key of [pem, pem.trim(), publicKey.export({ type: 'spki', format: 'der' }).toString('latin1')]) {
    for (const [alg, hash] of [
      ['HS256', 'sha256'],
      ['HS384', 'sha384'],
      ['HS512', 'sha512'],
    ] as const) {
      const input = `${part({ alg })}.${part({ sub: 'admin' })}`
      assert.equal(
        verdict(`${input}.${hmac(input, key, hash)}`, { secret: pem, algorithm: 'RS256' }),
        'alg_not_allowed',
      )
    }
  }
})

test('an unsigned token is refused, whatever it calls itself', () => {
  assert.equal(verdict(new UnsecuredJWT({ sub: 'alice' }).encode()), 'alg_none')
  for (const alg of ['none', 'None', 'NONE', 'nOnE'])
    assert.equal(verdict(`${part({ alg })}.${part({ sub: 'a' })}.`), 'alg_none')
  assert.equal(verdict(token({ sub: 'a' }, { typ: 'JWT' })), 'alg_missing')
  for (const alg of ['', 'HS384', 'hs256', 'RS256', 'dir', 'constructor', '__proto__', 7, null, ['HS256'], {}]) {
    assert.equal(verdict(token({ sub: 'a' }, { alg })), 'alg_not_allowed', JSON.stringify(alg))
  }
})

test('the token must be a string in the right form', () => {
  for (const value of [[], {}, 7, true, [pyJwt], { toString: () => pyJwt }])
    assert.equal(verdict(value), 'token_not_a_string')
  assert.equal(verdict(undefined), 'token_missing')
  assert.equal(verdict(null), 'token_missing')
  assert.equal(verdict(token({ sub: 'a', fill: 'x'.repeat(16_384) })), 'token_too_large')
  assert.equal(verdict('a.b.c.d.e'), 'token_encrypted')
  const [header = '', payload = '', signature = ''] = pyJwt.split('.')
  for (const value of [
    '',
    '.',
    '..',
    '...',
    'x',
    `${header}.${payload}`,
    `${pyJwt}.`,
    `${pyJwt}.x`,
    `.${pyJwt}`,
    ` ${pyJwt}`,
    `${pyJwt}\n`,
    `${pyJwt}=`,
    `${header}=.${payload}.${signature}`,
    `${header}.${payload.slice(0, -1)}.${signature}`,
    `${header} .${payload}.${signature}`,
    `${header}.${payload}.${signature.replace('-', '+')}`,
    `${header}.${payload}.${signature.slice(0, -1)}d`,
    `${header}.${part('[]')}.x`,
    `${header}.${part('"sub"')}.x`,
    `${header}.${part('null')}.x`,
    `${header}.${part('7')}.x`,
    `${header}.${part('{"sub":"a"')}.x`,
    `${part('[]')}.${payload}.${signature}`,
    `${part('')}.${payload}.${signature}`,
    `${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString('base64url')}.${payload}.${signature}`,
    `${part('\uFEFF{"alg":"HS256"}')}.${payload}.${signature}`,
    'a.'.repeat(8000),
  ]) {
    assert.equal(verdict(value), 'token_malformed', value.slice(0, 120))
  }
})

test('critical extensions are refused, and keys in the header are never looked at', () => {
  for (const crit of [['b64'], [], 'exp', null, ['exp']])
    assert.equal(verdict(token({ sub: 'a' }, { alg: 'HS256', crit })), 'crit_unknown')
  const evil = {
    alg: 'HS256',
    jwk: { kty: 'oct', k: part('evil') },
    jku: 'https://evil.example/jwks',
    x5u: 'https://evil.example/x',
    x5c: ['MII'],
  }
  assert.equal(verdict(token({ sub: 'a' }, evil)), 'ok', 'signed with our key, so they are of no account')
  const input = `${part(evil)}.${part({ sub: 'a' })}`
  assert.equal(verdict(`${input}.${hmac(input, 'evil')}`), 'signature_wrong')
})

test('a key id chooses among named keys, and an unknown one is refused', async () => {
  const [one, two] = [
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ]
  const keys = [
    { ...one.publicKey.export({ format: 'jwk' }), kid: 'one' },
    { ...two.publicKey.export({ format: 'jwk' }), kid: 'two' },
  ]
  const config = { secret: { keys }, algorithm: 'ES256' }
  const sign = (key: KeyObject, header: object): Promise<string> =>
    new SignJWT({ sub: 'a' }).setProtectedHeader({ alg: 'ES256', ...header }).sign(key)
  assert.equal(verdict(await sign(one.privateKey, { kid: 'one' }), config), 'ok')
  assert.equal(verdict(await sign(two.privateKey, { kid: 'two' }), config), 'ok')
  assert.equal(verdict(await sign(two.privateKey, {}), config), 'ok', 'without an id, every key is tried')
  assert.equal(verdict(await sign(one.privateKey, { kid: 'two' }), config), 'signature_wrong')
  assert.equal(verdict(await sign(one.privateKey, { kid: 'three' }), config), 'kid_unknown')
  assert.equal(verdict(token({ sub: 'a' }, { alg: 'HS256', kid: 'any' })), 'ok', 'a key without an id serves every id')
  for (const kid of [7, null, ['x'], {}, true])
    assert.equal(verdict(token({ sub: 'a' }, { alg: 'HS256', kid })), 'kid_unknown')
})

test('times are numbers, and clocks may differ by two minutes', () => {
  for (const claim of ['exp', 'nbf', 'iat']) {
    for (const value of [true, false, null, '1900000000', [], {}, [1]]) {
      assert.equal(verdict(token({ sub: 'a', [claim]: value })), 'claim_malformed', `${claim} ${JSON.stringify(value)}`)
    }
    assert.equal(verdict(token(`{"sub":"a","${claim}":1e999}`)), 'claim_malformed')
  }
  for (const [claims, expected] of [
    [{ exp: seconds + 1 }, 'ok'],
    [{ exp: seconds - 119 }, 'ok'],
    [{ exp: seconds - 120 }, 'expired'],
    [{ exp: 0 }, 'expired'],
    [{ exp: -1e300 }, 'claim_malformed'],
    [{ exp: 253_402_300_799 }, 'ok'],
    [{ exp: 253_402_300_800 }, 'claim_malformed'],
    [{ nbf: seconds + 120 }, 'ok'],
    [{ nbf: seconds + 121 }, 'not_yet_valid'],
    [{ nbf: 1e300 }, 'claim_malformed'],
    [{ iat: seconds + 120 }, 'ok'],
    [{ iat: seconds + 121 }, 'issued_in_the_future'],
    [{ iat: 0 }, 'ok'],
    [{ exp: seconds + 0.5 }, 'ok'],
  ] as const)
    assert.equal(verdict(token({ sub: 'a', ...claims })), expected, JSON.stringify(claims))
})

test('a time in another unit is refused by a sentence that names it', () => {
  for (const claim of ['exp', 'nbf', 'iat', 'auth_time'])
    for (const [factor, unit] of [
      [1e3, 'milliseconds'],
      [1e6, 'microseconds'],
      [1e9, 'nanoseconds'],
    ] as const)
      for (const offset of [-1e6, 0, 1e6]) {
        const value = (seconds + offset) * factor
        const outcome = verifyJwt(provider(), token({ sub: 'a', [claim]: value }), now)
        assert.ok(!outcome.ok)
        assert.equal(outcome.code, 'claim_malformed')
        assert.equal(
          outcome.reason,
          `The claim "${claim}" must be a number of seconds since 1970, and ${JSON.stringify(value)} looks like ${unit}`,
        )
      }
  const [whole] = [verifyJwt(provider(), token({ sub: 'a', exp: seconds + 0.123_456_7 }), now)]
  assert.ok(whole.ok && Number.isInteger(whole.expires), 'columns of times are integers')
})

test('the issuer must be exactly the configured one', () => {
  const config = { issuer: 'https://id.example/' }
  assert.equal(verdict(token({ sub: 'a', iss: 'https://id.example/' }), config), 'ok')
  assert.equal(verdict(token({ sub: 'a' }), config), 'issuer_missing')
  for (const iss of ['https://id.example', 'HTTPS://id.example/', '', null, 7, ['https://id.example/']]) {
    assert.equal(verdict(token({ sub: 'a', iss }), config), 'issuer_wrong', JSON.stringify(iss))
  }
  assert.equal(verdict(token({ sub: 'a', iss: 'anything' })), 'ok', 'ignored when none is configured')
})

test('the audience must name this server, and is refused when none is configured', () => {
  const config = { audiences: ['chat', 'matrix'] }
  for (const aud of ['chat', 'matrix', ['other', 'chat']]) assert.equal(verdict(token({ sub: 'a', aud }), config), 'ok')
  for (const aud of ['other', [], '', 'chat ', ['ch', 'at']])
    assert.equal(verdict(token({ sub: 'a', aud }), config), 'audience_wrong')
  for (const aud of [7, null, [7], ['chat', 7], {}])
    assert.equal(verdict(token({ sub: 'a', aud }), config), 'claim_malformed')
  assert.equal(verdict(token({ sub: 'a' }), config), 'audience_missing')
  for (const aud of ['chat', [], null]) assert.equal(verdict(token({ sub: 'a', aud })), 'audience_unexpected')
})

test('the subject is the configured claim, and text', () => {
  assert.equal(verdict(token({})), 'subject_missing')
  assert.equal(verdict(token({ sub: null })), 'subject_missing')
  for (const sub of [7, true, [], ['a'], {}]) assert.equal(verdict(token({ sub })), 'subject_malformed')
  assert.equal(verdict(token({ sub: 'a' }), { subject_claim: 'username' }), 'subject_missing')
  assert.equal(verdict(token({ username: 'a' }), { subject_claim: 'username' }), 'ok')
  assert.equal(
    verdict(token({ sub: 'a' }), { subject_claim: 'constructor' }),
    'subject_missing',
    'nothing is inherited',
  )
  assert.equal(verdict(token('{"__proto__":{"sub":"a"}}')), 'subject_missing')
})

test('no change to a token verifies, and none throws', () => {
  const good = token({ sub: 'alice', exp: seconds + 60, iss: 'x' }, { alg: 'HS256', typ: 'JWT' })
  const mine = provider()
  fc.assert(
    fc.property(
      fc.nat(good.length - 1),
      fc.nat(3),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 4 }),
      (at, cut, put) => {
        const changed = good.slice(0, at) + put + good.slice(at + cut)
        fc.pre(changed !== good)
        assert.equal(verifyJwt(mine, changed, now).ok, false, changed)
      },
    ),
    { numRuns: 3000 },
  )
})

test('no value whatever throws, and none but a signed token verifies', () => {
  const mine = provider()
  const header = fc.oneof(
    fc.json(),
    fc.record({ alg: fc.constantFrom('HS256', 'none', 'RS256') }, { requiredKeys: [] }).map((x) => JSON.stringify(x)),
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.anything(),
        fc.tuple(header, fc.json(), fc.string()).map(([h, p, s]) => `${part(h)}.${part(p)}.${part(s)}`),
      ),
      (value) => {
        assert.equal(verifyJwt(mine, value, now).ok, false)
      },
    ),
    { numRuns: 2000 },
  )
})

test('a rightly signed token with any claims is answered with a verdict', () => {
  const claim = fc.oneof(fc.jsonValue(), fc.double(), fc.integer())
  fc.assert(
    fc.property(
      fc.record({ sub: fc.string(), exp: claim, nbf: claim, iat: claim, aud: claim, iss: claim }, { requiredKeys: [] }),
      (claims) => {
        assert.equal(typeof verifyJwt(provider({ audiences: ['chat'] }), token(claims), now).ok, 'boolean')
      },
    ),
    { numRuns: 500 },
  )
})

test('nothing of a refusal shows the secret or more than a piece of the token', () => {
  const long = 'x'.repeat(5000)
  const verified = verifyJwt(provider({ issuer: 'me' }), token({ sub: 'a', iss: long }), now)
  assert.ok(!verified.ok && verified.reason.length < 200)
  assert.ok(!JSON.stringify(verified).includes(secret))
})
