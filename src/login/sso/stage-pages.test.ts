// What clients open that do not know a stage, or no way to sign in, in a real browser.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { noChromium, openChromium, picture } from '../../../test/harness/chromium.ts'
import { jwtConfig, signJwt } from '../../../test/harness/jwt.ts'
import { openMailServer, unquoted } from '../../../test/harness/mail-server.ts'
import { freePort } from '../../../test/harness/process.ts'
import { type Answer, type SsoWorld, withSso } from '../../../test/harness/sso-world.ts'

const password = 'correct horse battery'
const jwtOf = (sub: string): string => signJwt({ sub, iat: Math.floor(Date.now() / 1000) })
const fallback = '/_matrix/static/client/login/'

/** A page of an operator, on another site, where somebody is signed in: it sends people back with a token. */
const openBackend = async (home: string) => {
  const self = { sub: 'alice', url: '', [Symbol.asyncDispose]: () => close() }
  const server = createServer((request, reply) => {
    const session = new URL(request.url ?? '', 'http://x').searchParams.get('matrix_session') ?? ''
    reply.setHeader('content-type', 'text/html')
    reply.end(
      `<form method="post" action="${home}/_latchkey/token"><input type="hidden" name="token" value="${jwtOf(self.sub)}">` +
        `<input type="hidden" name="matrix_session" value="${session}"><button>Back to the chat</button></form>`,
    )
  })
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.closeAllConnections()
      server.close(() => {
        resolve()
      })
    })
  await new Promise<void>((resolve) => {
    server.listen(0, 'localhost', resolve)
  })
  self.url = `http://localhost:${(server.address() as AddressInfo).port}/chat-token`
  return self
}

interface BrowserWorld extends SsoWorld {
  readonly browser: Browser
  readonly backend: { sub: string }
  /** Opens the page of a stage as a client does, and waits until that client has heard that all is done. */
  readonly confirm: (stage: string, session: unknown, use: (popup: Page) => Promise<unknown>) => Promise<void>
  /** The page for signing in, in the web view of a client: resolves to the session that it was handed. */
  readonly signInOn: (query: string, use: (page: Page) => Promise<unknown>) => Promise<Answer>
}

const inChromium = (
  name: string,
  config: (backend: string) => object,
  body: (world: BrowserWorld) => Promise<void>,
): void => {
  test(name, { skip: noChromium }, async () => {
    const port = await freePort()
    await using backend = await openBackend(`http://127.0.0.1:${port}`)
    await using browser = await openChromium()
    await withSso({ port, config: config(backend.url) }, async (world) => {
      const confirm: BrowserWorld['confirm'] = async (stage, session, use) => {
        const context = await browser.newContext()
        const app = await context.newPage()
        await app.route('https://client.test/', (route) =>
          route.fulfill({ contentType: 'text/html', body: '<h1>the app</h1>' }),
        )
        await app.goto('https://client.test/')
        const [popup] = await Promise.all([
          app.waitForEvent('popup'),
          app.evaluate(`window.heard = []; addEventListener('message', (event) => heard.push(event.data));
            window.open('${world.home}/_matrix/client/v3/auth/${stage}/fallback/web?session=${String(session)}')`),
        ])
        await popup.getByRole('heading', { name: 'Confirm that it is you' }).waitFor()
        await picture(popup, `stage-${stage}`)
        await use(popup)
        await popup.getByRole('heading', { name: 'Confirmed' }).waitFor()
        await app.waitForFunction('heard.includes("authDone")')
        await context.close()
      }
      const signInOn: BrowserWorld['signInOn'] = async (query, use) => {
        const context = await browser.newContext()
        await context.addInitScript('window.matrixLogin = { onLogin: (session) => { window.session = session } }')
        const page = await context.newPage()
        await page.goto(`${world.home}${fallback}${query}`)
        await picture(page, 'login-fallback')
        await use(page)
        await page.getByRole('heading', { name: 'Signed in' }).waitFor()
        const session = (await (await page.waitForFunction('window.session')).jsonValue()) as Answer
        await picture(page, 'login-fallback-done')
        await context.close()
        return session
      }
      await body({ ...world, browser, backend, confirm, signInOn })
    })
  })
}

const press = (page: Page, name: string): Promise<void> => page.getByRole('button', { name }).click()

