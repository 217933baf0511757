// Logout tokens of OpenID Connect, one by one.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createLogoutReader } from './logout-token.ts'

const now = Date.UTC(2030, 0, 1)
const seconds = now / 1000
const { publicKey, privateKey } = await generateKeyPair('ES256')
const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }] })
const reader = createLogoutReader({
  issuer: () => Promise.resolve({ name: 'https://id.example', keys: 'https://id.example/keys' }),
  fetch: () => Promise.resolve(new Response(keys, { headers: { 'content-type': 'application/json' } })),
  clientId: 'matrix',
  now: () => now,
})
let count = 0
const token = (claims: Record<string, unknown>): Promise<string> =>
  new SignJWT({
    iss: 'https://id.example',
    aud: 'matrix',
    iat: seconds,
    exp: seconds + 60,
    jti: String(count++),
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    ...claims,
  })
    .setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'logout+jwt' })
    .sign(privateKey)

test('a logout token names a session, a person, or both', async () => {
  assert.deepEqual(await reader(await token({ sub: 'alice', sid: 's' })), { sid: 's', subject: 'alice' })
  assert.deepEqual(await reader(await token({ sub: 'alice' })), { sid: undefined, subject: 'alice' })
  await assert.rejects(reader(await token({})), /neither a session nor a person/)
})

test('one whose times are in another unit is refused by its reason', async () => {
  for (const claim of ['exp', 'nbf', 'iat', 'auth_time'])
    await assert.rejects(
      reader(await token({ sub: 'alice', [claim]: seconds * 1000 })),
      new RegExp(`malformed: The claim "${claim}" .* looks like milliseconds`),
    )
  await assert.rejects(reader('a.b.c'), Error)
})
