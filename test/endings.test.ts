// Every kind of session and ticket, against everything that ends what somebody has opened: whoever knew a password, or found a browser
// open, is out once its owner has done something about it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBrowser } from './harness/identity-provider.ts'
import { startOf, tokenOf, type SsoWorld, withSso } from './harness/sso-world.ts'
import { newDevice, type OAuthWorld, password, scopeFor, withOAuth } from './harness/oauth-world.ts'
import { databases } from './harness/postgres.ts'

const name = 'alice'
const id = { type: 'm.id.user', user: name }

/** A password sign-in. Resolves to the answer. */
const signIn = async ({ ask }: OAuthWorld, more: object = {}) => {
  const { status, body } = await ask('POST', '/login', { type: 'm.login.password', identifier: id, password, ...more })
  assert.equal(status, 200, JSON.stringify(body))
  return body
}

/** Asks, and confirms by the password where that is wanted. */
const confirmed = async (world: OAuthWorld, path: string, token: string, body: object) => {
  const told = await world.ask('POST', path, body, token)
  if (told.status !== 401) return told
  const auth = { type: 'm.login.password', identifier: id, password, session: told.body['session'] }
  return world.ask('POST', path, { ...body, auth }, token)
}

const loginToken = async (world: OAuthWorld): Promise<string> => {
  const { access_token: token } = await signIn(world)
  const { body } = await confirmed(world, '/_matrix/client/v1/login/get_token', String(token), {})
  return String(body['login_token'])
}

const isOk = async (answer: Promise<{ status: number }>): Promise<boolean> => (await answer).status === 200

/** What the attacker opens; each resolves to a way to see whether it is good still, which may use it up. */
const kinds: Record<string, (world: OAuthWorld) => Promise<() => Promise<boolean>>> = {
  'access token': async (world) => {
    const { access_token: token } = await signIn(world)
    return () => isOk(world.whoami(token))
  },
  'refresh token': async (world) => {
    const { refresh_token: token } = await signIn(world, { refresh_token: true })
    return () => isOk(world.ask('POST', '/refresh', { refresh_token: token }))
  },
  'session of the account page': async (world) => {
    const browser = openBrowser()
    await world.signInOn(browser, `${world.home}/account`, name)
    return async () => (await browser.go(`${world.home}/account`)).text.includes('Access tokens')
  },
  'login token': async (world) => {
    const token = await loginToken(world)
    return () => isOk(world.ask('POST', '/login', { type: 'm.login.token', token }))
  },
  'way to the account page by a link': async (world) => {
    const browser = openBrowser()
    const asked = await browser.go(`${world.home}/account/enter?loginToken=${await loginToken(world)}`)
    assert.equal(asked.status, 200)
    return async () => (await browser.submit(asked, '/account/entered')).text.includes('Access tokens')
  },
  'question whether to go on to an app': async (world) => {
    const browser = openBrowser()
    const target = encodeURIComponent('https://elsewhere.example.test/')
    const sso = `${world.home}/_matrix/client/v3/login/sso/redirect?redirectUrl=${target}&action=login`
    const asked = await world.signInOn(browser, sso, name)
    const href = /href="([^"]*sso\/continue[^"]*)"/.exec(asked.text)?.[1] ?? assert.fail(asked.text)
    return async () => /loginToken=/.test((await browser.go(`${world.home}${href.replaceAll('&amp;', '&')}`)).url)
  },
  'authorization code': async (world) => {
    const client = await world.register()
    const code = await world.code(client, name)
    return () => isOk(world.exchange(client, code))
  },
  'question whether an app is to get the account': async (world) => {
    const [browser, client] = [openBrowser(), await world.register()]
    const asked = await world.signInOn(browser, world.begin(client).url, name)
    return async () => /code=/.test((await browser.submit(asked, '/oauth2/consent', { answer: 'allow' })).url)
  },
  'device code': async (world) => {
    const client = await world.register()
    const begun = await world.post('device_authorization', { client_id: client, scope: scopeFor(newDevice()) })
    const browser = openBrowser()
    const landing = await world.signInOn(browser, String(begun.body['verification_uri_complete']), name)
    assert.equal((await browser.submit(landing, '/link', { answer: 'allow' })).status, 200)
    return () =>
      isOk(
        world.post('token', {
          grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
          client_id: client,
          device_code: String(begun.body['device_code']),
        }),
      )
  },
  'refresh token of OAuth': async (world) => {
    const client = await world.register()
    const { refresh_token: token } = await world.tokens(client, name)
    const form = { grant_type: 'refresh_token', client_id: client, refresh_token: String(token) }
    return () => isOk(world.post('token', form))
  },
  'OpenID token': async (world) => {
    const { access_token: token, user_id: user } = await signIn(world)
    const { body } = await world.ask('POST', `/user/${String(user)}/openid/request_token`, {}, String(token))
    const query = `access_token=${String(body['access_token'])}`
    return () => isOk(world.ask('GET', `/_matrix/federation/v1/openid/userinfo?${query}`))
  },
  'personal access token': async (world) => {
    const { nid } = (await world.server.users.findByLocalpart(name))!
    const { token } = await world.server.login.personalTokens.create({ user: nid, name: 'bot', ip: '127.0.0.1' })
    return () => isOk(world.whoami(token))
  },
}

