// Sign-in by the real Keycloak: OpenID Connect, its tokens, SAML, and what its administrator ends. Set up by the guide, as it stands there.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { picture } from '../../harness/chromium.ts'
import { noKeycloak, openWorld, until, type World } from './world.ts'

describe('with a real Keycloak', { skip: noKeycloak }, () => {
  let world: World
  before(
    async () => {
      world = await openWorld()
    },
    { timeout: 600_000 },
  )
  after(() => world[Symbol.asyncDispose]())

  test('somebody clicks through Keycloak by OpenID Connect, and lands signed in', async () => {
    const { home, app, open, start, signIn, ask } = world
    const page = await open()
    await page.goto(
      `${home}/_matrix/client/v3/login/sso/redirect?redirectUrl=${encodeURIComponent('https://client.test/#/x')}`,
    )
    await picture(page, 'keycloak-choose')
    await page.getByRole('link', { name: 'Continue with Keycloak', exact: true }).click()
    await picture(page, 'keycloak-login')
    await signIn(page, 'alice')
    await page.getByRole('heading', { name: 'Continue to client.test?' }).waitFor()
    await picture(page, 'keycloak-continue')
    await page.getByRole('link', { name: 'Continue' }).click()
    await page.waitForURL(/^https:\/\/client\.test\/\?loginToken=/)
    await page.goto(start())
    await page.waitForURL(`${app}/**`)
    const { body } = await ask('POST', '/login', undefined, {
      type: 'm.login.token',
      token: new URL(page.url()).searchParams.get('loginToken'),
    })
    assert.equal(body['user_id'], '@alice:example.org')
    assert.equal((await ask('GET', '/profile/@alice:example.org')).body['displayname'], 'Alice Example')
    assert.equal((await ask('GET', '/account/whoami', String(body['access_token']))).status, 200)
    await page.goto(`${home}/account/sign-in/keycloak`)
    await page.getByRole('heading', { name: '@alice:example.org' }).waitFor()
    await picture(page, 'keycloak-account')
    await page.context().close()
  })

  test('whoever lacks the role is told so, by every way', async () => {
    const { keycloak, open, start, signIn, byToken } = world
    for (const provider of ['keycloak', 'keycloak-saml']) {
      const page = await open({ dark: provider === 'keycloak' })
      await page.goto(start(provider))
      await signIn(page, 'carol')
      await page.getByText('not among those that may come in here').waitFor()
      if (provider === 'keycloak')
        await page.getByRole('link', { name: 'Sign out at Keycloak to come in as somebody else' }).waitFor()
      await picture(page, `keycloak-refused-${provider}`)
      await page.context().close()
    }
    const { status, body } = await byToken(await keycloak.accessToken('carol'))
    assert.deepEqual([status, body['code']], [403, 'rule_broken'])
  })

  test('an access token signs in, and is an access token here by itself, of the same account', async () => {
    const { keycloak, ask, byToken } = world
    const token = await keycloak.accessToken('alice')
    const { status, body } = await byToken(token, { device_id: 'JWT' })
    assert.deepEqual([status, body['user_id'], body['device_id']], [200, '@alice:example.org', 'JWT'])
    const who = await ask('GET', '/account/whoami', token)
    assert.deepEqual([who.status, who.body['user_id']], [200, '@alice:example.org'])
    assert.equal(typeof who.body['device_id'], 'string')
    const forged = `${token.slice(0, -8)}AAAAAAAA`
    assert.equal((await ask('GET', '/account/whoami', forged)).status, 401)
    assert.equal((await byToken(forged)).status, 403)
  })

  test('the same person comes in by SAML', async () => {
    const { open, start, signIn, ask, session, server } = world
    const page = await open()
    await page.goto(start('keycloak-saml', 'https://client.test/'))
    await signIn(page, 'alice')
    await page.getByRole('heading', { name: 'Continue to client.test?' }).waitFor()
    await picture(page, 'keycloak-saml-continue')
    await page.context().close()
    const body = await session('alice', { provider: 'keycloak-saml' })
    assert.equal(body['user_id'], '@alice:example.org')
    assert.equal(
      (await session('bob', { provider: 'keycloak-saml' }))['user_id'],
      '@bob:example.org',
      'whose account SAML makes',
    )
    assert.equal((await ask('GET', '/profile/@bob:example.org')).body['displayname'], 'Bob Example')
    const links = await server.identities.links.of((await server.users.findByLocalpart('alice'))?.nid ?? 0)
    assert.deepEqual(
      links.map(({ provider }) => provider),
      ['keycloak'],
      'one identity, by all ways',
    )
  })

  test('what has to be confirmed is confirmed by the password, asked for anew', async () => {
    const { home, open, session, ask, signIn } = world
    for (const provider of ['keycloak', 'keycloak-saml']) {
      const page = await open()
      const access = String((await session('alice', { provider, page, device_id: 'MINE' }))['access_token'])
      await session('alice', { provider, device_id: 'OLD' })
      const told = await ask('DELETE', '/devices/OLD', access, {})
      const id = String(told.body['session'])
      assert.equal(told.status, 401)
      await page.goto(`${home}/_matrix/client/v3/auth/m.login.sso/fallback/web?session=${id}`)
      await picture(page, 'keycloak-confirm')
      await page
        .getByRole('link', {
          name: `Confirm with ${provider === 'keycloak' ? 'Keycloak' : 'Keycloak (SAML)'}`,
          exact: true,
        })
        .click()
      await page.locator('#password').waitFor()
      await picture(page, `keycloak-again-${provider}`)
      assert.equal((await ask('DELETE', '/devices/OLD', access, { auth: { session: id } })).status, 401, 'not yet')
      await signIn(page, 'alice')
      await page.getByRole('heading', { name: 'Confirmed' }).waitFor()
      assert.equal((await ask('DELETE', '/devices/OLD', access, { auth: { session: id } })).status, 200)
      await page.context().close()
    }
  })

  test("when Keycloak's administrator ends a session, ours end, with the tokens that are access tokens", async () => {
    const { keycloak, session, ask } = world
    for (const provider of ['keycloak', 'keycloak-saml']) {
      const access = String((await session('alice', { provider, device_id: 'DESK' }))['access_token'])
      assert.equal((await ask('GET', '/account/whoami', access)).status, 200)
      await keycloak.signOut('alice')
      await until(
        `the session by ${provider} ends`,
        async () => (await ask('GET', '/account/whoami', access)).status === 401,
        5000,
      )
    }
    const body = await session('alice', { device_id: 'PHONE' })
    const access = String(body['access_token'])
    assert.equal((await ask('GET', '/account/whoami', access)).status, 200)
    await keycloak.signOut('alice')
    const took = await until(
      'the session ends',
      async () => (await ask('GET', '/account/whoami', access)).status === 401,
    )
    assert.ok(took < 5000, `${took} ms`)
    const gone = await ask('GET', '/account/whoami', access)
    assert.deepEqual([gone.body['errcode'], gone.body['soft_logout']], ['M_UNKNOWN_TOKEN', true])
    const again = await session('alice', { device_id: 'PHONE' })
    assert.equal((await ask('GET', '/account/whoami', String(again['access_token']))).body['device_id'], 'PHONE')
  })

  test('whoever is disabled in Keycloak is out within five seconds, by every token; by SAML they only cannot come in again', async () => {
    const { keycloak, session, ask, byToken, home, app, open, start, signIn } = world
    const page = await open()
    const bySso = await session('bob', { page, device_id: 'SSO', refresh_token: true })
    const bySaml = String((await session('bob', { provider: 'keycloak-saml', device_id: 'SAML' }))['access_token'])
    const token = await keycloak.accessToken('bob')
    const byJwt = await byToken(token, { device_id: 'JWT' })
    assert.equal(byJwt.status, 200, JSON.stringify(byJwt.body))
    await page.goto(`${home}/account/sign-in/keycloak`)
    await page.getByRole('heading', { name: '@bob:example.org' }).waitFor()
    await page.goto(start())
    await page.waitForURL(`${app}/**`)
    const onItsWay = new URL(page.url()).searchParams.get('loginToken')
    const tokens = {
      'of SSO': String(bySso['access_token']),
      'of a JWT': String(byJwt.body['access_token']),
      'of Keycloak': token,
    }
    for (const [what, access] of Object.entries(tokens))
      assert.equal((await ask('GET', '/account/whoami', access)).status, 200, what)

    await keycloak.enable('bob', false)
    const disabled = Date.now()
    const took = await Promise.all(
      Object.entries(tokens).map(async ([what, access]) => {
        await until(`the token ${what} ends`, async () => (await ask('GET', '/account/whoami', access)).status === 401)
        return `${what}: ${Date.now() - disabled} ms`
      }),
    )
    assert.ok(Date.now() - disabled < 5000, took.join(', '))
    console.log(`disabled in Keycloak, and out ${took.join(', ')}`)
    assert.equal((await ask('POST', '/refresh', undefined, { refresh_token: bySso['refresh_token'] })).status, 401)
    assert.equal((await ask('POST', '/login', undefined, { type: 'm.login.token', token: onItsWay })).status, 403)
    assert.equal((await byToken(token)).status, 403, 'a token that has not run out')
    await page.goto(`${home}/account`)
    await page.getByRole('heading', { name: 'Your account' }).waitFor()
    await picture(page, 'keycloak-out')
    await page.context().close()
    for (const provider of ['keycloak', 'keycloak-saml']) {
      const other = await open()
      await other.goto(start(provider))
      await signIn(other, 'bob')
      await other.getByText('Account is disabled').waitFor()
      await other.context().close()
    }
    // What the guide says of SAML, which has no way to ask.
    assert.equal((await ask('GET', '/account/whoami', bySaml)).status, 200)
    await keycloak.enable('bob', true)
    assert.equal((await session('bob', { device_id: 'SSO' }))['device_id'], 'SSO')
  })
})
