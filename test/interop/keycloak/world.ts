// A homeserver that is set up as the guide says, beside a real Keycloak, and browsers.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { pino } from 'pino'
import { loadConfig } from '../../../src/config/index.ts'
import { createHomeserver, type Homeserver } from '../../../src/server/index.ts'
import { noChromium, openChromium } from '../../harness/chromium.ts'
import { freePort } from '../../harness/process.ts'
import { keycloakFolder } from './distribution.ts'
import { followGuide } from './guide.ts'
import { type Keycloak, openKeycloak } from './keycloak.ts'

const found = await keycloakFolder()

/** Why there is nothing to test with; false where there is. */
export const noKeycloak: string | false = 'missing' in found ? found.missing : noChromium
if (noKeycloak) console.log(`tests with Keycloak are skipped: ${noKeycloak}`)

export interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

export interface World extends AsyncDisposable {
  readonly keycloak: Keycloak
  readonly server: Homeserver
  readonly home: string
  /** Where people are sent back to without being asked. Something answers there. */
  readonly app: string
  /** What was logged. */
  readonly said: Record<string, unknown>[]
  readonly ask: (method: string, path: string, token?: string, body?: object) => Promise<Answer>
  /** A browser that nobody is signed in to. */
  readonly open: (look?: { dark?: boolean; width?: number }) => Promise<Page>
  /** Where a client sends people. */
  readonly start: (provider?: string, target?: string) => string
  /** Signs in at Keycloak's own page. */
  readonly signIn: (page: Page, name: string) => Promise<void>
  /** Signs somebody in by clicking, and takes the login token to where it belongs. */
  readonly session: (
    name: string,
    more?: { provider?: string; page?: Page; device_id?: string; refresh_token?: boolean },
  ) => Promise<Record<string, unknown>>
  /** Signs in with a token. */
  readonly byToken: (token: string, more?: object) => Promise<Answer>
}

export const openWorld = async (): Promise<World> => {
  assert.ok('folder' in found)
  const stack = new AsyncDisposableStack()
  try {
    const keycloak = stack.use(await openKeycloak(found.folder))
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-interop-'))
    stack.defer(() => {
      rmSync(folder, { recursive: true, force: true })
    })
    const port = await freePort()
    // Another site than Keycloak's, as it is out there: cookies do not come along with what the one sends to the other.
    const home = `http://localhost:${port}`
    const appServer = createServer((_, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>the app</h1>'),
    ).listen(0, '127.0.0.1')
    stack.defer(() => {
      appServer.close().closeAllConnections()
    })
    await once(appServer, 'listening')
    const app = `http://127.0.0.1:${(appServer.address() as AddressInfo).port}`
    const { config } = await loadConfig({ file: followGuide({ keycloak, home, app }, folder), env: {}, cwd: folder })
    const said: World['said'] = []
    const logger = pino(
      { level: 'info' },
      {
        write: (line: string) => {
          said.push(JSON.parse(line) as World['said'][number])
        },
      },
    )
    const server = stack.use(
      await createHomeserver(
        { ...config, listen: [`127.0.0.1:${port}`], database: 'sqlite::memory:', data_dir: folder, rate_limits: 'off' },
        { logger },
      ),
    )
    const browser: Browser = await openChromium()
    stack.defer(() => browser.close())
    const ask: World['ask'] = async (method, path, token, body) => {
      const reply = await fetch(`${home}/_matrix/client/v3${path}`, {
        method,
        headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }) },
        ...(body && { body: JSON.stringify(body) }),
      })
      return { status: reply.status, body: (await reply.json()) as Answer['body'] }
    }
    const open: World['open'] = async ({ dark = false, width = 900 } = {}) => {
      const context = await browser.newContext({
        colorScheme: dark ? 'dark' : 'light',
        viewport: { width, height: 720 },
        locale: 'en',
      })
      // Whatever is not here is not there: a client's page is recorded, not fetched.
      await context.route(
        ({ hostname }) => hostname !== '127.0.0.1' && hostname !== 'localhost',
        (route) => route.fulfill({ contentType: 'text/html', body: '<h1>the app</h1>' }),
      )
      const page = await context.newPage()
      page.setDefaultTimeout(20_000)
      return page
    }
    const start: World['start'] = (provider = 'keycloak', target = `${app}/`) =>
      `${home}/_matrix/client/v3/login/sso/redirect/${provider}?redirectUrl=${encodeURIComponent(target)}`
    const signIn: World['signIn'] = async (page, name) => {
      // Whoever is asked anew is asked for the password only.
      await page.locator('#password').waitFor()
      const username = page.locator('#username:visible')
      if ((await username.count()) > 0) await username.fill(name)
      await page.locator('#password').fill(`${name}'s password`)
      await page.locator('#kc-login').click()
    }
    const session: World['session'] = async (name, { provider, page: given, ...more } = {}) => {
      const page = given ?? (await open())
      await page.goto(start(provider))
      await signIn(page, name)
      await page.waitForURL(`${app}/**`).catch(async (error: unknown) => {
        throw new Error(
          `${name} does not land: ${await page
            .locator('main')
            .innerText()
            .catch(() => '?')} ${JSON.stringify(said.slice(-3))}`,
          { cause: error },
        )
      })
      const { status, body } = await ask('POST', '/login', undefined, {
        type: 'm.login.token',
        token: new URL(page.url()).searchParams.get('loginToken'),
        ...more,
      })
      assert.equal(status, 200, JSON.stringify(body))
      if (!given) await page.context().close()
      return body
    }
    const byToken: World['byToken'] = (token, more) =>
      ask('POST', '/login', undefined, { type: 'org.matrix.login.jwt', token, ...more })
    const kept = stack.move()
    return {
      keycloak,
      server,
      home,
      app,
      said,
      ask,
      open,
      start,
      signIn,
      session,
      byToken,
      [Symbol.asyncDispose]: () => kept.disposeAsync(),
    }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

/** Asks until it is so; returns how long that took, in ms. */
export const until = async (what: string, is: () => Promise<boolean>, atMostMs = 30_000): Promise<number> => {
  const start = Date.now()
  while (!(await is())) {
    assert.ok(Date.now() - start < atMostMs, `${what}: not after ${atMostMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return Date.now() - start
}
