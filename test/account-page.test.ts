// The account page as people use it, in a browser: everything of one's own can be changed there, and every fault has a way on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { noChromium, openChromium, picture } from './harness/chromium.ts'
import { openBrowser } from './harness/identity-provider.ts'
import { openMailServer, unquoted } from './harness/mail-server.ts'
import { type SsoOptions, type SsoWorld, startOf, withSso } from './harness/sso-world.ts'

const password = 'correct horse battery'
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

const makeBob = async ({ ask }: SsoWorld): Promise<void> => {
  const { status } = await ask('POST', '/register', { username: 'bob', password, auth: { type: 'm.login.dummy' } })
  assert.equal(status, 200)
}

const signIn = async (page: Page, home: string, secret = password): Promise<void> => {
  await page.goto(`${home}/account`)
  await page.getByLabel('User name').fill('bob')
  await page.getByLabel('Password').fill(secret)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

const inBrowser = async (
  options: SsoOptions,
  context: object,
  body: (world: SsoWorld, page: Page) => Promise<void>,
) => {
  const browser = await openChromium()
  try {
    await withSso(options, async (world) => {
      await makeBob(world)
      const page = await (await browser.newContext(context)).newPage()
      await signIn(page, world.home)
      await body(world, page)
    })
  } finally {
    await browser.close()
  }
}

test('name, picture and password are changed on the page; all else that was open ends', { skip: noChromium }, () =>
  inBrowser({}, { viewport: { width: 1000, height: 900 } }, async ({ home, ask }, page) => {
    const login = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'bob' } }
    const { body: app } = await ask('POST', '/login', { ...login, password, initial_device_display_name: 'My phone' })
    await page.getByLabel('Display name').fill('Bob the Builder')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Your display name is saved').waitFor()
    await page
      .getByLabel('Picture', { exact: true })
      .setInputFiles({ name: 'me.png', mimeType: 'image/png', buffer: png })
    await page.getByRole('button', { name: 'Use this picture' }).click()
    await page.getByText('Your picture is saved').waitFor()
    const shown = await page
      .getByAltText('Your picture')
      .evaluate((image: { naturalWidth: number }) => image.naturalWidth)
    assert.ok(shown > 0, 'it is shown')
    await picture(page, 'account-desk-light')
    const other = await (await page.context().browser()!.newContext()).newPage()
    await signIn(other, home)
    await other.getByText('@bob:one.test').waitFor()
    await page.getByRole('link', { name: 'Change the password' }).click()
    const set = async (one: string, two: string): Promise<void> => {
      await page.getByLabel('New password').fill(one)
      await page.getByLabel('The same once more').fill(two)
      await page.getByRole('button', { name: 'Set this password' }).click()
    }
    await set('another password', 'another passwort')
    await page.getByText('The two are not the same').waitFor()
    await picture(page, 'account-password')
    await set('another password', 'another password')
    await page.getByText('Your password is set').waitFor()
    assert.equal((await ask('GET', '/account/whoami', undefined, String(app['access_token']))).status, 401)
    await other.reload()
    await other.getByText('Sign in to see your account').waitFor()
    assert.equal((await ask('POST', '/login', { ...login, password: 'another password' })).status, 200)
    await page
      .getByLabel('Picture', { exact: true })
      .setInputFiles({ name: 'x.png', mimeType: 'image/png', buffer: Buffer.from('no') })
    await page.getByRole('button', { name: 'Use this picture' }).click()
    await page.getByText('This is not a picture').waitFor()
    await page.getByRole('link', { name: 'To your account' }).click()
    await page.getByRole('button', { name: 'Remove the picture' }).click()
    await page.getByText('Your picture is saved').waitFor()
    assert.equal(await page.getByAltText('Your picture').count(), 0)
  }),
)

test('a mail address is added by who can read its mail, and removed', { skip: noChromium }, async (context) => {
  const mails = await openMailServer()
  context.after(() => mails.close())
  const email = { smtp: mails.url, allow_plain: true, from: 'chat@one.test' }
  await inBrowser(
    { config: { email } },
    { viewport: { width: 390, height: 800 }, colorScheme: 'dark' },
    async (_, page) => {
      await page.getByRole('textbox', { name: 'Mail address' }).fill('bob@example.org')
      await page.getByRole('button', { name: 'Add' }).click()
      await page.getByText('Look into your mail').waitFor()
      await page.getByRole('button', { name: 'I have confirmed it' }).click()
      await page.getByText('It is not confirmed yet').waitFor()
      await picture(page, 'account-mail-phone-dark')
      while (mails.mails.length === 0) await page.waitForTimeout(50)
      const link = /https?:\S+\/_latchkey\/email\/confirm\?token=[\w-]+/.exec(unquoted(mails.mails[0]?.data ?? ''))
      assert.ok(link)
      const reader = await page.context().newPage()
      await reader.goto(link[0])
      await reader.getByRole('button').click()
      await page.getByRole('button', { name: 'I have confirmed it' }).click()
      await page.getByText('The mail address is added').waitFor()
      await picture(page, 'account-phone-dark')
      await page.getByRole('button', { name: 'Remove bob@example.org' }).click()
      await page.getByText('The mail address is removed').waitFor()
    },
  )
})

