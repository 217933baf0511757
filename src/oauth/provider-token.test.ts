// Tokens of identity providers that become sessions without a browser: as a sign-in by org.matrix.login.jwt, by the standard grants.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { exportJWK, SignJWT, decodeJwt, createLocalJWKSet, jwtVerify } from 'jose'
import { signJwt } from '../../test/harness/jwt.ts'
import { openBrowser } from '../../test/harness/identity-provider.ts'
import { api, newDevice, scopeFor, withOAuth } from '../../test/harness/oauth-world.ts'

const secret = 'a secret of thirty-two characters and more'
const now = (): number => Math.floor(Date.now() / 1000)
const claims = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  iss: 'https://backend.test',
  aud: 'matrix',
  sub: 'alice',
  iat: now(),
  exp: now() + 300,
  staff: true,
  ...more,
})
const sign = (more?: Record<string, unknown>, key = secret): string => signJwt(claims(more), key)
const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const provider = {
  id: 'backend',
  type: 'jwt',
  secret: [secret],
  algorithms: ['HS256'],
  issuer: 'https://backend.test',
  audiences: ['matrix'],
  rules: ['staff equals true'],
}
const brief = { ...provider, id: 'brief', issuer: 'https://brief.test', session_until: 'token_expiry' }
const grant = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'

test('sessions of tokens', async (t) => {
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'EdDSA' }] })
  const clients = [
    { id: 'backend', secret: 'x'.repeat(32), providers: ['backend'], introspection: true },
    { id: 'signer', jwks, providers: ['backend'] },
  ]
  await withOAuth({ second: provider, config: { oauth: { clients } } }, async (world) => {
    const { post, whoami, ask, said, home } = world
    const byJwt = (token: string, more: Record<string, string> = {}, headers?: Record<string, string>) =>
      post('token', { grant_type: grant, assertion: token, ...more }, headers)

    await t.test('a token becomes a session, on the device of the scope or on a new one', async () => {
      const device = newDevice()
      const named = await byJwt(sign(), { scope: scopeFor(device) })
      assert.equal(named.status, 200, JSON.stringify(named.body))
      assert.deepEqual((await whoami(named.body['access_token'])).body, {
        user_id: '@alice:one.test',
        device_id: device,
        is_guest: false,
      })
      assert.equal(named.body['expires_in'], 300)
      const refreshed = await post('token', {
        grant_type: 'refresh_token',
        refresh_token: String(named.body['refresh_token']),
      })
      assert.equal(refreshed.status, 200, JSON.stringify(refreshed.body))
      const fresh = await byJwt(sign())
      assert.match(String(fresh.body['scope']), /^urn:matrix:client:api:\* urn:matrix:client:device:[A-Z]{10}$/)
      const line = said.find(({ msg, provider: by }) => msg === 'somebody signed in' && by === 'backend')
      assert.equal(line?.['user'], '@alice:one.test')
    })

    await t.test('what org.matrix.login.jwt refuses is refused here, with the same reason', async () => {
      const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
      const unsigned = `${part({ alg: 'none' })}.${part(claims())}.`
      const tokens: Record<string, string> = {
        'bad signature': sign({}, 'another secret of thirty-two characters'),
        unsigned,
        expired: sign({ exp: now() - 3600 }),
        'not yet': sign({ nbf: now() + 3600 }),
        'without an end': sign({ exp: undefined }),
        'of another issuer': sign({ iss: 'https://evil.test' }),
        'for somebody else': sign({ aud: 'billing' }),
        'without a subject': sign({ sub: undefined }),
        'a rule broken': sign({ staff: false }),
        'a name that nobody can have': sign({ sub: '_system' }),
        malformed: 'nonsense',
        'too long': sign({ filler: 'x'.repeat(20_000) }),
      }
      for (const [name, token] of Object.entries(tokens)) {
        const legacy = await ask('POST', '/login', { type: 'org.matrix.login.jwt', token })
        assert.notEqual(legacy.status, 200, name)
        for (const form of [
          { grant_type: grant, assertion: token },
          {
            grant_type: exchangeGrant,
            subject_token: token,
            subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
          },
        ]) {
          const { status, body } = await post('token', form)
          assert.deepEqual(
            [status, body['error'], body['error_description']],
            [400, 'invalid_grant', legacy.body['error']],
            name,
          )
        }
      }
    })

    await t.test('a client exchanges tokens of its own providers, having proven itself', async () => {
      const basic = { authorization: `Basic ${Buffer.from(`backend:${'x'.repeat(32)}`).toString('base64')}` }
      assert.equal((await byJwt(sign(), {}, basic)).status, 200)
      assert.equal((await byJwt(sign(), { client_id: 'backend' })).body['error'], 'invalid_client')
      const assertion = (more: Record<string, unknown> = {}) =>
        new SignJWT({ jti: newDevice(), iss: 'signer', sub: 'signer', aud: home, exp: now() + 60, ...more })
          .setProtectedHeader({ alg: 'EdDSA', kid: 'k' })
          .sign(privateKey)
      const form = (client_assertion: string) => ({
        client_assertion,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      })
      const good = form(await assertion())
      assert.equal((await byJwt(sign(), good)).status, 200)
      assert.equal((await byJwt(sign(), good)).body['error'], 'invalid_client', 'an assertion is good once')
      for (const bad of [
        await assertion({ aud: 'https://other.test' }),
        await assertion({ exp: now() + 86_400 }),
        await assertion({ jti: 7 }),
        'nonsense',
      ])
        assert.equal((await byJwt(sign(), form(bad))).body['error'], 'invalid_client')
      assert.equal((await byJwt(sign(), form(await assertion({ exp: now() + 60.5 })))).status, 200)
      const slip = await byJwt(sign(), form(await assertion({ exp: Date.now() + 60_000 })))
      assert.deepEqual(
        [slip.body['error'], /looks like milliseconds/.test(String(slip.body['error_description']))],
        ['invalid_client', true],
      )
      const grant = await byJwt(sign({ exp: Date.now() + 60_000 }), form(await assertion()))
      assert.deepEqual([grant.status, grant.body['error']], [400, 'invalid_grant'])
      assert.match(
        String(grant.body['error_description']),
        /"exp" must be a number of seconds.* looks like milliseconds/,
      )
    })

    await t.test(
      'a further access token is of the same device, lives no longer, and ends with the session',
      async () => {
        const first = await byJwt(sign())
        const token = String(first.body['access_token'])
        const derive = (more: Record<string, string> = {}) =>
          post('token', {
            grant_type: exchangeGrant,
            subject_token: token,
            subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
            ...more,
          })
        const further = await derive()
        assert.equal(further.status, 200, JSON.stringify(further.body))
        assert.equal(further.body['refresh_token'], undefined)
        assert.ok(Number(further.body['expires_in']) <= 300)
        assert.deepEqual((await whoami(further.body['access_token'])).body, (await whoami(token)).body)
        assert.equal((await derive({ scope: `${api} urn:matrix:client:device:OTHER` })).body['error'], 'invalid_scope')
        assert.equal((await derive({ audience: 'https://other.test' })).body['error'], 'invalid_target')
        const answers = await Promise.all(Array.from({ length: 25 }, () => derive()))
        assert.ok(
          answers.some(({ status }) => status === 429),
          'there is an end to them',
        )
        await post('revoke', { token })
        assert.equal((await whoami(further.body['access_token'])).status, 401)
      },
    )
  })
})

