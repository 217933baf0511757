// Chat inside other applications, in a real browser: applications at origins of their own, one of them hostile.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { BrowserContext, Page } from 'playwright-core'
import { noChromium, openChromium, picture } from './harness/chromium.ts'
import { jwtConfig, signJwt } from './harness/jwt.ts'
import { createHomeserver } from '../src/server/index.ts'
import { freePort } from './harness/process.ts'

/** A web application with users of its own, whose pages load the module. */
interface App extends AsyncDisposable {
  readonly origin: string
  /** How often its backend was asked for a token. */
  asked: number
  /** Whose token it gives. */
  user: string | undefined
}

const openApp = async (home: string, policy?: string): Promise<App> => {
  const server = createServer((request, response) => {
    if (request.url === '/chat-token') {
      app.asked += 1
      response
        .writeHead(app.user === undefined ? 401 : 200)
        .end(
          app.user === undefined
            ? ''
            : signJwt({ sub: app.user, jti: String(app.asked), iat: Math.floor(Date.now() / 1000) }),
        )
    } else {
      response.writeHead(200, {
        'content-type': 'text/html',
        ...(policy !== undefined && { 'content-security-policy': policy }),
      })
      response.end(`<!doctype html><title>App</title><body><script type="module">
        import { openSession } from '${home}/_latchkey/embed.js'
        window.open_ = (options) => openSession({ homeserver: '${home}', account: 'alice', token: '/chat-token', ...options })
          .then((session) => Object.assign(window, { session }), (error) => { throw Object.assign(new Error(error.code), error) })
        window.loaded = true</script>`)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const app: App = {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    asked: 0,
    user: 'alice',
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
  return app
}

interface World {
  home: string
  clock: { now: number }
  app: App
  strict: App
  hostile: App
  context: BrowserContext
  at: (app: App) => Promise<Page>
}

const inBrowser = (name: string, body: (world: World) => Promise<void>): void => {
  test(name, { skip: noChromium }, async () => {
    const port = await freePort()
    const home = `http://127.0.0.1:${port}`
    await using app = await openApp(home)
    await using strict = await openApp(
      home,
      `default-src 'none'; script-src 'unsafe-inline' ${home}; connect-src 'self'; frame-src ${home}`,
    )
    await using hostile = await openApp(home)
    const clock = { now: Date.now() }
    await using _server = await createHomeserver(
      {
        server_name: 'one.test',
        public_base_url: home,
        listen: `127.0.0.1:${port}`,
        database: 'sqlite::memory:',
        rate_limits: 'off',
        jwt_config: jwtConfig,
        log: { level: 'silent' },
        embed: { origins: [app.origin, strict.origin] },
      },
      { now: () => clock.now },
    )
    const browser = await openChromium()
    try {
      const context = await browser.newContext()
      const at = async ({ origin }: App): Promise<Page> => {
        const page = await context.newPage()
        await page.goto(origin)
        await page.waitForFunction('window.loaded')
        return page
      }
      await body({ home, clock, app, strict, hostile, context, at })
      assert.deepEqual(await context.cookies(), [], 'nothing here needs a cookie')
    } finally {
      await browser.close()
    }
  })
}

type Answer = Record<string, unknown>
const open = (page: Page, options = ''): Promise<Answer> =>
  page.evaluate(
    `open_({${options}}).then(async () => ({ user: session.userId, device: session.deviceId, token: await session.accessToken() }))`,
  )
const codeOf = (page: Page, options = ''): Promise<unknown> =>
  page.evaluate(`open_({${options}}).then(() => 'opened', (error) => error.code)`)
const whoami = (page: Page): Promise<Answer> =>
  page.evaluate(`session.fetch('/_matrix/client/v3/account/whoami').then((answer) => answer.json())`)
const hour = 3_600_000

inBrowser(
  'a session lives through reloads and expiry on one device, and the backend is asked only when it must be',
  async ({ clock, app, at, home }) => {
    const page = await at(app)
    const first = await open(page)
    assert.equal(first['user'], '@alice:one.test')
    await page.reload()
    await page.waitForFunction('window.loaded')
    assert.deepEqual(await open(page), first)
    assert.equal(app.asked, 1)

    clock.now += 2 * hour
    assert.deepEqual(await whoami(page), { user_id: '@alice:one.test', device_id: first['device'], is_guest: false })
    assert.equal(app.asked, 1, 'a refresh token needs no new sign-in')
    assert.notEqual(await page.evaluate('session.accessToken()'), first['token'])

    // Signed in again elsewhere under the same device id: all tokens of before have ended.
    await fetch(`${home}/_matrix/client/v3/login`, {
      method: 'POST',
      body: JSON.stringify({
        type: 'org.matrix.login.jwt',
        token: signJwt({ sub: 'alice' }),
        device_id: first['device'],
      }),
    })
    assert.equal((await whoami(page))['errcode'], 'M_UNKNOWN_TOKEN', 'a client would say: signed out')
  },
)

inBrowser(
  'a device that was signed out comes back as another, and never under a client that still runs',
  async ({ app, at, home }) => {
    const page = await at(app)
    const first = await open(page)
    await fetch(`${home}/_matrix/client/v3/logout`, {
      method: 'POST',
      headers: { authorization: `Bearer ${String(first['token'])}` },
    })
    assert.equal((await whoami(page))['errcode'], 'M_UNKNOWN_TOKEN')
    await page.reload()
    await page.waitForFunction('window.loaded')
    const second = await open(page)
    assert.notEqual(second['device'], first['device'])
    assert.equal((await whoami(page))['device_id'], second['device'])

    // Signed out while the application is closed.
    await fetch(`${home}/_matrix/client/v3/logout`, {
      method: 'POST',
      headers: { authorization: `Bearer ${String(second['token'])}` },
    })
    await page.reload()
    await page.waitForFunction('window.loaded')
    const third = await open(page)
    assert.notEqual(third['device'], second['device'])
  },
)

inBrowser(
  'users of one browser are kept apart, tabs share a device, and signing out ends it for all',
  async ({ app, at }) => {
    const [one, two, ...more] = [await at(app), await at(app), await at(app), await at(app)]
    const [first, ...others] = await Promise.all([open(one), open(two), ...more.map((tab) => open(tab))])
    for (const same of others) assert.deepEqual(same, first)
    assert.equal(app.asked, 1)

    app.user = 'bob'
    const bob = await open(two, `account: 'bob'`)
    assert.equal(bob['user'], '@bob:one.test')
    assert.notEqual(bob['device'], first['device'])

    app.user = 'alice'
    await one.evaluate('session.end()')
    const other = await at(app)
    assert.notEqual((await open(other))['device'], first['device'])
    assert.equal((await whoami(one))['errcode'], 'M_UNKNOWN_TOKEN')

    app.user = undefined
    assert.equal(await codeOf(other, `account: 'carol'`), 'LATCHKEY_TOKEN')
  },
)

inBrowser('the application opens the account page for its user, who is asked first', async ({ app, at, context }) => {
  await open(await at(app))
  const page = await at(app)
  await open(page)
  const account = await context.newPage()
  await account.goto(String(await page.evaluate('session.accountLink()')))
  await account.getByText('@alice:one.test').waitFor()
  await picture(account, 'account-enter')
  await account.getByRole('button', { name: 'This is my account' }).click()
  await account.getByRole('heading', { name: '@alice:one.test' }).waitFor()
  await context.clearCookies()
})

inBrowser(
  'the frame signs users in where the application may not speak to the homeserver itself',
  async ({ clock, strict, at }) => {
    const page = await at(strict)
    assert.equal(await codeOf(page), undefined, 'its own policy forbids it: this is an error of the browser')
    strict.asked = 0
    const first = await open(page, 'frame: true')
    assert.equal(first['user'], '@alice:one.test')
    await page.reload()
    await page.waitForFunction('window.loaded')
    assert.deepEqual(await open(page, 'frame: true'), first)
    clock.now += 2 * hour
    await page.reload()
    await page.waitForFunction('window.loaded')
    const later = await open(page, 'frame: true')
    assert.equal(later['device'], first['device'])
    assert.notEqual(later['token'], first['token'])
    assert.equal(strict.asked, 1)
  },
)

inBrowser(
  'an origin that is not named is refused the frame and answered nothing',
  async ({ home, hostile, app, at }) => {
    const page = await at(hostile)
    assert.equal(await codeOf(page, 'frame: true'), 'LATCHKEY_FRAME')

    // Without a frame, in a window of its own.
    const silence = (speak: string): Promise<unknown> =>
      page.evaluate(`new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = ({ data }) => resolve(data)
    ${speak}
    setTimeout(() => resolve('silence'), 500)
  })`)
    const [popup] = await Promise.all([
      page.waitForEvent('popup'),
      page.evaluate(`window.other = open('${home}/_latchkey/embed'), 0`),
    ])
    await popup.waitForLoadState()
    assert.equal(await silence(`other.postMessage('latchkey', '*', [port2])`), 'silence')

    // From within an application that is named: its frame does not listen to its other frames.
    const named = await at(app)
    await open(named, 'frame: true')
    await named.evaluate(`new Promise((resolve) => {
    const frame = Object.assign(document.createElement('iframe'), { src: '${hostile.origin}', onload: resolve })
    document.body.append(frame)
  })`)
    const within =
      named.frames().find((frame) => frame.url().startsWith(hostile.origin)) ?? assert.fail('there is no such frame')
    const heard = await within.evaluate(`new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = ({ data }) => resolve(data)
    parent.frames[0].postMessage('latchkey', '*', [port2])
    setTimeout(() => resolve('silence'), 500)
  })`)
    assert.equal(heard, 'silence')
  },
)

test('the module is small, the page names who may frame it, and without names there is none', async () => {
  await using named = await createHomeserver({
    server_name: 'one.test',
    listen: '127.0.0.1:0',
    database: 'sqlite::memory:',
    embed: { origins: ['https://app.example.org'] },
    log: { level: 'silent' },
  })
  const [page, module, plain] = await Promise.all([
    named.inject('/_latchkey/embed'),
    named.inject({ url: '/_latchkey/embed.js', headers: { 'accept-encoding': 'gzip, br' } }),
    named.inject('/_latchkey/embed.js'),
  ])
  assert.equal(page.statusCode, 200)
  assert.equal(
    page.headers['content-security-policy'],
    "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors https://app.example.org",
  )
  assert.equal(page.headers['x-frame-options'], undefined)
  assert.equal(module.headers['content-encoding'], 'gzip')
  assert.ok(module.rawPayload.length < 5000, `${module.rawPayload.length} bytes travel`)
  assert.deepEqual(gzipSync(plain.body, { level: 9 }), module.rawPayload)
  assert.doesNotMatch(plain.body, /^import /m)
  await using unnamed = await createHomeserver({
    server_name: 'one.test',
    listen: '127.0.0.1:0',
    database: 'sqlite::memory:',
    log: { level: 'silent' },
  })
  const none = await unnamed.inject('/_latchkey/embed')
  assert.equal(none.statusCode, 404)
  assert.match(String(none.headers['content-security-policy']), /frame-ancestors 'none'/)
})
