// Sessions that go on only as long as their provider says so.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { openBrowser } from '../../../test/harness/identity-provider.ts'
import { freePort } from '../../../test/harness/process.ts'
import { databases } from '../../../test/harness/postgres.ts'
import { openDatabase } from '../../storage/index.ts'
import { type SsoWorld, startOf, tokenOf, withSso } from '../../../test/harness/sso-world.ts'

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
const check = 100
const asked = (log: readonly string[]): number => log.filter((line) => line === 'POST /token/introspection').length

const onEveryPath = async ({ home, ask, idp, signIn }: SsoWorld): Promise<void> => {
  const browser = openBrowser()
  const session = await signIn(browser, { device_id: 'PHONE', refresh_token: true })
  const [access, refresh] = [String(session['access_token']), String(session['refresh_token'])]
  await pause(check)
  const [before, start] = [asked(idp.log), Date.now()]
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask('GET', '/account/whoami', undefined, access)))
  assert.ok(answers.every(({ status }) => status === 200))
  assert.ok(asked(idp.log) - before <= 1 + (Date.now() - start) / check, 'asked once for all that come within the time')
  const onItsWay = tokenOf(await browser.go(startOf(home)))
  const account = await browser.go(`${home}/account/sign-in/idp`)
  assert.match(account.text, /PHONE/)
  idp.disabled = true
  await pause(check)
  const ended = await ask('GET', '/account/whoami', undefined, access)
  assert.deepEqual([ended.status, ended.body['errcode'], ended.body['soft_logout']], [401, 'M_UNKNOWN_TOKEN', true])
  const refreshed = await ask('POST', '/refresh', { refresh_token: refresh })
  assert.deepEqual([refreshed.status, refreshed.body['soft_logout']], [401, true])
  assert.equal((await ask('POST', '/login', { type: 'm.login.token', token: onItsWay })).status, 403)
  assert.match((await browser.go(`${home}/account`)).text, /Sign in to see/)
  idp.disabled = false
  assert.equal((await signIn(openBrowser(), { device_id: 'PHONE' }))['device_id'], 'PHONE')
}

test('what nobody needs to ask with any more is not kept', async () => {
  const [file] = databases
  const { url, dispose } = (await file?.open()) ?? assert.fail()
  try {
    await withSso({ provider: { session_check: check }, config: { database: url } }, async ({ ask, signIn }) => {
      for (let count = 0; count < 3; count++) await ask('POST', '/logout', {}, String((await signIn())['access_token']))
      await signIn()
    })
    await using database = await openDatabase({ url, serverName: 'one.test' })
    assert.equal((await database.read.selectFrom('provider_evidence').select('sid').execute()).length, 1)
  } finally {
    await dispose()
  }
})

