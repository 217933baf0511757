import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { SignJWT } from 'jose'
import { type ConfigInput, defaultConfig } from '../../config/index.ts'
import { openKeyring } from './keyring.ts'
import type { JwtProvider } from './provider.ts'
import { jwtProviders } from './providers.ts'
import { providerChecks } from '../kinds.ts'
import { signTrial } from './sign.ts'
import type { Verified } from './verify.ts'

const now = Date.UTC(2030, 0, 1)
const exp = now / 1000 + 60
const secret = (letter: string): string => letter.repeat(32)
const native = (id: string, more: object = {}) => ({
  id,
  type: 'jwt' as const,
  secret: [secret(id)],
  algorithms: ['HS256' as const],
  issuer: `https://${id}.example`,
  audiences: ['chat'],
  ...more,
})
const config = (input: ConfigInput) =>
  defaultConfig({ jwt_config: { enabled: true, secret: secret('d'), algorithm: 'HS256' }, ...input })
const sign = (key: string, claims: Record<string, unknown>): Promise<string> =>
  new SignJWT({ sub: 'alice', exp, ...claims }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(key))
const verifyToken = (providers: readonly JwtProvider[], token: unknown): Promise<Verified | undefined> => {
  const outgoing = Object.assign(() => Promise.reject(new Error('Nobody is asked')), {
    stream: () => Promise.reject(new Error('Nobody is asked')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  })
  return openKeyring(
    {
      outgoing,
      now: () => now,
      logger: { info: () => {}, warn: () => {} },
      kept: new Map(),
      keep: () => Promise.resolve(),
    },
    providers,
  ).verify(token)
}
const errors = (input: ConfigInput): string[] =>
  providerChecks(config(input), 0)
    .filter(({ level }) => level === 'error')
    .map(({ key, message }) => `${key} ${message}`)

test('a token goes to the provider whose issuer it names, and to no other', async () => {
  const { providers } = jwtProviders(config({ identity_providers: [native('a'), native('b')] }))
  const verdict = async (key: string, claims: Record<string, unknown>): Promise<string> => {
    const verified = await verifyToken(providers, await sign(secret(key), claims))
    return verified?.ok ? verified.provider : `${verified?.provider} ${verified?.code}`
  }
  assert.equal(await verdict('a', { iss: 'https://a.example', aud: 'chat' }), 'a')
  assert.equal(await verdict('b', { iss: 'https://b.example', aud: 'chat' }), 'b')
  assert.equal(await verdict('a', { iss: 'https://b.example', aud: 'chat' }), 'b signature_wrong')
  assert.equal(await verdict('d', { iss: 'https://a.example' }), 'a signature_wrong')
  assert.equal(await verdict('d', { iss: 'https://c.example' }), 'jwt_config')
  assert.equal(await verdict('d', {}), 'jwt_config')
  assert.equal(await verdict('a', {}), 'jwt_config signature_wrong')
})

test('a native provider requires issuer, audience and expiry', async () => {
  const { providers } = jwtProviders(config({ jwt_config: { enabled: false }, identity_providers: [native('a')] }))
  const verdict = async (claims: Record<string, unknown>): Promise<string> => {
    const verified = await verifyToken(providers, await sign(secret('a'), claims))
    return verified?.ok ? 'ok' : String(verified?.code)
  }
  assert.equal(await verdict({ iss: 'https://a.example', aud: 'chat' }), 'ok')
  assert.equal(await verdict({ aud: 'chat' }), 'issuer_missing')
  assert.equal(await verdict({ iss: 'https://a.example' }), 'audience_missing')
  assert.equal(await verdict({ iss: 'https://a.example', aud: 'chat', exp: undefined }), 'expiry_missing')
  assert.equal(await verdict({ iss: 'https://a.example', aud: 'chat', exp: exp - 121 }), 'expired')
})

test('secrets can be rotated: several stand side by side', async () => {
  const { providers } = jwtProviders(
    config({ identity_providers: [native('a', { secret: [secret('n'), secret('o')] })] }),
  )
  for (const key of ['n', 'o'])
    assert.ok((await verifyToken(providers, await sign(secret(key), { iss: 'https://a.example', aud: 'chat' })))?.ok)
})

test('a native provider refuses weak and confused keys before the start', () => {
  assert.deepEqual(errors({ identity_providers: [native('a')] }), [])
  assert.match(
    errors({ identity_providers: [native('a', { secret: ['short'] })] })[0] ?? '',
    /identity_providers\[0\]\.secret.*5 bytes/,
  )
  const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' })
  assert.match(errors({ identity_providers: [native('a', { secret: [pem] })] })[0] ?? '', /under an HMAC algorithm/)
  assert.match(
    errors({ identity_providers: [native('a', { algorithms: ['HS256', 'RS256'] })] })[0] ?? '',
    /No key is for RS256/,
  )
  assert.deepEqual(
    errors({ identity_providers: [native('a', { algorithms: ['HS256', 'RS256'], public_key: [pem] })] }),
    [],
  )
  assert.match(errors({ identity_providers: [native('jwt_config')] })[0] ?? '', /id of the jwt_config block/)
})

test('a key that two providers have in common is warned of', () => {
  const shared = jwtProviders(
    config({ identity_providers: [native('a'), native('b', { secret: [secret('x'), secret('a')] })] }),
  ).findings.filter(({ message }) => message.includes('in common'))
  assert.deepEqual(
    shared.map(({ level, key }) => [level, key]),
    [['warning', 'identity_providers[1]']],
  )
  assert.match(shared[0]?.message ?? '', /"b" and "a" have a key in common/)
  assert.ok(
    !jwtProviders(config({ identity_providers: [native('a'), native('b')] })).findings.some(({ message }) =>
      message.includes('in common'),
    ),
  )
})

test('where nobody is trusted there is nothing to verify with', async () => {
  assert.equal(await verifyToken([], 'x'), undefined)
})

test('a token for trying out is one that the provider takes', async () => {
  for (const input of [
    {},
    {
      jwt_config: {
        enabled: true,
        secret: secret('d'),
        algorithm: 'HS512' as const,
        issuer: 'i',
        audiences: ['a', 'b'],
        subject_claim: 'name',
      },
    },
    { jwt_config: { enabled: false }, identity_providers: [native('a')] },
  ]) {
    const { providers } = jwtProviders(config(input))
    const [provider] = providers
    assert.ok(provider)
    const token = signTrial(provider, 'alice', now, 60_000)
    const verified = await verifyToken(providers, token)
    assert.ok(verified?.ok, JSON.stringify(verified))
    assert.equal(verified.subject, 'alice')
  }
  const pem = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' })
  const [provider] = jwtProviders(config({ jwt_config: { enabled: true, secret: pem, algorithm: 'EdDSA' } })).providers
  assert.equal(provider && signTrial(provider, 'alice', now, 60_000), undefined)
})
