// Attacks on tokens that are known from other implementations, as RFC 8725 and the list of faults of homeservers name them.
import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, type KeyObject, sign as signBytes } from 'node:crypto'
import { test } from 'node:test'
import { SignJWT } from 'jose'
import { type ConfigInput, defaultConfig } from '../../config/index.ts'
import { createOutgoing } from '../../http/index.ts'
import { type Keyring, openKeyring } from './keyring.ts'
import { jwtProviders } from './providers.ts'
import { providerChecks } from '../kinds.ts'

const now = Date.UTC(2030, 0, 1)
const seconds = now / 1000
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ed = generateKeyPairSync('ed25519')
const evil = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwk = (key: KeyObject, more: object = {}) => ({ ...key.export({ format: 'jwk' }), ...more })
const set = JSON.stringify({
  keys: [
    jwk(rsa.publicKey, { kid: 'rsa', alg: 'RS256' }),
    jwk(ec.publicKey, { kid: 'ec' }),
    jwk(ed.publicKey, { kid: 'ed' }),
  ],
})
const secret = 's'.repeat(32)

const config: ConfigInput = {
  identity_providers: [
    {
      id: 'public',
      type: 'jwt',
      jwks: set,
      algorithms: ['RS256', 'ES256', 'EdDSA'],
      issuer: 'https://p.example',
      audiences: ['chat'],
    },
    {
      id: 'secret',
      type: 'jwt',
      secret: [secret],
      algorithms: ['HS256'],
      issuer: 'https://s.example',
      audiences: ['chat'],
    },
    {
      id: 'strict',
      type: 'jwt',
      public_key: [ed.publicKey.export({ type: 'spki', format: 'pem' })],
      algorithms: ['EdDSA'],
      issuer: 'https://t.example',
      audiences: ['chat'],
      token_types: ['at+jwt'],
      authorized_parties: ['app'],
      max_age: '5m',
    },
  ],
}
const ring = async (input: ConfigInput = config): Promise<Keyring> => {
  await using outgoing = createOutgoing()
  const { providers, findings } = jwtProviders(defaultConfig(input))
  assert.deepEqual(
    findings.filter(({ level }) => level === 'error'),
    [],
  )
  return openKeyring(
    {
      outgoing,
      now: () => now,
      logger: { info: () => {}, warn: () => {} },
      kept: new Map(),
      keep: () => Promise.resolve(),
    },
    providers,
  )
}
const verdict = async (token: string, input?: ConfigInput): Promise<string> => {
  const verified = await (await ring(input)).verify(token)
  return verified?.ok ? `${verified.provider} ${verified.subject}` : String(verified?.code)
}

const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const good = { iss: 'https://p.example', aud: 'chat', sub: 'admin', iat: seconds, exp: seconds + 60 }
const hmac = (header: unknown, claims: unknown, key: string | Buffer, hash = 'sha256'): string => {
  const signed = `${part(header)}.${part(claims)}`
  return `${signed}.${createHmac(hash, key).update(signed).digest('base64url')}`
}
const raw = (header: unknown, claims: unknown, make: (signed: Buffer) => Buffer): string => {
  const signed = `${part(header)}.${part(claims)}`
  return `${signed}.${make(Buffer.from(signed)).toString('base64url')}`
}
const by = (key: KeyObject, header: Record<string, unknown>, claims: object = good): Promise<string> =>
  new SignJWT({ ...claims }).setProtectedHeader({ alg: 'RS256', ...header }).sign(key)

test('what is rightly signed is accepted, so that the rest of this page means something', async () => {
  assert.equal(await verdict(await by(rsa.privateKey, { kid: 'rsa' })), 'public admin')
  assert.equal(await verdict(await by(ec.privateKey, { alg: 'ES256', kid: 'ec' })), 'public admin')
  assert.equal(await verdict(await by(ed.privateKey, { alg: 'EdDSA', kid: 'ed' })), 'public admin')
  assert.equal(await verdict(hmac({ alg: 'HS256' }, { ...good, iss: 'https://s.example' }, secret)), 'secret admin')
})

test('a public key is no secret: whatever form of it a token is signed with as HMAC', async () => {
  const forms: (string | Buffer)[] = [
    rsa.publicKey.export({ type: 'spki', format: 'pem' }),
    rsa.publicKey.export({ type: 'spki', format: 'der' }),
    rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }),
    JSON.stringify(jwk(rsa.publicKey)),
    set,
    String(jwk(rsa.publicKey).n),
    Buffer.from(String(jwk(rsa.publicKey).n), 'base64url'),
    Buffer.from(String(jwk(ed.publicKey).x), 'base64url'),
    '',
  ]
  for (const key of forms) {
    for (const kid of ['rsa', 'ed', undefined])
      assert.equal(
        await verdict(hmac({ alg: 'HS256', ...(kid !== undefined && { kid }) }, good, key)),
        'alg_not_allowed',
      )
  }
})

