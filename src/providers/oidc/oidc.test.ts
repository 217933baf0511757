// Sign-in by OpenID Connect, against a whole provider.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBrowser, send } from '../../../test/harness/identity-provider.ts'
import { app, startOf, tokenOf, withSso } from '../../../test/harness/sso-world.ts'

test('whoever the provider vouches for is signed in, the first time with a new account', () =>
  withSso({}, async ({ home, ask, idp, signIn }) => {
    const flows = await ask('GET', '/login')
    assert.deepEqual((flows.body['flows'] as { type: string }[])[0], {
      type: 'm.login.sso',
      oauth_aware_preferred: true,
      identity_providers: [{ id: 'idp', name: 'Example Account' }],
    })
    const browser = openBrowser()
    const landing = await browser.go(startOf(home))
    assert.match(landing.url, /^https:\/\/app\.example\.test\/\?loginToken=lkl_[^#]+#\/home$/)
    const session = await ask('POST', '/login', { type: 'm.login.token', token: tokenOf(landing) })
    assert.equal(session.body['user_id'], '@alice:one.test')
    assert.deepEqual((await ask('GET', '/profile/@alice:one.test')).body['displayname'], 'Name of id-alice')
    assert.equal((await ask('POST', '/login', { type: 'm.login.token', token: tokenOf(landing) })).status, 403, 'once')
    assert.equal((await signIn(browser))['user_id'], '@alice:one.test')
    assert.equal(idp.asked, 1, 'the provider knows the browser')
  }))

test('a client that is not trusted gets nothing before its name was shown and agreed to', () =>
  withSso({}, async ({ home, ask }) => {
    for (const [target, name] of [
      ['https://evil.test/x', 'evil.test'],
      [`${app}.evil.test/`, 'app.example.test.evil.test'],
      ['element://vector/', 'element'],
    ] as const) {
      const browser = openBrowser()
      const page = await browser.go(startOf(home, target))
      assert.equal(page.status, 200)
      assert.ok(page.text.includes(`Continue to ${name}?`), page.text)
      assert.doesNotMatch(page.text, /loginToken|lkl_/)
      const href = /href="([^"]*sso\/continue[^"]*)"/.exec(page.text)?.[1] ?? ''
      assert.equal((await openBrowser().go(`${home}${href}`)).status, 400, 'in another browser')
      const landing = await browser.go(`${home}${href}`)
      assert.ok(landing.url.startsWith(target))
      assert.equal((await browser.go(`${home}${href}`)).status, 400, 'once')
      assert.equal((await ask('POST', '/login', { type: 'm.login.token', token: tokenOf(landing) })).status, 200)
    }
  }))

test('a target that nobody should be sent to is refused before anybody is sent anywhere', () =>
  withSso({}, async ({ home, idp }) => {
    for (const query of [
      '',
      '?redirectUrl=',
      '?redirectUrl=javascript%3Aalert(1)',
      '?redirectUrl=https%3A%2F%2Fa%40evil.test',
      '?redirectUrl=https://a.test&redirectUrl=https://b.test',
    ]) {
      const page = await openBrowser().go(`${home}/_matrix/client/v3/login/sso/redirect/idp${query}`)
      assert.equal(page.status, 400, query)
      assert.match(page.headers.get('content-type') ?? '', /text\/html/)
    }
    assert.equal(
      (await openBrowser().go(`${home}/_matrix/client/v3/login/sso/redirect/nobody?redirectUrl=${app}`)).status,
      404,
    )
    assert.deepEqual(idp.log, [])
  }))

test('an answer counts only in the browser that left, for the provider it left to, and as it was given', () =>
  withSso({}, async ({ home, idp }) => {
    const left = await send(startOf(home))
    const location = new URL(left.headers.get('location') ?? '')
    assert.equal(location.searchParams.get('code_challenge_method'), 'S256')
    assert.ok((location.searchParams.get('nonce') ?? '').length > 40)
    const state = location.searchParams.get('state') ?? ''
    const cookie = left.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    assert.match(left.headers.getSetCookie()[0] ?? '', /HttpOnly; SameSite=Lax/)
    const back = (query: string, headers: Record<string, string> = { cookie }) =>
      send(`${home}/_latchkey/sso/idp/callback?${query}`, { headers })
    const iss = `iss=${encodeURIComponent(idp.issuer)}`
    for (const [query, headers, status] of [
      [`code=x&${iss}&state=${state}`, {}, 400],
      [`code=x&${iss}&state=${state}`, { cookie: 'latchkey_browser=0123456789abcdef0123456789abcdef' }, 400],
      [`code=x&${iss}&state=${state.slice(0, -2)}`, { cookie }, 400],
      [`code=x&${iss}`, { cookie }, 400],
      [`code=x&${iss}&state=${state}&state=${state}`, { cookie }, 400],
      [`code=x&${iss}&state=${state}`, { cookie }, 502],
      [`code=x&iss=https://evil.test&state=${state}`, { cookie }, 502],
      [`error=access_denied&${iss}&state=${state}`, { cookie }, 403],
    ] as const) {
      const answer = await back(query, headers)
      assert.equal(answer.status, status, query)
      assert.equal(answer.headers.get('location'), null)
    }
  }))

test('whoever cancels is told so, and what went wrong is in the log without secrets', () =>
  withSso({}, async ({ home, idp, said }) => {
    idp.person = undefined
    const page = await openBrowser('de-AT,en;q=0.5').go(startOf(home))
    assert.equal(page.status, 403)
    assert.match(page.text, /<html lang="de">[\s\S]*abgebrochen/)
    const text = JSON.stringify(said)
    assert.match(text, /"code":"cancelled"/)
    assert.doesNotMatch(text, /a secret of the client/)
  }))

test('a provider that is not there is said to be away, and one that lies is not believed', async () => {
  await withSso({ provider: { issuer: 'http://127.0.0.1:9/' } }, async ({ home }) => {
    assert.equal((await openBrowser().go(startOf(home))).status, 502)
  })
  await withSso({ provider: { id_token_algorithm: 'ES256' } }, async ({ home }) => {
    assert.equal((await openBrowser().go(startOf(home))).status, 502, 'an ID token of another algorithm')
  })
})

test('two people of two names, and one whose name is taken', () =>
  withSso({}, async ({ home, ask, idp, signIn }) => {
    await ask('POST', '/register', { username: 'bob', password: 'a long password', auth: { type: 'm.login.dummy' } })
    assert.equal((await signIn())['user_id'], '@alice:one.test')
    idp.person = 'id-bob'
    const page = await openBrowser().go(startOf(home))
    assert.equal(page.status, 403)
    assert.match(page.text, /belongs to somebody else/)
  }))

test('whoever a rule keeps out is told so, and can leave the provider to be somebody else', () =>
  withSso({ provider: { rules: ['groups contains staff'] } }, async ({ home }) => {
    const browser = openBrowser()
    const page = await browser.go(startOf(home))
    assert.deepEqual([page.status, /not among those/.test(page.text)], [403, true])
    assert.match(
      page.text,
      /href="http:\/\/127\.0\.0\.1:\d+\/session\/end\?[^"]*id_token_hint=[^"]*"[^>]*>Sign out at Example Account/,
    )
  }))

test('where it may be, an account is linked by whoever has its password', () =>
  withSso({ provider: { taken: 'link' } }, async ({ home, ask, idp, signIn }) => {
    await ask('POST', '/register', { username: 'bob', password: 'a long password', auth: { type: 'm.login.dummy' } })
    idp.person = 'id-bob'
    const browser = openBrowser()
    const page = await browser.go(startOf(home))
    assert.match(page.text, /There already is an account @bob:one\.test/)
    assert.equal((await browser.submit(page, '/sso/prove', { password: 'wrong' })).status, 403)
    assert.equal(
      (await browser.submit(page, '/sso/prove', { password: 'a long password', token: 'forged' })).status,
      400,
    )
    assert.equal(
      (await openBrowser().submit(page, '/sso/prove', { password: 'a long password' })).status,
      400,
      'in another browser',
    )
    const question = await browser.submit(page, '/sso/prove', { password: 'a long password' })
    const landing = await browser.follow(question, '/sso/continue')
    assert.equal(
      (await ask('POST', '/login', { type: 'm.login.token', token: tokenOf(landing) })).body['user_id'],
      '@bob:one.test',
    )
    assert.equal((await signIn(openBrowser()))['user_id'], '@bob:one.test')
  }))

test('no closed or locked account comes in', () =>
  withSso({}, async ({ home, server, signIn }) => {
    await signIn()
    const account = await server.users.findByLocalpart('alice')
    await server.users.setLocked(account?.nid ?? 0, true)
    const locked = await openBrowser().go(startOf(home))
    assert.equal(locked.status, 403)
    assert.match(locked.text, /locked/)
    await server.users.setLocked(account?.nid ?? 0, false)
    await server.identities.deactivate(account?.nid ?? 0, false)
    assert.match((await openBrowser().go(startOf(home))).text, /has been closed/)
  }))

test('of several providers one is chosen', () =>
  withSso(
    {
      second: {
        id: 'other',
        type: 'oidc',
        name: 'O<t>her',
        issuer: 'http://127.0.0.1:9/',
        client_id: 'x',
        icon: 'mxc://one.test/abc',
        brand: 'google',
      },
    },
    async ({ home, ask }) => {
      const flow = ((await ask('GET', '/login')).body['flows'] as { identity_providers?: unknown }[])[0]
      assert.deepEqual(flow?.identity_providers, [
        { id: 'idp', name: 'Example Account' },
        { id: 'other', name: 'O<t>her', icon: 'mxc://one.test/abc', brand: 'google' },
      ])
      const browser = openBrowser()
      const page = await browser.go(
        `${home}/_matrix/client/r0/login/sso/redirect?redirectUrl=${encodeURIComponent(`${app}/?a=b&c`)}`,
      )
      assert.match(page.text, /Continue with O&lt;t&gt;her/)
      const landing = await browser.follow(page, '/redirect/idp')
      assert.match(landing.url, /^https:\/\/app\.example\.test\/\?a=b&c&loginToken=lkl_/)
    },
  ))

test('people can be known by another claim than "sub", and whoever comes without it does not come in', () =>
  withSso(
    {
      provider: {
        subject_claim: 'preferred_username',
        mapping: { localpart: ['{name|before " "}-{preferred_username}'] },
      },
    },
    async ({ idp, server, signIn, home }) => {
      idp.person = 'id-ann'
      const { user_id: userId } = await signIn()
      const account = await server.users.findByLocalpart(String(userId).slice(1).split(':')[0] ?? '')
      assert.ok(account)
      assert.deepEqual(
        (await server.identities.links.of(account.nid)).map(({ subject }) => subject),
        ['ann'],
      )
      idp.claims = { preferred_username: undefined }
      const landing = await openBrowser().go(startOf(home))
      assert.ok(!landing.url.includes('loginToken'))
    },
  ))