test('where only clients of the configuration may, nobody else does', () =>
  withOAuth(
    {
      second: provider,
      config: {
        oauth: {
          token_exchange: 'clients',
          clients: [
            { id: 'backend', secret: 'x'.repeat(32), providers: ['backend'] },
            { id: 'other', secret: 'y'.repeat(32) },
          ],
        },
      },
    },
    async ({ post, register }) => {
      const client = await register()
      const ask = (more: Record<string, string>) => post('token', { grant_type: grant, assertion: sign(), ...more })
      for (const more of [{}, { client_id: client }, { client_id: 'other', client_secret: 'y'.repeat(32) }])
        assert.deepEqual([(await ask(more)).status, (await ask(more)).body['error']], [400, 'unauthorized_client'])
      assert.equal((await ask({ client_id: 'backend', client_secret: 'x'.repeat(32) })).status, 200)
    },
  ))

test('a session ends when the provider’s token does, where the settings say so', () =>
  withOAuth({ second: brief }, async ({ post }) => {
    const { body } = await post('token', {
      grant_type: grant,
      assertion: sign({ iss: 'https://brief.test', exp: now() + 30 }),
    })
    // With the minute that clocks may differ by.
    assert.ok(Number(body['expires_in']) <= 90, JSON.stringify(body))
    assert.equal(body['refresh_token'], undefined, 'there is nothing left to refresh')
  }))

test('openid gives an ID token that the published keys verify, also after they were rotated', () =>
  withOAuth({}, async (world) => {
    const { register, account, post, home, server } = world
    await account('alice')
    const client = await register({ id_token_signed_response_alg: 'ES256' })
    const signedIn = async (): Promise<Record<string, unknown>> =>
      world.tokens(client, 'alice', { scope: `openid ${scopeFor(newDevice())}`, nonce: 'n-1' })
    const first = await signedIn()
    const keysNow = async () => {
      const reply = await openBrowser().go(`${home}/oauth2/jwks`)
      return createLocalJWKSet(JSON.parse(reply.text) as Parameters<typeof createLocalJWKSet>[0])
    }
    await server.oauth?.rotateKeys()
    const second = await signedIn()
    for (const { id_token: token } of [first, second]) {
      const { payload, protectedHeader } = await jwtVerify(String(token), await keysNow(), {
        issuer: home,
        audience: client,
      })
      assert.deepEqual([payload.sub, payload['nonce'], protectedHeader.alg], ['@alice:one.test', 'n-1', 'ES256'])
      assert.ok(typeof payload['auth_time'] === 'number')
      assert.equal(decodeJwt(String(token)).iss, home)
    }
    const info = async (token: unknown) => {
      const { request } = await import('node:http')
      return new Promise<number>((resolve, reject) => {
        request(`${home}/oauth2/userinfo`, { headers: { authorization: `Bearer ${String(token)}` } }, (reply) => {
          reply.resume()
          resolve(reply.statusCode ?? 0)
        })
          .on('error', reject)
          .end()
      })
    }
    assert.equal(await info(first['access_token']), 200)
    assert.equal(await info((await world.tokens(client))['access_token']), 403)
    assert.equal(await info('nothing'), 401)
    assert.equal((await post('revoke', { token: String(first['access_token']) })).status, 200)
  }))