test('an algorithm goes with its own kind of key only', async () => {
  assert.equal(await verdict(await by(rsa.privateKey, { alg: 'PS256', kid: 'rsa' })), 'alg_not_allowed')
  assert.equal(
    await verdict(raw({ alg: 'ES256', kid: 'rsa' }, good, (data) => signBytes('sha256', data, rsa.privateKey))),
    'key_unsuitable',
  )
  assert.equal(
    await verdict(raw({ alg: 'RS256', kid: 'ec' }, good, (data) => signBytes('sha256', data, ec.privateKey))),
    'key_unsuitable',
  )
  assert.equal(
    await verdict(raw({ alg: 'EdDSA', kid: 'ec' }, good, (data) => signBytes(null, data, ed.privateKey))),
    'key_unsuitable',
  )
  for (const alg of ['none', 'None', 'HS256', 'RS512', 'ES256K', 'RSA-OAEP', 'dir', 'A128KW', '']) {
    assert.match(await verdict(`${part({ alg })}.${part(good)}.`), /^alg_/)
  }
})

test('signatures of zeros, in another encoding, cut or made long, are none', async () => {
  const es = { alg: 'ES256', kid: 'ec' }
  assert.equal(await verdict(raw(es, good, () => Buffer.alloc(64))), 'signature_wrong')
  assert.equal(await verdict(raw(es, good, () => Buffer.alloc(0))), 'signature_wrong')
  assert.equal(
    await verdict(raw(es, good, (data) => signBytes('sha256', data, ec.privateKey))),
    'signature_wrong',
    'DER',
  )
  const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
  assert.equal(await verdict(raw(es, good, () => Buffer.concat([order, order]))), 'signature_wrong')
  assert.equal(await verdict(raw({ alg: 'EdDSA', kid: 'ed' }, good, () => Buffer.alloc(64))), 'signature_wrong')
  for (const size of [0, 1, 255, 257])
    assert.equal(await verdict(raw({ alg: 'RS256', kid: 'rsa' }, good, () => Buffer.alloc(size, 1))), 'signature_wrong')
})

test('keys that a token brings along, or points to, are never looked at', async () => {
  const certificate = 'MIIBszCCAVmgAwIBAgIUe30='
  for (const header of [
    { jwk: jwk(evil.publicKey) },
    { jku: 'https://evil.example/keys' },
    { x5u: 'https://evil.example/cert' },
    { x5c: [certificate] },
    { jwk: jwk(evil.publicKey), kid: 'rsa' },
    { kid: 'rsa', jku: 'http://127.0.0.1/keys', x5c: [certificate], x5t: 'AAAA' },
  ])
    assert.match(await verdict(await by(evil.privateKey, header)), /^signature_wrong$/, JSON.stringify(header))
})

test('a key id is a name and nothing else', async () => {
  for (const kid of [
    '../../../../dev/null',
    '/dev/null',
    "x' UNION SELECT 'key",
    '__proto__',
    'constructor',
    'toString',
    'file:///etc/passwd',
    'https://evil.example',
    '\0',
    '',
    'RSA',
  ]) {
    assert.equal(await verdict(await by(evil.privateKey, { kid })), 'kid_unknown', kid)
  }
})

test("no issuer's key is good for another issuer", async () => {
  assert.equal(
    await verdict(await by(rsa.privateKey, { kid: 'rsa' }, { ...good, iss: 'https://s.example' })),
    'alg_not_allowed',
  )
  assert.equal(await verdict(hmac({ alg: 'HS256' }, good, secret)), 'alg_not_allowed')
  assert.equal(
    await verdict(await by(ed.privateKey, { alg: 'EdDSA', typ: 'at+jwt' }, { ...good, iss: 'https://p.example/' })),
    'issuer_wrong',
  )
  for (const iss of [
    'https://p.example/',
    'https://P.example',
    ' https://p.example',
    'https://p.example\0',
    ['https://p.example'],
    { a: 1 },
    null,
  ]) {
    assert.match(
      await verdict(await by(rsa.privateKey, { kid: 'rsa' }, { ...good, iss })),
      /^issuer_wrong$/,
      JSON.stringify(iss),
    )
  }
})

