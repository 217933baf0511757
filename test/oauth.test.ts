// Sign-in by OAuth 2.0 as matrix-js-sdk does it, unmodified, with the pages in a real browser.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient, type MatrixClient, OAuth2, type OAuthRegistrationRequest } from 'matrix-js-sdk'
import type { BrowserContext, Page } from 'playwright-core'
import { noChromium, openChromium, picture } from './harness/chromium.ts'
import { signJwt, jwtConfig } from './harness/jwt.ts'
import { type OAuthWorld, password, withOAuth } from './harness/oauth-world.ts'
import type { SsoOptions } from './harness/sso-world.ts'

const redirectUri = 'https://app.example.test/callback'
const app: OAuthRegistrationRequest = {
  client_name: 'Example App',
  client_uri: 'https://example.test/',
  tos_uri: 'https://example.test/terms',
  policy_uri: 'https://example.test/privacy',
  redirect_uris: [redirectUri],
}

interface Look {
  dark?: boolean
  language?: string
  width?: number
}

const inBrowser = (
  name: string,
  options: SsoOptions,
  body: (world: OAuthWorld & { open: (look?: Look) => Promise<Page> }) => Promise<void>,
): void => {
  test(name, { skip: noChromium }, () =>
    withOAuth(options, async (world) => {
      const browser = await openChromium()
      try {
        const complaints: string[] = []
        const open = async ({ dark = false, language = 'en', width = 900 }: Look = {}): Promise<Page> => {
          const context: BrowserContext = await browser.newContext({
            locale: language,
            colorScheme: dark ? 'dark' : 'light',
            viewport: { width, height: 720 },
          })
          // Whatever is not here is not there: an app's page is recorded, not fetched.
          await context.route(
            (url) => url.hostname !== '127.0.0.1',
            (route) => route.fulfill({ contentType: 'text/html', body: '<h1>the app</h1>' }),
          )
          const page = await context.newPage()
          page.on('console', (message) => {
            if (message.type() === 'error' && message.text().includes('Content Security Policy'))
              complaints.push(message.text())
          })
          page.on('pageerror', (error) => complaints.push(String(error)))
          return page
        }
        await body({ ...world, open })
        assert.deepEqual(complaints, [], 'no page breaks its own policy')
      } finally {
        await browser.close()
      }
    }),
  )
}

/** A client that has registered, and where it sends people. */
const begin = async (home: string, prompt?: string): Promise<{ auth: OAuth2; url: string; state: string }> => {
  const metadata = await createClient({ baseUrl: home }).getAuthMetadata()
  const clientId = await OAuth2.registerClient(metadata, app)
  const auth = new OAuth2(metadata, { clientId })
  const state = 'a state of the app'
  return { auth, state, url: await auth.generateAuthorizationCodeGrantUrl(state, redirectUri, 'fragment', prompt) }
}

/** Waits until the browser is back at the app, and makes a client of what it brought. */
const finish = async (
  home: string,
  page: Page,
  { auth, state }: { auth: OAuth2; state: string },
): Promise<MatrixClient> => {
  await page.waitForURL((url) => url.href.startsWith(redirectUri))
  const answer = new URLSearchParams(new URL(page.url()).hash.slice(1))
  assert.equal(answer.get('state'), state)
  assert.equal(answer.get('iss'), home)
  const tokens = await auth.completeAuthorizationCodeGrant(answer.get('code') ?? assert.fail(page.url()), redirectUri)
  assert.ok(tokens.refresh_token !== undefined && tokens.expires_in === 300)
  return createClient({
    baseUrl: home,
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token,
    onTokenRefresh: () => {},
    oauthClientId: auth.context.clientId,
    deviceId: auth.context.deviceId,
  })
}

inBrowser(
  'somebody signs in by password, is asked, and the client goes on with their account',
  {},
  async ({ home, open, account, server }) => {
    await account('alice')
    const page = await open()
    const flow = await begin(home)
    await page.goto(flow.url)
    await page.getByRole('heading', { name: 'Sign in to Example App' }).waitFor()
    await picture(page, 'oauth-sign-in-light')
    await page.getByLabel('User name').fill('alice')
    await page.getByLabel('Password').fill(password)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Give Example App your account?' }).waitFor()
    await picture(page, 'oauth-consent-light')
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    const client = await finish(home, page, flow)
    const me = await client.whoami()
    assert.deepEqual(me, { user_id: '@alice:one.test', device_id: flow.auth.context.deviceId, is_guest: false })
    const { devices } = await client.getDevices()
    assert.equal(devices[0]?.display_name, 'Example App')

    // The access token runs out: the client refreshes by itself.
    const [account_] = await server.users.list('', 1)
    assert.equal(account_?.userId, '@alice:one.test')
    const before = client.getAccessToken()
    const refreshed = await flow.auth.performRefreshTokenGrant(client.http.opts.refreshToken ?? '')
    client.setAccessToken(refreshed.access_token)
    client.http.opts.refreshToken = refreshed.refresh_token ?? ''
    assert.notEqual(client.getAccessToken(), before)
    await client.whoami()

    // Somebody who is known in this browser is only asked.
    const second = await begin(home)
    await page.goto(second.url)
    await page.getByRole('heading', { name: 'Give Example App your account?' }).waitFor()
    await page.getByRole('button', { name: 'Do not allow' }).click()
    await page.waitForURL((url) => url.href.startsWith(redirectUri))
    assert.match(page.url(), /error=access_denied/)

    await client.logout(true)
    await assert.rejects(client.whoami(), /M_UNKNOWN_TOKEN/)
  },
)