for (const kind of databases) {
  test(`a session ends softly, on every path, once the provider says that its own has ended (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    try {
      await withSso({ provider: { session_check: check }, config: { database: url } }, onEveryPath)
    } finally {
      await dispose()
    }
  })
}

test('whoever only refreshes is asked about as well', () =>
  withSso({ provider: { session_check: check } }, async ({ ask, idp, signIn }) => {
    const session = await signIn(openBrowser(), { refresh_token: true })
    idp.disabled = true
    await pause(check)
    assert.equal((await ask('POST', '/refresh', { refresh_token: String(session['refresh_token']) })).status, 401)
  }))

test('a session that another one opened ends with it', () =>
  withSso({ provider: { session_check: check } }, async ({ home, ask, idp, signIn }) => {
    const browser = openBrowser()
    const access = String((await signIn(browser))['access_token'])
    const id = String((await ask('POST', '/_matrix/client/v1/login/get_token', {}, access)).body['session'])
    await browser.follow(
      await browser.go(`${home}/_matrix/client/v3/auth/m.login.sso/fallback/web?session=${id}`),
      '/sso/idp/confirm',
    )
    const { login_token: token } = (
      await ask('POST', '/_matrix/client/v1/login/get_token', { auth: { session: id } }, access)
    ).body
    const other = await ask('POST', '/login', { type: 'm.login.token', token })
    assert.equal(other.status, 200)
    idp.disabled = true
    await pause(check)
    assert.equal((await ask('GET', '/account/whoami', undefined, String(other.body['access_token']))).status, 401)
  }))

test('while the provider does not answer, sessions go on', () =>
  withSso({ provider: { session_check: check } }, async ({ ask, idp, signIn, said }) => {
    const access = String((await signIn())['access_token'])
    await idp[Symbol.asyncDispose]()
    await pause(check)
    assert.equal((await ask('GET', '/account/whoami', undefined, access)).status, 200)
    assert.ok(said.some(({ msg }) => msg.includes('cannot be asked whether a session still stands')))
  }))

test('without the setting nobody is asked, and nothing is kept', () =>
  withSso({}, async ({ ask, idp, signIn }) => {
    const access = String((await signIn())['access_token'])
    idp.disabled = true
    assert.equal((await ask('GET', '/account/whoami', undefined, access)).status, 200)
    assert.equal(asked(idp.log), 0)
  }))

/** An issuer of tokens that says whether they still stand. */
const openIssuer = async () => {
  const port = await freePort()
  const issuer = `http://127.0.0.1:${port}`
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256' }
  const state = { active: true, over: new Set<string>(), asked: 0, credentials: '' }
  const server = createServer((request, response) => {
    const reply = (body: object): void =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (request.url === '/.well-known/openid-configuration')
      reply({ issuer, jwks_uri: `${issuer}/keys`, introspection_endpoint: `${issuer}/introspect` })
    else if (request.url === '/keys') reply({ keys: [jwk] })
    else {
      state.asked += 1
      state.credentials = Buffer.from(request.headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString()
      void text(request).then((body) => {
        reply({ active: state.active && !state.over.has(new URLSearchParams(body).get('token') ?? '') })
      })
    }
  })
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    issuer,
    state,
    token: (claims: object) =>
      new SignJWT({ ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'k' })
        .setIssuer(issuer)
        .setAudience('matrix')
        .setExpirationTime('5m')
        .setIssuedAt()
        .sign(privateKey),
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections()
        server.close(() => {
          resolve()
        })
      }),
  }
}

test('tokens, and the sessions that they opened, are good as long as their issuer says so', async () => {
  await using issuer = await openIssuer()
  const second = {
    id: 'tokens',
    type: 'jwt',
    issuer: issuer.issuer,
    audiences: ['matrix'],
    bearer: true,
    session_check: check,
    client_id: 'matrix',
    client_secret: 'the secret',
    session_until: 'token_expiry',
  }
  await withSso({ second }, async ({ ask }) => {
    const [token, later] = [
      await issuer.token({ sub: 'dora', sid: 'one' }),
      await issuer.token({ sub: 'dora', sid: 'two' }),
    ]
    const login = await ask('POST', '/login', { type: 'org.matrix.login.jwt', token })
    assert.equal(login.status, 200, JSON.stringify(login.body))
    const access = String(login.body['access_token'])
    for (const good of [access, token, later])
      assert.equal((await ask('GET', '/account/whoami', undefined, good)).status, 200)
    assert.equal(issuer.state.credentials, 'matrix:the%20secret'.replace('%20', '+'))
    const [before, start] = [issuer.state.asked, Date.now()]
    for (let count = 0; count < 5; count++) await ask('GET', '/account/whoami', undefined, later)
    assert.ok(issuer.state.asked - before <= 1 + (Date.now() - start) / check)
    issuer.state.over.add(token)
    await pause(check)
    for (const gone of [access, token]) {
      const answer = await ask('GET', '/account/whoami', undefined, gone)
      assert.deepEqual([answer.status, answer.body['soft_logout']], [401, true])
    }
    const next = await issuer.token({ sub: 'dora', sid: 'one', jti: 'next' })
    assert.equal(
      (await ask('GET', '/account/whoami', undefined, next)).status,
      200,
      'another token of the same session is not that one',
    )
    issuer.state.active = false
    await pause(check)
    for (const gone of [access, later, token])
      assert.equal((await ask('GET', '/account/whoami', undefined, gone)).status, 401)
    const again = await ask('POST', '/login', {
      type: 'org.matrix.login.jwt',
      token: await issuer.token({ sub: 'dora', sid: 'three' }),
    })
    assert.deepEqual([again.status, again.body['code']], [403, 'provider_session_ended'])
  })
})
