// The attacks of RFC 9700 and RFC 6819, one by one, against a server over HTTP.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { openBrowser, send } from '../../test/harness/identity-provider.ts'
import {
  newDevice,
  type OAuthWorld,
  password,
  redirectUri,
  scopeFor,
  withOAuth,
} from '../../test/harness/oauth-world.ts'

const own = {
  id: 'backend',
  secret: 'a secret of the backend, of more than 32 letters',
  redirect_uris: ['https://backend.example.test/cb'],
  introspection: true,
}
let ahead = 0
const options = {
  now: () => Date.now() + ahead,
  config: { oauth: { clients: [own], registrations_per_hour: 20 } },
}
const basic = (id: string, secret: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`,
})

/** What a browser is told that asks for this, with its redirect not followed. */
const visit = async (url: string, headers: Record<string, string> = {}): Promise<Response> => send(url, { headers })

test('attacks', async (t) => {
  await withOAuth(options, async (world: OAuthWorld) => {
    const { home, post, register, account, begin, code, exchange, tokens, whoami, signInOn, allow, said } = world
    await account('alice')
    await account('mallory')
    const client = await register()
    const other = await register({ client_name: 'Another App' })

    await t.test('a code that is used twice ends what it gave', async () => {
      const flow = await code(client)
      const first = await exchange(client, flow)
      assert.equal((await whoami(first.body['access_token'])).status, 200)
      const again = await exchange(client, flow)
      assert.deepEqual([again.status, again.body['error']], [400, 'invalid_grant'])
      assert.equal((await whoami(first.body['access_token'])).status, 401)
      const refreshed = await post('token', {
        grant_type: 'refresh_token',
        client_id: client,
        refresh_token: String(first.body['refresh_token']),
      })
      assert.equal(refreshed.body['error'], 'invalid_grant')
    })

    await t.test('of two who bring a code at once neither keeps a session', async () => {
      const flow = await code(client)
      const answers = await Promise.all([exchange(client, flow), exchange(client, flow), exchange(client, flow)])
      const good = answers.filter(({ status }) => status === 200)
      assert.equal(good.length, 1)
      assert.equal((await whoami(good[0]?.body['access_token'])).status, 401)
    })

    await t.test('a code is of no use without the verifier, to another client, or at another address', async () => {
      for (const more of [
        { code_verifier: randomBytes(32).toString('base64url') },
        { redirect_uri: `${redirectUri}/` },
        { redirect_uri: 'https://evil.example/' },
        { client_id: other },
      ]) {
        const flow = await code(client)
        assert.equal((await exchange(client, flow, more)).body['error'], 'invalid_grant', JSON.stringify(more))
        // Whoever has tried has burnt it.
        assert.equal((await exchange(client, flow)).body['error'], 'invalid_grant')
      }
      const flow = await code(client)
      const bare = await exchange(client, flow, { code_verifier: '' })
      assert.equal(bare.body['error'], 'invalid_request')
    })

    await t.test('a code of somebody else is not to be injected: the verifier does not fit', async () => {
      const [mine, stolen] = [begin(client), await code(client, 'mallory')]
      assert.equal((await exchange(client, { ...mine, code: stolen.code })).body['error'], 'invalid_grant')
    })

    await t.test('PKCE cannot be left out or weakened', async () => {
      for (const [more, error] of [
        [{ code_challenge: '' }, 'invalid_request'],
        [{ code_challenge_method: '' }, 'invalid_request'],
        [{ code_challenge_method: 'plain' }, 'invalid_request'],
        [{ code_challenge: 'short' }, 'invalid_request'],
      ] as const) {
        const reply = await visit(begin(client, more).url)
        const location = new URL(reply.headers.get('location') ?? '')
        assert.equal(new URLSearchParams(location.hash.slice(1)).get('error'), error, JSON.stringify(more))
        assert.equal(location.origin, 'https://app.example.test')
      }
    })

    await t.test('nobody is sent where a client has not said that it is', async () => {
      for (const uri of [
        'https://evil.example/callback',
        `${redirectUri}/`,
        `${redirectUri}?x`,
        `${redirectUri}#x`,
        'https://app.example.test:444/callback',
        'https://app.example.test@evil.example/callback',
        'https://app.example.test/callback/../evil',
        'HTTPS://APP.EXAMPLE.TEST/callback',
        'javascript:alert(1)',
        '//evil.example',
        '',
      ]) {
        for (const more of [{}, { response_type: 'token' }, { scope: 'nothing' }]) {
          const reply = await visit(begin(client, { redirect_uri: uri, ...more }).url)
          assert.deepEqual([reply.status, reply.headers.get('location')], [400, null], uri)
        }
      }
      for (const id of ['', 'nobody', '../..', 'x'.repeat(1000)]) {
        const reply = await visit(begin(client, { client_id: id }).url)
        assert.deepEqual([reply.status, reply.headers.get('location')], [400, null], id)
      }
      const twice = await visit(`${begin(client).url}&redirect_uri=${encodeURIComponent('https://evil.example/')}`)
      assert.deepEqual([twice.status, twice.headers.get('location')], [400, null])
    })

    await t.test('a client of several servers learns which of them answers', async () => {
      const flow = begin(client)
      const browser = openBrowser()
      const url = await allow(browser, await signInOn(browser, flow.url))
      assert.equal(new URLSearchParams(url.hash.slice(1)).get('iss'), home)
      const refused = await visit(begin(client, { scope: 'nothing' }).url)
      const answer = new URLSearchParams(new URL(refused.headers.get('location') ?? '').hash.slice(1))
      assert.deepEqual([answer.get('error'), answer.get('iss')], ['invalid_scope', home])
    })

    await t.test('a refresh token that was used up ends the session, whoever brings it', async () => {
      const first = await tokens(client)
      const refresh = (token: unknown, id = client) =>
        post('token', { grant_type: 'refresh_token', client_id: id, refresh_token: String(token) })
      const second = await refresh(first['refresh_token'])
      assert.equal((await whoami(second.body['access_token'])).status, 200)
      assert.equal((await refresh(first['refresh_token'], other)).body['error'], 'invalid_grant')
      assert.equal((await whoami(second.body['access_token'])).status, 200, 'another client can do nothing with it')
      const again = await refresh(first['refresh_token'])
      assert.equal(again.body['access_token'], second.body['access_token'], 'an answer may come late, or be lost')
      ahead += 61_000
      assert.equal((await refresh(first['refresh_token'])).body['error'], 'invalid_grant')
      assert.equal((await whoami(second.body['access_token'])).status, 401)
      assert.equal((await refresh(second.body['refresh_token'])).body['error'], 'invalid_grant')
    })

    await t.test('a refresh token is good for its client alone, and at its own endpoint', async () => {
      const first = await tokens(client)
      const token = String(first['refresh_token'])
      for (const more of [{ client_id: other }, { client_id: '' }])
        assert.notEqual(
          (await post('token', { grant_type: 'refresh_token', refresh_token: token, ...more })).status,
          200,
        )
      assert.equal((await world.ask('POST', '/refresh', { refresh_token: token })).body['errcode'], 'M_UNKNOWN_TOKEN')
      const legacy = await world.ask('POST', '/login', {
        type: 'm.login.password',
        identifier: { type: 'm.id.user', user: 'alice' },
        password,
        refresh_token: true,
      })
      const taken = await post('token', {
        grant_type: 'refresh_token',
        client_id: client,
        refresh_token: String(legacy.body['refresh_token']),
      })
      assert.equal(taken.body['error'], 'invalid_grant')
      const more = await post('token', {
        grant_type: 'refresh_token',
        client_id: client,
        refresh_token: token,
        scope: scopeFor('ANOTHER'),
      })
      assert.equal(more.body['error'], 'invalid_scope')
      assert.equal((await whoami(first['access_token'])).status, 200, 'none of this has cost the session')
    })

    await t.test('consent is given by whoever was asked, in their browser, for what they were shown', async () => {
      const [victim, attacker] = [openBrowser(), openBrowser()]
      const asked = await signInOn(attacker, begin(client).url, 'mallory')
      const ticket = /name="ticket" value="([^"]+)"/.exec(asked.text)?.[1] ?? assert.fail(asked.text)
      const shown = await signInOn(victim, begin(client).url, 'alice')
      const token = /name="token" value="([^"]+)"/.exec(shown.text)?.[1] ?? assert.fail(shown.text)
      // Another browser's question, with this browser's own token; and this one's, with none or another's.
      const injected = await victim.go(`${home}/oauth2/consent`, { token, ticket, answer: 'allow' })
      assert.deepEqual([injected.status, injected.url], [400, `${home}/oauth2/consent`])
      const mine = /name="ticket" value="([^"]+)"/.exec(shown.text)?.[1] ?? ''
      for (const forged of ['', 'x'.repeat(43)])
        assert.equal(
          (await victim.go(`${home}/oauth2/consent`, { token: forged, ticket: mine, answer: 'allow' })).status,
          400,
        )
      // Signed in as somebody else meanwhile.
      const door = await victim.go(`${home}/account/sign-in`)
      await victim.submit(door, '/account/sign-in', { user: 'mallory', password })
      assert.equal((await victim.go(`${home}/oauth2/consent`, { token, ticket: mine, answer: 'allow' })).status, 400)
    })

    await t.test('nobody is signed in by a form of another site', async () => {
      const victim = openBrowser()
      const landing = await victim.go(begin(client).url)
      const door = /name="door" value="([^"]+)"/.exec(landing.text)?.[1] ?? ''
      const reply = await victim.go(`${home}/account/sign-in`, { user: 'mallory', password, door, token: 'forged' })
      assert.equal(reply.status, 400)
      assert.equal(victim.cookies.get(home)?.get('latchkey_account'), undefined)
    })

    await t.test('a request that was begun in one browser does not go on in another', async () => {
      const [one, two] = [openBrowser(), openBrowser()]
      const landing = await signInOn(one, begin(client).url)
      const request = new URL(landing.url).searchParams.get('request') ?? assert.fail(landing.url)
      await signInOn(two, begin(client).url, 'mallory')
      assert.equal((await two.go(`${home}/oauth2/continue?request=${request}`)).status, 400)
    })

    await t.test('pages are in nobody’s frame, lead nowhere else, and tell nobody where one was', async () => {
      const browser = openBrowser()
      const landing = await signInOn(browser, begin(client).url)
      for (const { headers } of [
        landing,
        await browser.go(`${home}/link`),
        await browser.go(`${home}/account/sign-in`),
      ]) {
        assert.equal(headers.get('x-frame-options'), 'DENY')
        assert.match(headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/)
        assert.equal(headers.get('referrer-policy'), 'no-referrer')
        assert.match(headers.get('cache-control') ?? '', /no-store/)
      }
      assert.match(
        landing.headers.get('content-security-policy') ?? '',
        /form-action 'self' https:\/\/app\.example\.test;/,
      )
    })

    await t.test('a client of the operator cannot be played without its secret', async () => {
      const flow = begin('backend', { redirect_uri: 'https://backend.example.test/cb' })
      const browser = openBrowser()
      const landing = await signInOn(browser, flow.url)
      const answer = new URLSearchParams((await allow(browser, landing)).hash.slice(1))
      const form = {
        grant_type: 'authorization_code',
        code: answer.get('code') ?? '',
        redirect_uri: 'https://backend.example.test/cb',
        code_verifier: flow.verifier,
      }
      const bare = await post('token', { ...form, client_id: 'backend' })
      assert.deepEqual([bare.status, bare.body['error']], [401, 'invalid_client'])
      const wrong = await post('token', form, basic('backend', 'wrong'))
      assert.deepEqual([wrong.status, wrong.headers.get('www-authenticate')], [401, 'Basic realm="oauth"'])
      assert.equal((await post('token', { ...form, client_id: client }, basic('backend', own.secret))).status, 400)
      assert.equal((await post('token', form, basic('backend', own.secret))).status, 200)
    })

    await t.test('whose a token is learn only services that may ask, and it lets nobody in', async () => {
      const first = await tokens(client)
      const ask = (form: Record<string, string>, headers?: Record<string, string>) => post('introspect', form, headers)
      const token = String(first['access_token'])
      assert.equal((await ask({ token })).status, 400)
      assert.equal((await ask({ token, client_id: client })).status, 401)
      const told = await ask({ token }, basic('backend', own.secret))
      assert.deepEqual(
        [told.body['active'], told.body['sub'], told.body['client_id'], told.body['token_type']],
        [true, '@alice:one.test', client, 'access_token'],
      )
      const refresh = await ask({ token: String(first['refresh_token']) }, basic('backend', own.secret))
      assert.deepEqual([refresh.body['active'], refresh.body['token_type']], [true, 'refresh_token'])
      await post('revoke', { token })
      for (const gone of [token, String(first['refresh_token']), 'nothing'])
        assert.deepEqual((await ask({ token: gone }, basic('backend', own.secret))).body, { active: false })
    })

    await t.test('a device that is trusted already is not handed to whoever asks for its id', async () => {
      const victim = await tokens(client)
      const { body: me } = await whoami(victim['access_token'])
      const begun = await post('device_authorization', { client_id: client, scope: scopeFor(String(me['device_id'])) })
      const browser = openBrowser()
      const landing = await signInOn(browser, String(begun.body['verification_uri_complete']))
      assert.match(landing.text, /Allow this only if you began it yourself/)
      assert.match(landing.text, new RegExp(String(begun.body['user_code'])))
      assert.match(landing.text, /127\.0\.0\.1/)
      assert.equal((await browser.submit(landing, '/link', { answer: 'allow' })).status, 403)
      assert.equal((await whoami(victim['access_token'])).status, 200)
    })

    await t.test('a device code is good for its client, once, and a link alone lets nobody in', async () => {
      const device = newDevice()
      const begun = await post('device_authorization', { client_id: client, scope: scopeFor(device) })
      const poll = (id = client) =>
        post('token', {
          grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
          client_id: id,
          device_code: String(begun.body['device_code']),
        })
      assert.equal((await poll()).body['error'], 'authorization_pending')
      assert.equal((await poll()).body['error'], 'slow_down')
      assert.equal((await poll(other)).body['error'], 'invalid_grant')
      const browser = openBrowser()
      const landing = await signInOn(browser, String(begun.body['verification_uri_complete']))
      await browser.go(String(begun.body['verification_uri_complete']))
      assert.equal((await poll()).status, 400, 'opening the link was not enough')
      assert.equal((await browser.submit(landing, '/link', { answer: 'allow' })).status, 200)
      const answer = await poll()
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
      assert.equal((await browser.submit(landing, '/link', { answer: 'allow' })).status, 400)
      assert.equal((await poll()).body['error'], 'invalid_grant')
      assert.equal((await whoami(answer.body['access_token'])).status, 401, 'it came twice, and has ended its session')
      const refused = await post('device_authorization', { client_id: client, scope: scopeFor(newDevice()) })
      const again = await browser.go(String(refused.body['verification_uri_complete']))
      await browser.submit(again, '/link', { answer: 'deny' })
      const denied = await post('token', {
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        client_id: client,
        device_code: String(refused.body['device_code']),
      })
      assert.equal(denied.body['error'], 'access_denied')
    })

    await t.test('parameters that come twice, grants that are not there, and bodies that are none', async () => {
      const sent = async (body: string, type = 'application/x-www-form-urlencoded') => {
        const reply = await send(`${home}/oauth2/token`, { method: 'POST', body, headers: { 'content-type': type } })
        return [reply.status, ((await reply.json()) as { error: unknown }).error]
      }
      assert.deepEqual(await sent('grant_type=refresh_token&grant_type=authorization_code'), [400, 'invalid_request'])
      assert.deepEqual(await sent('grant_type=password&username=alice&password=x'), [400, 'unsupported_grant_type'])
      assert.deepEqual(await sent('grant_type=client_credentials'), [400, 'unsupported_grant_type'])
      assert.deepEqual(await sent(''), [400, 'invalid_request'])
      assert.deepEqual(await sent('\0'), [400, 'invalid_request'])
      assert.deepEqual(await sent('{"grant_type":"refresh_token"}', 'application/json'), [400, 'invalid_request'])
      assert.deepEqual(await sent(`grant_type=${'x'.repeat(100_000)}`), [400, 'invalid_request'])
      const registered = await send(`${home}/oauth2/register`, { method: 'POST', body: '{"client_uri":' })
      assert.deepEqual(
        [registered.status, ((await registered.json()) as { error: unknown }).error],
        [400, 'invalid_request'],
      )
    })

    await t.test('a flood of registrations is held up, and those that are known are not', async () => {
      const statuses = new Map<number, number>()
      for (let at = 0; at < 30; at++) {
        const reply = await send(`${home}/oauth2/register`, {
          method: 'POST',
          body: JSON.stringify({
            client_uri: 'https://flood.test/',
            client_name: `App ${at}`,
            redirect_uris: ['https://flood.test/'],
          }),
        })
        await reply.body?.cancel()
        statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1)
      }
      assert.ok((statuses.get(429) ?? 0) >= 10, JSON.stringify([...statuses]))
      assert.equal(await register(), client)
    })

    await t.test('the page for codes cannot be guessed at for long', async () => {
      const browser = openBrowser()
      await signInOn(browser, `${home}/link`)
      assert.match((await browser.go(`${home}/link?user_code=BBBB-BBBB`)).text, /not known/)
    })

    await t.test('codes, tokens and secrets are in no line of the log', async () => {
      const flow = await code(client)
      const answer = (await exchange(client, flow)).body
      const text = JSON.stringify(said)
      for (const secret of [
        flow.code,
        flow.verifier,
        answer['access_token'],
        answer['refresh_token'],
        password,
        own.secret,
      ])
        assert.ok(!text.includes(String(secret)), String(secret).slice(0, 8))
      assert.doesNotMatch(text, /lk[acdlor]_[A-Za-z0-9_-]{20}/)
    })
  })
})