inBrowser(
  'somebody signs in at an identity provider, on a telephone, in the dark and in German',
  {},
  async ({ home, open, idp }) => {
    const page = await open({ dark: true, language: 'de', width: 360 })
    const flow = await begin(home)
    await page.goto(flow.url)
    await picture(page, 'oauth-sign-in-dark-telephone-de')
    await page.getByRole('link', { name: 'Weiter mit Example Account' }).click()
    await page.getByRole('heading', { name: 'Example App dein Konto geben?' }).waitFor()
    await picture(page, 'oauth-consent-dark-telephone-de')
    assert.equal(
      await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth'),
      false,
      'nothing is wider than the screen',
    )
    await page.getByRole('button', { name: 'Erlauben', exact: true }).click()
    const client = await finish(home, page, flow)
    assert.equal((await client.whoami()).user_id, '@alice:one.test')
    assert.equal(idp.asked, 1)
  },
)

inBrowser('somebody makes an account on the page', {}, async ({ home, open, account }) => {
  await account('bob')
  const page = await open({ width: 360 })
  const flow = await begin(home, 'create')
  await page.goto(flow.url)
  await page.getByRole('heading', { name: 'Make an account' }).waitFor()
  await picture(page, 'oauth-sign-up-light-telephone')
  await page.getByLabel('User name').fill('bob')
  await page.getByLabel('Password').fill(password)
  await page.keyboard.press('Enter')
  await page.getByText('This name is taken.').waitFor()
  await page.getByLabel('User name').fill('carol')
  await page.getByLabel('Password').fill(password)
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Allow', exact: true }).click()
  assert.equal((await (await finish(home, page, flow)).whoami()).user_id, '@carol:one.test')
})

inBrowser(
  'somebody comes by a token of an application that embeds the client',
  { config: { jwt_config: jwtConfig } },
  async ({ home, open }) => {
    const page = await open()
    await page.goto('https://application.example.test/')
    await page.setContent(
      `<form method="post" action="${home}/account/enter"><input name="token" value="${signJwt({ sub: 'dora' })}"><button>Chat</button></form>`,
    )
    await page.getByRole('button', { name: 'Chat' }).click()
    await page.getByRole('button', { name: 'This is my account' }).click()
    await page.getByRole('heading', { name: '@dora:one.test' }).waitFor()
    const flow = await begin(home)
    await page.goto(flow.url)
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    assert.equal((await (await finish(home, page, flow)).whoami()).user_id, '@dora:one.test')
  },
)

inBrowser('a device without a browser is let in from another one', {}, async ({ home, open, account }) => {
  await account('alice')
  const { auth } = await begin(home)
  const session = await auth.startDeviceAuthorizationGrant()
  assert.match(session.user_code, /^[A-Z]{4}-[A-Z]{4}$/)
  const page = await open({ width: 360 })
  await page.goto(session.verification_uri)
  await page.getByLabel('User name').fill('alice')
  await page.getByLabel('Password').fill(password)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Sign in on another device' }).waitFor()
  await picture(page, 'oauth-code-light-telephone')
  await page.getByLabel('Code').fill(session.user_code.toLowerCase().replace('-', ' '))
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Sign in Example App on another device?' }).waitFor()
  await picture(page, 'oauth-device-light-telephone')
  await page.getByRole('button', { name: 'Allow', exact: true }).click()
  await page.getByRole('heading', { name: 'The device is signed in' }).waitFor()
  await picture(page, 'oauth-device-done-light-telephone')
  const tokens = await auth.waitForDeviceAuthorizationGrant(session)
  assert.ok('access_token' in tokens, JSON.stringify(tokens))
  const client = createClient({ baseUrl: home, accessToken: tokens.access_token })
  assert.deepEqual(await client.whoami(), {
    user_id: '@alice:one.test',
    device_id: auth.context.deviceId,
    is_guest: false,
  })
  await page.goto(session.verification_uri_complete ?? '')
  await page.getByText('This code is not known').waitFor()
})