const byToken = (backend: string): object => ({ jwt_config: { ...jwtConfig, sign_in_page: backend } })

inChromium(
  'whoever has nothing but a token confirms on a page, by the page of the operator or by the token',
  byToken,
  async (world) => {
    const { ask, confirm, backend } = world
    const login = async (sub: string): Promise<{ token: string; device: string }> => {
      const { body } = await ask('POST', '/login', { type: 'org.matrix.login.jwt', token: jwtOf(sub) })
      return { token: String(body['access_token']), device: String(body['device_id']) }
    }
    const { token } = await login('alice')
    const remove = async (session?: unknown): Promise<{ status: number; body: Answer; device: string }> => {
      const { device } = await login('alice')
      const answer = await ask(
        'DELETE',
        `/devices/${device}`,
        session === undefined ? {} : { auth: { session } },
        token,
      )
      return { ...answer, device }
    }
    const type = 'org.matrix.login.jwt'
    for (const use of [
      async (page: Page) => {
        await page.getByRole('link', { name: /Confirm with localhost/ }).click()
        await press(page, 'Back to the chat')
        await page.getByText('Sign out a session and delete its keys').waitFor()
        await picture(page, 'stage-came-by-token')
        await press(page, 'Confirm')
      },
      async (page: Page) => {
        await page.getByLabel('Token').fill(jwtOf('bob'))
        await press(page, 'Confirm')
        await page.getByRole('alert').waitFor()
        await picture(page, 'stage-wrong')
        await page.getByLabel('Token').fill(jwtOf('alice'))
        await press(page, 'Confirm')
      },
    ]) {
      const told = await remove()
      assert.deepEqual(told.body['flows'], [{ stages: [type] }])
      const session = told.body['session']
      const early = await ask('DELETE', `/devices/${told.device}`, { auth: { session } }, token)
      assert.equal(early.status, 401)
      await confirm(type, session, use)
      assert.equal((await ask('DELETE', `/devices/${told.device}`, { auth: { session } }, token)).status, 200)
      assert.equal((await ask('DELETE', `/devices/${told.device}`, { auth: { session } }, token)).status, 401, 'once')
    }
    // Somebody else who is signed in there confirms nothing of hers.
    const told = await remove()
    backend.sub = 'bob'
    const page = await world.browser.newPage()
    await page.goto(`${world.home}/_matrix/client/v3/auth/${type}/fallback/web?session=${String(told.body['session'])}`)
    await page.getByRole('link', { name: /Confirm with localhost/ }).click()
    await press(page, 'Back to the chat')
    await page.getByText('You signed in as somebody else.').waitFor()
    const still = await ask('DELETE', `/devices/${told.device}`, { auth: { session: told.body['session'] } }, token)
    assert.equal(still.status, 401)
  },
)

inChromium(
  'passwords, registration tokens and nothing at all are asked for on pages',
  () => ({ registration: 'token', registration_tokens: ['opensesame'] }),
  async ({ ask, confirm }) => {
    const wanted = { username: 'carol', password }
    const told = await ask('POST', '/register', wanted)
    await confirm('m.login.registration_token', told.body['session'], async (page) => {
      await page.getByLabel('Registration token').fill('wrong')
      await press(page, 'Confirm')
      await page.getByRole('alert').waitFor()
      await page.getByLabel('Registration token').fill('opensesame')
      await press(page, 'Confirm')
    })
    const made = await ask('POST', '/register', { ...wanted, auth: { session: told.body['session'] } })
    assert.equal(made.body['user_id'], '@carol:one.test')
    const token = String(made.body['access_token'])
    const asked = await ask('POST', '/account/deactivate', {}, token)
    await confirm('m.login.password', asked.body['session'], async (page) => {
      await page.getByText('Close your account for good').waitFor()
      await page.getByLabel('Password').fill('wrong')
      await press(page, 'Confirm')
      await page.getByRole('alert').waitFor()
      await page.getByLabel('Password').fill(password)
      await press(page, 'Confirm')
    })
    const closed = await ask('POST', '/account/deactivate', { auth: { session: asked.body['session'] } }, token)
    assert.equal(closed.status, 200, JSON.stringify(closed.body))
  },
)