const nidOf = async ({ server }: OAuthWorld): Promise<number> => (await server.users.findByLocalpart(name))!.nid

/** What its owner, or an administrator, does about it. */
const ways: Record<string, (world: OAuthWorld) => Promise<unknown>> = {
  'another password': async (world) => {
    const { access_token: token } = await signIn(world)
    const { status } = await confirmed(world, '/account/password', String(token), { new_password: 'another password' })
    assert.equal(status, 200)
  },
  'another password by the operator': async (world) =>
    world.server.login.setPassword(await nidOf(world), 'another password'),
  'signing out everywhere': async (world) =>
    world.ask('POST', '/logout/all', {}, String((await signIn(world))['access_token'])),
  deactivation: async (world) => world.server.identities.deactivate(await nidOf(world), false),
}

for (const database of databases)
  for (const [way, end] of Object.entries(ways))
    test(`${way} ends everything that was opened (${database.name})`, async () => {
      const { url, dispose } = await database.open()
      await withOAuth({ config: { database: url } }, async (world) => {
        await world.account(name)
        const opened = []
        for (const [what, open] of Object.entries(kinds)) opened.push({ what, isGood: await open(world) })
        await end(world)
        const left = []
        for (const { what, isGood } of opened) if (await isGood()) left.push(what)
        assert.deepEqual(left, [])
      })
      await dispose()
    })

test('each of them is good as long as nobody ends it', async () => {
  await withOAuth({}, async (world) => {
    await world.account(name)
    for (const [what, open] of Object.entries(kinds)) assert.ok(await (await open(world))(), what)
  })
})

const browserKinds = Object.entries(kinds).filter(([what]) => !/^(access|refresh|personal)/.test(what))

test('another password that leaves apps signed in ends what is open in browsers, and on its way', async () => {
  await withOAuth({}, async (world) => {
    await world.account(name)
    const opened = []
    for (const [what, open] of browserKinds) opened.push({ what, isGood: await open(world) })
    const { access_token: own } = await signIn(world)
    const wish = { new_password: 'another password', logout_devices: false }
    assert.equal((await confirmed(world, '/account/password', String(own), wish)).status, 200)
    for (const { what, isGood } of opened) assert.equal(await isGood(), false, what)
    assert.equal((await world.whoami(own)).status, 200)
  })
})

test('what was open before an account was locked is not open again once it is unlocked', async () => {
  await withOAuth({}, async (world) => {
    await world.account(name)
    const opened = []
    for (const [what, open] of browserKinds) opened.push({ what, isGood: await open(world) })
    await world.server.users.setLocked(await nidOf(world), true)
    await world.server.users.setLocked(await nidOf(world), false)
    // What is deleted of it then has its turn before this write.
    await world.server.database.write(() => Promise.resolve())
    for (const { what, isGood } of opened) assert.equal(await isGood(), false, what)
  })
})

