// What providers end, what is confirmed in the browser, and the account page.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Browser, openBrowser, send } from '../../../test/harness/identity-provider.ts'
import { type Answer, startOf, tokenOf, withSso, type SsoWorld } from '../../../test/harness/sso-world.ts'

const tokensOf = (session: Answer): { access: string; refresh: string } => ({
  access: String(session['access_token']),
  refresh: String(session['refresh_token']),
})

/** Signs out at the provider, which then tells the homeserver. */
const signOutAt = async ({ idp }: SsoWorld, browser: Browser): Promise<void> => {
  const page = await browser.go(`${idp.issuer}/session/end`)
  assert.equal((await browser.submit(page, '/session/end/confirm', { logout: 'yes' })).status, 200)
}

test('a session that the provider ends is ended here, softly: device and keys stay', () =>
  withSso({}, async (world) => {
    const { ask, signIn, home } = world
    const [browser, other] = [openBrowser(), openBrowser()]
    const ended = tokensOf(await signIn(browser, { device_id: 'PHONE', refresh_token: true }))
    const kept = tokensOf(await signIn(other, { device_id: 'LAPTOP' }))
    const waiting = tokenOf(await browser.go(startOf(home)))
    const visit = await browser.go(`${home}/account/sign-in/idp`)
    assert.match(visit.text, /@alice:one\.test/)
    await signOutAt(world, browser)
    const refused = await ask('GET', '/account/whoami', undefined, ended.access)
    assert.deepEqual(
      [refused.status, refused.body['errcode'], refused.body['soft_logout']],
      [401, 'M_UNKNOWN_TOKEN', true],
    )
    const refresh = await ask('POST', '/refresh', { refresh_token: ended.refresh })
    assert.deepEqual(
      [refresh.status, refresh.body['errcode'], refresh.body['soft_logout']],
      [401, 'M_UNKNOWN_TOKEN', true],
    )
    assert.equal(
      (await ask('POST', '/login', { type: 'm.login.token', token: waiting })).status,
      403,
      'nor does what was on its way get in',
    )
    assert.match((await browser.go(`${home}/account`)).text, /Sign in to see your account/)
    const devices = await ask('GET', '/devices', undefined, kept.access)
    assert.deepEqual((devices.body['devices'] as { device_id: string }[]).map(({ device_id: id }) => id).sort(), [
      'LAPTOP',
      'PHONE',
    ])
    const again = tokensOf(await signIn(browser, { device_id: 'PHONE' }))
    assert.equal((await ask('GET', '/account/whoami', undefined, again.access)).body['device_id'], 'PHONE')
  }))

test('hard, the device goes too; and where it is off, nothing happens', async () => {
  await withSso({ provider: { backchannel_logout: 'hard' } }, async (world) => {
    const [browser, other] = [openBrowser(), openBrowser()]
    const ended = tokensOf(await world.signIn(browser, { device_id: 'PHONE' }))
    const kept = tokensOf(await world.signIn(other, { device_id: 'LAPTOP' }))
    await signOutAt(world, browser)
    const refused = await world.ask('GET', '/account/whoami', undefined, ended.access)
    assert.deepEqual([refused.status, refused.body['soft_logout']], [401, undefined])
    assert.deepEqual(
      ((await world.ask('GET', '/devices', undefined, kept.access)).body['devices'] as unknown[]).length,
      1,
    )
  })
  await withSso({ provider: { backchannel_logout: 'off' } }, async (world) => {
    const browser = openBrowser()
    const { access } = tokensOf(await world.signIn(browser))
    await signOutAt(world, browser)
    assert.equal((await world.ask('GET', '/account/whoami', undefined, access)).status, 200)
  })
})

test('nobody but the provider can end sessions', () =>
  withSso({}, async ({ home, ask, signIn }) => {
    const { access } = tokensOf(await signIn())
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    for (const token of [
      '',
      'x',
      'a.b.c',
      `${part({ alg: 'none' })}.${part({ sub: 'id-alice' })}.`,
      `${part({ alg: 'HS256' })}.${part({ sub: 'id-alice' })}.c2ln`,
    ]) {
      const reply = await send(`${home}/_latchkey/sso/idp/logout`, {
        method: 'POST',
        body: new URLSearchParams({ logout_token: token }),
      })
      assert.equal(reply.status, 400)
      assert.equal(((await reply.json()) as Answer)['error'], 'invalid_request')
    }
    assert.equal((await send(`${home}/_latchkey/sso/nobody/logout`, { method: 'POST' })).status, 400)
    assert.equal((await ask('GET', '/account/whoami', undefined, access)).status, 200)
  }))