test('the account is closed from its page', { skip: noChromium }, () =>
  inBrowser({}, {}, async ({ server }, page) => {
    await page.getByRole('link', { name: /Close my account/ }).click()
    await page.getByLabel(/To be sure/).fill('@bob:one.test')
    await page.getByRole('button', { name: 'Close my account' }).click()
    await page.getByText('Your account is closed').waitFor()
    assert.equal((await server.users.findByLocalpart('bob'))?.deactivated, true)
  }),
)

test('sessions that have ended are told from others, and a linked sign-in has a name that people know', () =>
  withSso({}, async ({ home, signIn: enter, server }) => {
    const browser = openBrowser()
    await enter(browser, { device_id: 'OLD', initial_device_display_name: 'Old phone' })
    await server.login.web.context.sessions.endFrom('idp', { subject: 'id-alice' }, 'soft')
    await enter(browser, { device_id: 'NEW', initial_device_display_name: 'New phone' })
    const page = await browser.go(`${home}/account/sign-in/idp`)
    assert.match(page.text, /Old phone<\/strong>\s*<span class="mark">signed out/)
    assert.doesNotMatch(page.text, /New phone<\/strong>\s*<span class="mark">/)
    assert.match(page.text, /aria-label="Remove Old phone"/)
    assert.match(page.text, /Example Account<\/strong><br \/><span class="quiet">(?!id-alice<)/)
  }))

test('every fault has a way on, and the way to another site one back', () =>
  withSso({}, async (world) => {
    const { home, idp } = world
    await makeBob(world)
    const wayOn = /<a class="button plain" href="([^"]+)"\s*>\s*(Begin again|To your account)\s*</
    const browser = openBrowser()
    const door = await browser.go(`${home}/account`)
    const wrong = await browser.submit(door, '/account/sign-in', { user: 'bob', password: 'wrong' })
    const [, href = '', label] = wayOn.exec(wrong.text) ?? assert.fail(wrong.text)
    assert.equal(label, 'Begin again')
    assert.match((await browser.go(`${home}${href.replaceAll('&amp;', '&')}`)).text, /type="password"/)
    assert.match((await browser.go(`${home}/account/link/nobody`)).text, wayOn)
    idp.person = 'id-mallory'
    const asked = await browser.go(startOf(home, 'https://elsewhere.example.test/'))
    assert.match(asked.text, /<a class="button plain" href="\/"\s*>Cancel</)
    assert.match((await browser.go(`${home}/_latchkey/sso/idp/callback?state=x&code=y`)).text, wayOn)
  }))

test('no other site changes anything, and strangers send no pictures', () =>
  withSso({}, async (world) => {
    const { home, server } = world
    await makeBob(world)
    const browser = openBrowser()
    const door = await browser.go(`${home}/account`)
    const page = await browser.submit(door, '/account/sign-in', { user: 'bob', password })
    assert.match(page.text, /@bob:one\.test/)
    const cookie = [...browser.cookies.values()]
      .flatMap((all) => [...all].map(([name, value]) => `${name}=${value}`))
      .join('; ')
    for (const path of [
      'password',
      'picture',
      'picture/remove',
      'name',
      'unlink',
      'sessions',
      'deactivate',
      'sign-out',
    ]) {
      const fields = { name: 'evil', password: 'evil evil', again: 'evil evil', token: 'guessed' }
      const form = new FormData()
      for (const [name, value] of Object.entries(fields)) form.set(name, value)
      form.set('picture', new Blob([png], { type: 'image/png' }), 'x.png')
      const body = path === 'picture' ? form : new URLSearchParams(fields)
      for (const headers of [{}, { cookie }]) {
        const answer = await fetch(`${home}/account/${path}`, { method: 'POST', body, headers })
        assert.equal(answer.status, 400, path)
        assert.match(String(answer.headers.get('content-security-policy')), /frame-ancestors 'none'/)
        assert.equal(answer.headers.get('x-frame-options'), 'DENY')
        assert.equal(answer.headers.get('access-control-allow-origin'), null)
      }
    }
    assert.match((await browser.go(`${home}/account`)).text, /@bob:one\.test/, 'nobody was signed out either')
    const bob = await server.users.findByLocalpart('bob')
    assert.deepEqual([bob?.displayName, bob?.avatarUrl, bob?.deactivated], [null, null, false])
  }))
