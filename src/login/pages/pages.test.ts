// The pages as people see and use them, in a real browser.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { noChromium, openChromium, picture } from '../../../test/harness/chromium.ts'
import { withSso, type SsoOptions, type SsoWorld } from '../../../test/harness/sso-world.ts'

interface Look {
  language?: string
  dark?: boolean
  width?: number
  scripts?: boolean
}

const inBrowser = (
  name: string,
  options: SsoOptions,
  body: (world: SsoWorld & { open: (look?: Look) => Promise<Page> }) => Promise<void>,
): void => {
  test(name, { skip: noChromium }, () =>
    withSso(options, async (world) => {
      const browser: Browser = await openChromium()
      try {
        const complaints: string[] = []
        const open = async ({
          language = 'en',
          dark = false,
          width = 900,
          scripts = true,
        }: Look = {}): Promise<Page> => {
          const context = await browser.newContext({
            locale: language,
            colorScheme: dark ? 'dark' : 'light',
            viewport: { width, height: 720 },
            javaScriptEnabled: scripts,
          })
          // Whatever is not here is not there: a client's page is recorded, not fetched.
          await context.route(
            (url) => url.hostname !== '127.0.0.1',
            (route) => route.fulfill({ contentType: 'text/html', body: '<h1>the app</h1>' }),
          )
          const page = await context.newPage()
          page.on('console', (message) => {
            if (message.type() === 'error' && message.text().includes('Content Security Policy'))
              complaints.push(message.text())
          })
          page.on('pageerror', (error) => {
            complaints.push(String(error))
          })
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

const second = {
  id: 'other',
  type: 'oidc',
  name: 'Universität Beispiel',
  issuer: 'http://127.0.0.1:9/',
  client_id: 'x',
}

inBrowser(
  'somebody chooses a provider, agrees to the app and lands there with a token',
  { second },
  async ({ home, open }) => {
    const page = await open()
    await page.goto(
      `${home}/_matrix/client/v3/login/sso/redirect?redirectUrl=${encodeURIComponent('https://client.test/#/x')}`,
    )
    await picture(page, 'choose-light')
    assert.equal(await page.title(), 'Sign in – one.test')
    await page.getByRole('link', { name: 'Continue with Example Account' }).click()
    await page.getByRole('heading', { name: 'Continue to client.test?' }).waitFor()
    await picture(page, 'continue-light')
    await page.getByRole('link', { name: 'Continue' }).click()
    await page.waitForURL(/^https:\/\/client\.test\/\?loginToken=lkl_[^#]+#\/x$/)
  },
)

inBrowser(
  'the pages work by keyboard, without scripts, in the dark, on a telephone and in German',
  { second },
  async ({ home, open }) => {
    const page = await open({ language: 'de-DE', dark: true, width: 360, scripts: false })
    await page.goto(
      `${home}/_matrix/client/v3/login/sso/redirect?redirectUrl=${encodeURIComponent('https://client.test/')}`,
    )
    assert.equal(await page.locator('html').getAttribute('lang'), 'de')
    await picture(page, 'choose-dark-telephone-de')
    await page.keyboard.press('Tab')
    assert.equal(await page.locator(':focus').innerText(), 'Weiter mit Example Account')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Weiter zu client.test?' }).waitFor()
    const wide = await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth')
    assert.equal(wide, false, 'nothing is wider than the screen')
  },
)

inBrowser('a confirmation tells the app that opened it', {}, async ({ home, ask, open, signIn }) => {
  const session = await signIn()
  const told = await ask('POST', '/delete_devices', { devices: ['X'] }, String(session['access_token']))
  const page = await open()
  await page.goto('https://client.test/')
  const [popup] = await Promise.all([
    page.waitForEvent('popup'),
    page.evaluate(`window.heard = []; addEventListener('message', (event) => heard.push(event.data));
      window.open('${home}/_matrix/client/v3/auth/m.login.sso/fallback/web?session=${String(told.body['session'])}')`),
  ])
  await popup.getByRole('heading', { name: 'Confirm that it is you' }).waitFor()
  await picture(popup, 'confirm-light')
  await popup.getByRole('link', { name: 'Confirm with Example Account' }).click()
  await popup.getByRole('heading', { name: 'Confirmed' }).waitFor()
  await picture(popup, 'confirmed-light')
  await page.waitForFunction('heard.includes("authDone")')
})

inBrowser('the account page, its door and its errors', { second }, async ({ home, open, signIn, ask }) => {
  await signIn(undefined, {
    initial_device_display_name: 'Element on a telephone with a rather long name that goes on and on',
    device_id: 'PHONE',
  })
  await signIn(undefined, { device_id: 'LAPTOP' })
  for (const [dark, language, name] of [
    [false, 'en', 'light'],
    [true, 'de', 'dark-de'],
  ] as const) {
    const page = await open({ dark, language })
    await page.goto(`${home}/account`)
    await picture(page, `door-${name}`)
    await page.getByRole('link', { name: 'Example Account' }).click()
    await page.getByRole('heading', { name: '@alice:one.test' }).waitFor()
    await picture(page, `account-${name}`)
    await page.setViewportSize({ width: 360, height: 720 })
    await picture(page, `account-${name}-telephone`)
    assert.equal(
      await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth'),
      false,
    )
    await page.goto(`${home}/_latchkey/sso/idp/callback?state=x`)
    await picture(page, `problem-${name}`)
  }
  const page = await open()
  await page.goto(`${home}/account/sign-in/idp`)
  await page.getByLabel('Display name').fill('Alice')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('status').waitFor()
  await page.getByRole('button', { name: /^Sign out LAPTOP/ }).click()
  await page.getByText('The session is signed out.').waitFor()
  assert.equal(await page.getByText('LAPTOP').count(), 0)
  await page.getByRole('button', { name: 'Sign out of this page' }).click()
  await picture(page, 'left-light')
  await page.getByRole('link', { name: 'Sign out of Example Account too' }).waitFor()
  await ask('POST', '/register', { username: 'carol', password: 'a long password', auth: { type: 'm.login.dummy' } })
  const carols = await open()
  await carols.goto(`${home}/account`)
  await carols.getByLabel('User name').fill('carol')
  await carols.getByLabel('Password').fill('a long password')
  await carols.keyboard.press('Enter')
  await carols.getByRole('link', { name: 'Link Example Account' }).click()
  await carols.getByRole('heading', { name: 'Link this sign-in?' }).waitFor()
  await picture(carols, 'link-light')
})