/** The same of what came of a provider. */
const ofProvider: Record<string, (world: SsoWorld) => Promise<() => Promise<boolean>>> = {
  'access token': async ({ ask, signIn: enter }) => {
    const { access_token: token } = await enter()
    return () => isOk(ask('GET', '/account/whoami', undefined, String(token)))
  },
  'session of the account page': async ({ home }) => {
    const browser = openBrowser()
    await browser.go(`${home}/account/sign-in/idp`)
    return async () => (await browser.go(`${home}/account`)).text.includes('Access tokens')
  },
  'login token on its way': async ({ home, ask }) => {
    const token = tokenOf(await openBrowser().go(startOf(home)))
    return () => isOk(ask('POST', '/login', { type: 'm.login.token', token }))
  },
  'question whether to go on to an app': async ({ home }) => {
    const browser = openBrowser()
    const asked = await browser.go(startOf(home, 'https://elsewhere.example.test/'))
    const href = /href="([^"]*sso\/continue[^"]*)"/.exec(asked.text)?.[1] ?? assert.fail(asked.text)
    return async () => /loginToken=/.test((await browser.go(`${home}${href.replaceAll('&amp;', '&')}`)).url)
  },
  'way to the account page by a link': async ({ home }) => {
    const browser = openBrowser()
    const token = tokenOf(await openBrowser().go(startOf(home)))
    const asked = await browser.go(`${home}/account/enter?loginToken=${token}`)
    return async () => (await browser.submit(asked, '/account/entered')).text.includes('Access tokens')
  },
}

const waysOfProvider: Record<string, (world: SsoWorld) => Promise<unknown>> = {
  'a logout at the provider': async ({ server }) =>
    server.login.web.context.sessions.endFrom('idp', { subject: 'id-alice' }, 'soft'),
  unlinking: async ({ server }) => {
    const { nid } = (await server.users.findByLocalpart(name))!
    await server.identities.links.remove(nid, { provider: 'idp', subject: 'id-alice' }, 'operator')
  },
}

for (const [way, end] of Object.entries(waysOfProvider))
  test(`${way} ends everything that came of the provider`, () =>
    withSso({}, async (world) => {
      const opened = []
      for (const [what, open] of Object.entries(ofProvider)) opened.push({ what, isGood: await open(world) })
      await end(world)
      for (const { what, isGood } of opened) assert.equal(await isGood(), false, what)
    }))

test('what came of a provider is good as long as nobody ends it', () =>
  withSso({}, async (world) => {
    for (const [what, open] of Object.entries(ofProvider)) assert.ok(await (await open(world))(), what)
  }))

test('whoever finds a browser open cannot link a sign-in of theirs: that takes a fresh proof', async () => {
  const clock = { now: Date.now() - 10 * 60_000 }
  await withSso({ now: () => clock.now }, async ({ home, ask, idp }) => {
    await ask('POST', '/register', { username: 'bob', password, auth: { type: 'm.login.dummy' } })
    const browser = openBrowser()
    const signInHere = async () =>
      browser.submit(await browser.go(`${home}/account`), '/account/sign-in', { user: 'bob', password })
    assert.match((await signInHere()).text, /@bob:one\.test/)
    clock.now = Date.now()
    const asked = idp.asked
    const refused = await browser.go(`${home}/account/link/idp`)
    assert.match(refused.text, /type="password"/, 'it is asked for the password once more')
    assert.equal(idp.asked, asked, 'and nobody is sent to the provider')
    const question = await browser.submit(refused, '/account/sign-in', { user: 'bob', password })
    assert.match(question.text, /Link this sign-in\?/)
    // Bob signs out everywhere meanwhile: what was begun is worth nothing.
    const { body } = await ask('POST', '/login', {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'bob' },
      password,
    })
    await ask('POST', '/logout/all', {}, String(body['access_token']))
    assert.equal((await browser.submit(question, '/account/link')).status, 400)
    assert.match((await signInHere()).text, /None: you sign in by password/)
  })
})
