// What older clients, and application services, find beside OAuth 2.0 and in its place.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBrowser, send } from '../../test/harness/identity-provider.ts'
import { password, withOAuth } from '../../test/harness/oauth-world.ts'
import { assertSpec } from '../../test/harness/spec.ts'
import { tokenOf } from '../../test/harness/sso-world.ts'
import { createHomeserver } from '../server/index.ts'

const target = 'https://old-client.example.test/'
const start = (home: string, more = ''): string =>
  `${home}/_matrix/client/v3/login/sso/redirect?redirectUrl=${encodeURIComponent(target)}${more}`

test('clients find the metadata, at its place and at the older ones, as the specification says it', () =>
  withOAuth({}, async ({ home, ask }) => {
    const path = '/_matrix/client/v1/auth_metadata'
    const { status, body } = await ask('GET', path)
    assertSpec({ method: 'GET', path, request: undefined, status, reply: body, contentType: 'application/json' })
    assert.equal(body['issuer'], home)
    for (const older of [
      '/_matrix/client/unstable/org.matrix.msc2965/auth_metadata',
      '/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server',
    ]) {
      const reply = await send(`${home}${older}`)
      assert.deepEqual([reply.status, await reply.json()], [200, body], older)
    }
    assert.deepEqual((await ask('GET', '/_matrix/client/unstable/org.matrix.msc2965/auth_issuer')).body, {
      issuer: home,
    })
    for (const [name, value] of Object.entries(body))
      if (/_(endpoint|uri)$/.test(name)) assert.ok(String(value).startsWith(`${home}/`), name)
  }))

test('without an address that can be an issuer there is none of it', async () => {
  for (const more of [
    {},
    { public_base_url: 'http://matrix.example.org' },
    { public_base_url: 'https://m.example', oauth: 'off' as const },
  ]) {
    await using server = await createHomeserver({
      server_name: 'one.test',
      database: 'sqlite::memory:',
      listen: '127.0.0.1:0',
      log: { level: 'silent' },
      ...more,
    })
    for (const path of [
      '/_matrix/client/v1/auth_metadata',
      '/.well-known/openid-configuration',
      '/oauth2/jwks',
      '/link',
    ]) {
      const reply = await server.inject(path)
      assert.deepEqual([reply.statusCode, reply.json<{ errcode: string }>().errcode], [404, 'M_UNRECOGNIZED'], path)
    }
    const { flows } = (await server.inject('/_matrix/client/v3/login')).json<{ flows: { type: string }[] }>()
    assert.ok(flows.every(({ type }) => type !== 'm.login.sso'))
  }
})

test('a client that knows of OAuth 2.0 without speaking it sends people to the page with every way in', () =>
  withOAuth({}, async ({ home, ask, account, idp }) => {
    await account('alice')
    idp.person = 'id-bob'
    const { body } = await ask('GET', '/login')
    const [sso] = (body['flows'] as Record<string, unknown>[]).filter(({ type }) => type === 'm.login.sso')
    assert.equal(sso?.['oauth_aware_preferred'], true)
    const browser = openBrowser()
    const landing = await browser.go(start(home, '&action=login'))
    assert.match(landing.text, /Continue with Example Account/)
    const asked = await browser.submit(landing, '/account/sign-in', { user: 'alice', password })
    const back = await browser.follow(asked, '/_latchkey/sso/continue')
    const signedIn = await ask('POST', '/login', { type: 'm.login.token', token: tokenOf(back) })
    assert.equal(signedIn.body['user_id'], '@alice:one.test')
    assert.match((await openBrowser().go(start(home, '&action=register'))).text, /Make an account/)
    // Who says nothing goes where they always went.
    assert.match((await openBrowser().go(start(home))).text, /Continue to old-client\.example\.test/)
  }))

test('where the old ways are off, clients and application services are told so', () =>
  withOAuth({ config: { legacy_login: false } }, async ({ home, ask }) => {
    const refused = async (...request: Parameters<typeof ask>): Promise<string> => {
      const { status, body } = await ask(...request)
      return `${status} ${String(body['errcode'])}`
    }
    assert.equal(await refused('GET', '/login'), '404 M_UNRECOGNIZED')
    assert.equal(
      await refused('POST', '/login', {
        type: 'm.login.password',
        identifier: { type: 'm.id.user', user: 'alice' },
        password,
      }),
      '404 M_UNRECOGNIZED',
    )
    assert.equal(
      await refused('POST', '/login', { type: 'm.login.application_service' }),
      '400 M_APPSERVICE_LOGIN_UNSUPPORTED',
    )
    assert.equal(await refused('POST', '/register', { username: 'alice', password }), '404 M_UNRECOGNIZED')
    assert.equal(await refused('POST', '/register?kind=guest', {}), '404 M_UNRECOGNIZED')
    assert.equal((await openBrowser().go(start(home))).status, 404)
  }))