test('whoever came by a provider confirms by signing in there anew, as the same person, what the page says', () =>
  withSso({}, async ({ home, ask, idp, signIn }) => {
    const browser = openBrowser()
    const { access } = tokensOf(await signIn(browser, { device_id: 'PHONE' }))
    await signIn(browser, { device_id: 'OLD' })
    const told = await ask('DELETE', '/devices/OLD', {}, access)
    assert.deepEqual([told.status, told.body['flows']], [401, [{ stages: ['m.login.sso'] }]])
    const session = String(told.body['session'])
    const early = await ask('DELETE', '/devices/OLD', { auth: { type: 'm.login.sso', session } }, access)
    assert.deepEqual([early.status, early.body['completed']], [401, []])
    const page = await browser.go(`${home}/_matrix/client/v3/auth/m.login.sso/fallback/web?session=${session}`)
    assert.match(page.text, /@alice:one\.test[\s\S]*Sign out a session and delete its keys/)
    const href = /href="([^"]*sso\/idp\/confirm[^"]*)"/.exec(page.text)?.[1] ?? ''
    assert.equal((await openBrowser().go(`${home}${href}`)).status, 400, 'not in a browser that has not shown the page')
    const asked = idp.asked
    idp.person = 'id-mallory'
    const elsewhere = openBrowser()
    const wrong = await elsewhere.follow(await elsewhere.go(page.url), '/sso/idp/confirm')
    assert.deepEqual([wrong.status, /somebody else/.test(wrong.text)], [403, true])
    idp.person = 'id-alice'
    const done = await browser.follow(page, '/sso/idp/confirm')
    assert.match(done.text, /Confirmed[\s\S]*/)
    assert.match(done.text, /done\.js/)
    assert.equal(idp.asked, asked + 2, 'the provider asked anew each time')
    assert.equal(
      (await ask('DELETE', '/devices/PHONE', { auth: { session } }, access)).status,
      403,
      'not for another thing',
    )
    assert.equal((await ask('DELETE', '/devices/OLD', { auth: { session } }, access)).status, 200)
    assert.equal((await ask('DELETE', '/devices/OLD', { auth: { session } }, access)).status, 401, 'once')
    assert.equal(
      (await browser.go(`${home}/_matrix/client/v3/auth/m.login.sso/fallback/web?session=${session}`)).status,
      400,
    )
    assert.equal(
      (await browser.go(`${home}/_matrix/client/v3/auth/m.login.magic/fallback/web?session=${session}`)).status,
      404,
    )
  }))

test('on the account page people see, name and sign out what is theirs', () =>
  withSso({}, async ({ home, ask, signIn }) => {
    const browser = openBrowser()
    const { access } = tokensOf(
      await signIn(browser, { device_id: 'PHONE', initial_device_display_name: 'My <b>phone</b>' }),
    )
    assert.match((await browser.go(`${home}/account`)).text, /Sign in to see your account/)
    const page = await browser.go(`${home}/account/sign-in/idp`)
    assert.match(page.text, /My &lt;b&gt;phone&lt;\/b&gt;[\s\S]*PHONE/)
    assert.equal(
      page.headers.get('content-security-policy'),
      "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    )
    assert.equal((await browser.submit(page, '/account/sessions', { token: 'forged' })).status, 400)
    const named = await browser.submit(page, '/account/name', { name: 'Alice & Co' })
    assert.match(named.text, /Your display name is saved[\s\S]*Alice &amp; Co/)
    assert.equal((await ask('GET', '/profile/@alice:one.test')).body['displayname'], 'Alice & Co')
    assert.match(
      (await browser.submit(page, '/account/sessions')).text,
      /The session is signed out[\s\S]*No app is signed in/,
    )
    assert.equal((await ask('GET', '/account/whoami', undefined, access)).status, 401)
    assert.doesNotMatch(page.text, /action="\/account\/unlink"/)
    const left = await browser.submit(page, '/account/sign-out')
    assert.match(left.text, /href="http:\/\/127\.0\.0\.1:\d+\/session\/end\?[^"]*id_token_hint=/)
    assert.match((await browser.go(`${home}/account`)).text, /Sign in to see your account/)
    assert.equal((await browser.submit(page, '/account/name', { name: 'x' })).status, 400)
  }))

test('a name that comes from the provider cannot be changed on the account page', () =>
  withSso(
    {
      provider: {
        mapping: { localpart: ['{preferred_username}'], display_name: ['{name}'], locked: ['display_name'] },
      },
    },
    async ({ home }) => {
      const browser = openBrowser()
      const page = await browser.go(`${home}/account/sign-in/idp`)
      assert.match(page.text, /Your display name comes from your organisation/)
      const token = /name="token" value="([^"]*)"/.exec(page.text)?.[1] ?? ''
      assert.equal((await browser.go(`${home}/account/name`, { token, name: 'x' })).status, 403)
    },
  ))

test('an identity is linked by who has proven both sides, and unlinked unless it is the only way in', () =>
  withSso({}, async ({ home, ask, idp, signIn }) => {
    await ask('POST', '/register', { username: 'carol', password: 'a long password', auth: { type: 'm.login.dummy' } })
    idp.person = 'id-anybody'
    const browser = openBrowser()
    const door = await browser.go(`${home}/account`)
    assert.equal((await browser.submit(door, '/account/sign-in', { user: 'carol', password: 'wrong' })).status, 403)
    const page = await browser.submit(door, '/account/sign-in', { user: 'carol', password: 'a long password' })
    assert.match(page.text, /None: you sign in by password/)
    const question = await browser.follow(page, '/account/link/idp')
    assert.match(
      question.text,
      /id-anybody@idp\.test of Example Account, will|id-anybody@idp\.test of Example Account will/,
    )
    assert.equal((await openBrowser().submit(question, '/account/link')).status, 400)
    const linked = await browser.submit(question, '/account/link')
    assert.match(linked.text, /The sign-in is linked/)
    assert.equal((await signIn(openBrowser()))['user_id'], '@carol:one.test')
    const unlinked = await browser.submit(linked, '/account/unlink')
    assert.match(unlinked.text, /The sign-in is unlinked/)
    assert.equal((await signIn(openBrowser()))['user_id'], '@anybody:one.test')
    const taken = await browser.submit(
      await browser.follow(await browser.go(`${home}/account`), '/account/link/idp'),
      '/account/link',
    )
    assert.match(taken.text, /belongs to another account already/)
  }))