test('a token that was made for something else is not taken', async () => {
  const mine = { ...good, iss: 'https://t.example', azp: 'app' }
  const strict = (header: Record<string, unknown>, change: object = {}): Promise<string> =>
    by(ed.privateKey, { alg: 'EdDSA', ...header }, { ...mine, ...change }).then((token) => verdict(token))
  assert.equal(await strict({ typ: 'at+jwt' }), 'strict admin')
  assert.equal(await strict({ typ: 'application/AT+JWT' }), 'strict admin')
  for (const typ of [
    'JWT',
    'logout+jwt',
    'secevent+jwt',
    'dpop+jwt',
    '',
    undefined,
    'at+jwt ',
    ['at+jwt'] as unknown as string,
  ])
    assert.equal(await strict(typ === undefined ? {} : { typ }), 'type_wrong', String(typ))
  for (const [change, code] of [
    [{ aud: 'other' }, 'audience_wrong'],
    [{ aud: undefined }, 'audience_missing'],
    [{ azp: 'other' }, 'party_wrong'],
    [{ azp: undefined }, 'party_missing'],
    [{ azp: ['app'] }, 'party_wrong'],
    [{ azp: undefined, client_id: 'other' }, 'party_wrong'],
    [{ iat: undefined }, 'issued_missing'],
    [{ iat: seconds - 361 }, 'too_old'],
    [{ iat: seconds + 61 }, 'issued_in_the_future'],
    [{ nbf: seconds + 61 }, 'not_yet_valid'],
    [{ exp: seconds - 60 }, 'expired'],
    [{ exp: undefined }, 'expiry_missing'],
    [{ exp: `${seconds + 60}` }, 'claim_malformed'],
    [{ exp: true }, 'claim_malformed'],
    [{ sub: undefined }, 'subject_missing'],
    [{ sub: ['admin'] }, 'subject_malformed'],
  ] as const)
    assert.equal(await strict({ typ: 'at+jwt' }, change), code, JSON.stringify(change))
  assert.equal(await strict({ typ: 'at+jwt' }, { azp: undefined, client_id: 'app' }), 'strict admin')
})

test('extensions, encryption and compression are refused', async () => {
  assert.equal(
    await verdict(
      raw({ alg: 'RS256', kid: 'rsa', crit: ['b64'], b64: false }, good, (data) =>
        signBytes('sha256', data, rsa.privateKey),
      ),
    ),
    'crit_unknown',
  )
  assert.equal(
    await verdict(
      raw({ alg: 'RS256', kid: 'rsa', crit: ['exp'] }, good, (data) => signBytes('sha256', data, rsa.privateKey)),
    ),
    'crit_unknown',
  )
  assert.equal(await verdict('a.b.c.d.e'), 'token_encrypted')
  assert.equal(await verdict(`${part({ alg: 'RSA-OAEP', enc: 'A256GCM', zip: 'DEF' })}.x.x.x.x`), 'token_encrypted')
})

test('where a name stands twice the last one counts, for the choice of the provider as for its check', async () => {
  const twice = `{"iss":"https://p.example","iss":"https://s.example","aud":"chat","sub":"admin","exp":${seconds + 60}}`
  assert.equal(
    await verdict(raw({ alg: 'RS256', kid: 'rsa' }, twice, (data) => signBytes('sha256', data, rsa.privateKey))),
    'alg_not_allowed',
  )
  assert.equal(await verdict(hmac({ alg: 'HS256' }, twice, secret)), 'secret admin')
  assert.equal(await verdict(hmac('{"alg":"none","alg":"HS256"}', twice, secret)), 'secret admin')
  assert.equal(await verdict(hmac('{"alg":"HS256","alg":"none"}', twice, secret)), 'alg_none')
})

test('claims of the prototype are none', async () => {
  const proto = `{"iss":"https://s.example","aud":"chat","exp":${seconds + 60},"__proto__":{"sub":"admin"}}`
  assert.equal(await verdict(hmac({ alg: 'HS256' }, proto, secret)), 'subject_missing')
})

test('keys that are weak or confused keep the server from starting, with the reason', () => {
  const entry = { id: 'x', type: 'jwt', issuer: 'https://x.example', audiences: ['chat'] } as const
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'pem' })
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' })
  for (const [more, pattern] of [
    [{ secret: ['short'] }, /5 bytes/],
    [{ secret: [secret], algorithms: ['HS512'] }, /32 bytes, and HS512 calls for 64/],
    [{ secret: [pem], algorithms: ['HS256'] }, /under an HMAC algorithm/],
    [{ secret: [secret], algorithms: ['RS256'] }, /needs a public key/],
    [{ public_key: [weak] }, /1024 bits/],
    [{ public_key: [pem], algorithms: ['ES256'] }, /.+/],
    [{ jwks: '{"keys":[]}' }, /no key for signatures/],
    [
      { jwks_uri: 'https://x.example/keys', algorithms: ['HS256', 'RS256'] },
      /No key is for HS256.*|a secret is never published/,
    ],
    [{ public_key: [pem], secret: [secret], algorithms: ['RS256'] }, /needs a public key/],
    [{ secret: [secret], one_time: true, bearer: true }, /good once cannot be an access token/],
    [{ secret: [secret], bearer: true, require_expiry: false }, /must carry "exp"/],
    [{ secret: [secret], one_time: true, require_expiry: false }, /must carry "exp"/],
  ] as const) {
    const errors = providerChecks(defaultConfig({ identity_providers: [{ ...entry, ...more }] }), 0).filter(
      ({ level }) => level === 'error',
    )
    assert.ok(errors.length > 0 && errors.every(({ fix }) => fix), JSON.stringify(more))
    assert.match(errors.map(({ message }) => message).join('\n'), pattern)
  }
  const warnings = providerChecks(
    defaultConfig({ identity_providers: [{ ...entry, secret: [secret], audiences: 'off' }] }),
    0,
  )
  assert.match(
    warnings.map(({ level, message }) => `${level} ${message}`).join('\n'),
    /warning .*Every token of this issuer is accepted/,
  )
})