inChromium(
  'where anybody may register, a button will do',
  () => ({}),
  async ({ ask, confirm }) => {
    const wanted = { username: 'dan', password }
    const { body } = await ask('POST', '/register', wanted)
    await confirm('m.login.dummy', body['session'], (page) => press(page, 'Confirm'))
    const made = await ask('POST', '/register', { ...wanted, auth: { session: body['session'] } })
    assert.equal(made.body['user_id'], '@dan:one.test')
  },
)

test('a mail address is confirmed on a page', { skip: noChromium }, async () => {
  const sink = await openMailServer()
  const email = { smtp: sink.url, allow_plain: true, from: 'latchkey@test.example', required_for_registration: true }
  try {
    await using browser = await openChromium()
    await withSso({ config: { email } }, async ({ ask, home }) => {
      const wanted = { username: 'erin', password }
      const { body } = await ask('POST', '/register', wanted)
      const page = await browser.newPage()
      const url = `${home}/_matrix/client/v3/auth/m.login.email.identity/fallback/web?session=${String(body['session'])}`
      await page.goto(url)
      await page.getByLabel('Mail address').fill('erin@example.org')
      await press(page, 'Send me a mail')
      await page.getByText('A mail is on its way to erin@example.org').waitFor()
      await picture(page, 'stage-mail')
      await press(page, 'I have opened the link')
      await page.getByText('has not been opened yet').waitFor()
      const mail = await browser.newPage()
      while (sink.mails.length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
      const [link] = /http:\S+_latchkey\/email\/confirm\?token=[\w-]+/.exec(unquoted(sink.mails[0]?.data ?? '')) ?? ['']
      await mail.goto(link)
      await mail.getByRole('button').click()
      await mail.waitForLoadState()
      await press(page, 'I have opened the link')
      await page.getByRole('heading', { name: 'Confirmed' }).waitFor()
      const made = await ask('POST', '/register', { ...wanted, auth: { session: body['session'] } })
      assert.equal(made.body['user_id'], '@erin:one.test', JSON.stringify(made.body))
      const kept = await ask('GET', '/account/3pid', undefined, String(made.body['access_token']))
      assert.deepEqual(
        (kept.body['threepids'] as Answer[]).map(({ address }) => address),
        ['erin@example.org'],
        'the address is kept although it was shown on a page',
      )
    })
  } finally {
    sink.close()
  }
})

inChromium('a client that knows no way to sign in is handed a session', byToken, async (world) => {
  const { ask, signInOn } = world
  await ask('POST', '/register', { username: 'carol', password, auth: { type: 'm.login.dummy' } })
  const query = '?device_id=GHTYAJCE&initial_device_display_name=Old%20Client'
  const ways: Readonly<Record<string, (page: Page) => Promise<unknown>>> = {
    '@carol:one.test': async (page) => {
      await page.getByLabel('User name').fill('carol')
      await page.getByLabel('Password').fill('wrong')
      await press(page, 'Sign in')
      await page.getByRole('alert').waitFor()
      await page.getByLabel('User name').fill('carol')
      await page.getByLabel('Password').fill(password)
      await press(page, 'Sign in')
    },
    '@alice:one.test': async (page) => {
      await page.getByRole('link', { name: 'Continue with Example Account' }).click()
      await picture(page, 'login-fallback-sso')
    },
    '@bob:one.test': async (page) => {
      world.backend.sub = 'bob'
      await page.getByRole('link', { name: /Continue with localhost/ }).click()
      await press(page, 'Back to the chat')
      await page.getByRole('heading', { name: /^Sign in as/ }).waitFor()
      await picture(page, 'login-fallback-as')
      await press(page, 'Sign in')
    },
    '@dora:one.test': async (page) => {
      await page.getByText('I have a token').click()
      await page.getByLabel('Token').fill(jwtOf('dora'))
      await page.locator('details').getByRole('button').click()
    },
  }
  for (const [userId, way] of Object.entries(ways)) {
    const session = await signInOn(query, way)
    assert.deepEqual([session['user_id'], session['device_id']], [userId, 'GHTYAJCE'])
    const me = await ask('GET', '/account/whoami', undefined, String(session['access_token']))
    assert.deepEqual([me.body['user_id'], me.body['device_id']], [userId, 'GHTYAJCE'])
  }
})
