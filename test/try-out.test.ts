// The home page of every server, and the chat of a try-out, as whoever opens the address in a browser meets them.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Page } from 'playwright-core'
import { defaultConfig } from '../src/config/index.ts'
import { tryOutConfig } from '../src/cli/try-out.ts'
import { createHomeserver, type Homeserver } from '../src/server/index.ts'
import { noChromium, openChromium, picture } from './harness/chromium.ts'
import { signJwt } from './harness/jwt.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-try-out-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const quiet = { log: { level: 'error' }, database: 'sqlite::memory:', listen: '127.0.0.1:0' } as const
const startTryOut = (name: string, more: object = {}): Promise<Homeserver> =>
  createHomeserver(tryOutConfig(defaultConfig({ ...quiet, data_dir: join(folder, name), ...more })))

interface Answer {
  status: number
  headers: NodeJS.Dict<string | string[]>
  body: string
}
/** With headers that `fetch` does not let one set. */
const ask = (
  url: string,
  path: string,
  method = 'GET',
  headers: Record<string, string> = {},
  body = '',
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request(new URL(path, url), { method, headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => (text += part))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }))
    })
    sent.on('error', reject).end(body)
  })

test('every server says what it is, to nobody else’s scripts and in nobody’s frame, and has an icon', async () => {
  await using homeserver = await createHomeserver({ ...quiet, server_name: 'one.test', data_dir: join(folder, 'one') })
  const { status, headers, body } = await ask(homeserver.url, '/')
  assert.equal(status, 200)
  assert.match(body, /This is a Matrix server[^]*one\.test/)
  assert.doesNotMatch(body, /Alice|try-out/)
  assert.equal(headers['access-control-allow-origin'], undefined)
  assert.match(String(headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/)
  const icon = await ask(homeserver.url, '/favicon.ico')
  assert.deepEqual([icon.status, icon.headers['content-type']], [200, 'image/svg+xml'])
  assert.equal((await ask(homeserver.url, '/_latchkey/try-out/alice')).status, 404)
  assert.equal((await ask(homeserver.url, '/_latchkey/try-out/token', 'POST', {}, '{"person":"alice"}')).status, 404)
  assert.match((await ask(homeserver.url, '/', 'GET', { 'accept-language': 'de' })).body, /Das ist ein Matrix-Server/)
})

test('behind https, pages are asked for by https from then on', async () => {
  const settings = { ...quiet, server_name: 'one.test', data_dir: join(folder, 'https') }
  await using secure = await createHomeserver({ ...settings, public_base_url: 'https://m.one.test' })
  for (const path of ['/', '/account', '/account/link/nobody'])
    assert.match(String((await ask(secure.url, path)).headers['strict-transport-security']), /^max-age=\d{8}/)
  await using plain = await createHomeserver({ ...settings, public_base_url: 'http://127.0.0.1:1' })
  assert.equal((await ask(plain.url, '/')).headers['strict-transport-security'], undefined)
})

test('the chat of a try-out is for a server without a name that listens on this machine alone', async () => {
  for (const [index, more] of [{ server_name: 'example.org' }, { listen: ['127.0.0.1:0', '0.0.0.0:0'] }].entries()) {
    await using homeserver = await startTryOut(`named-${index}`, more)
    assert.doesNotMatch((await ask(homeserver.url, '/')).body, /Alice/)
    assert.equal((await ask(homeserver.url, '/_latchkey/try-out/alice')).status, 404)
    const sent = await ask(homeserver.url, '/_latchkey/try-out/token', 'POST', {}, '{"person":"alice"}')
    assert.equal(sent.status, 404)
  }
})

test('its token goes to its own page on this machine, for a minute, and to nobody with more than a trial', async () => {
  await using homeserver = await startTryOut('token')
  const { host } = new URL(homeserver.url)
  const own = { origin: homeserver.url }
  const token = (headers: Record<string, string>, person = 'alice'): Promise<Answer> =>
    ask(homeserver.url, '/_latchkey/try-out/token', 'POST', headers, JSON.stringify({ person }))
  const good = await token(own)
  assert.equal(good.status, 200)
  assert.equal(good.headers['access-control-allow-origin'], undefined)
  const { token: jwt } = JSON.parse(good.body) as { token: string }
  const claims = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as {
    exp: number
    iat: number
  }
  assert.equal(claims.exp - claims.iat, 60)
  for (const headers of [
    {},
    { origin: 'http://evil.test' },
    { origin: 'null' },
    { origin: `https://${host}.evil.test` },
    // A name of the attacker's that leads here: the browser takes page and server for one origin.
    { host: 'evil.test:8008', origin: 'http://evil.test:8008' },
    { ...own, host: `${host}.evil.test` },
    // Somebody further away, whom a proxy lets through.
    { ...own, 'x-forwarded-for': '203.0.113.9' },
    { ...own, forwarded: 'for=203.0.113.9' },
  ])
    assert.equal((await token(headers)).status, 403, JSON.stringify(headers))
  assert.equal((await token(own, 'carol')).status, 404)
  assert.equal((await ask(homeserver.url, '/_latchkey/try-out/alice', 'GET', { host: 'evil.test' })).status, 404)
  assert.doesNotMatch((await ask(homeserver.url, '/', 'GET', { host: 'evil.test' })).body, /Chat as/)
  await homeserver.login.createAccount({
    localpart: 'bob',
    password: 'correct horse',
    admin: false,
    displayName: null,
    createdBy: 'cli',
  })
  assert.equal((await token(own, 'bob')).status, 403, 'a password is a way in of its own')
})

test('Alice and Bob chat in two windows of a browser', { skip: noChromium }, async () => {
  await using homeserver = await startTryOut('chat')
  const browser = await openChromium()
  const faults: string[] = []
  try {
    const open = async (options: object): Promise<Page> => {
      const page = await (await browser.newContext(options)).newPage()
      page.on('console', (line) => line.type() === 'error' && !/404/.test(line.text()) && faults.push(line.text()))
      page.on('pageerror', (error) => faults.push(String(error)))
      await page.goto(homeserver.url)
      return page
    }
    const alice = await open({ viewport: { width: 1100, height: 700 } })
    const bob = await open({ viewport: { width: 390, height: 780 }, colorScheme: 'dark' })
    await picture(alice, 'home-desk-light')
    await picture(bob, 'home-phone-dark')
    await alice.getByRole('link', { name: 'Chat as Alice' }).click()
    await alice.getByText('Nobody has said anything yet').waitFor()
    await bob.getByRole('link', { name: 'Chat as Bob' }).click()
    const say = async (page: Page, text: string): Promise<void> => {
      await page.getByLabel('Write a message').fill(text)
      await page.getByRole('button', { name: 'Send' }).click()
    }
    await alice.getByText('Bob came in').waitFor()
    await say(alice, 'Hello Bob <b>x</b>')
    await bob.getByText('Hello Bob <b>x</b>').waitFor()
    await say(
      bob,
      'Hello Alice, nice to see you here. This is a somewhat longer message, so that it fills more than one line.',
    )
    await alice.getByText('Hello Alice').waitFor()
    // What is done by other means is seen here: an invitation to a room that was made by the API.
    const ofApi = async (
      method: 'POST',
      path: string,
      token: string,
      body: object,
    ): Promise<Record<string, string>> => {
      const answer = await homeserver.inject({
        method,
        url: `/_matrix/client/v3/${path}`,
        headers: { authorization: `Bearer ${token}` },
        payload: JSON.stringify(body),
      })
      return answer.json() as Record<string, string>
    }
    const jwt = signJwt({ sub: 'carol', exp: Math.floor(Date.now() / 1000) + 60 }, homeserver.config.jwt_config.secret)
    const carol = (await ofApi('POST', 'login', '', { type: 'org.matrix.login.jwt', token: jwt }))['access_token'] ?? ''
    await ofApi('POST', 'createRoom', carol, { name: 'Two of us', invite: ['@alice:localhost'] })
    await alice.getByRole('button', { name: /Two of us/ }).click()
    await alice.getByRole('heading', { name: 'Two of us' }).waitFor()
    await picture(alice, 'chat-invited-desk-light')
    await alice.getByRole('button', { name: /Try-out/ }).click()
    await alice.reload()
    await alice.getByText('Hello Alice').waitFor()
    await picture(alice, 'chat-desk-light')
    await picture(bob, 'chat-phone-dark')
    assert.deepEqual(faults, [])
  } finally {
    await browser.close()
  }
})
