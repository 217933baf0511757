// Somebody at Sable, a full web client, in a browser of their own.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Locator, Page } from 'playwright-core'
import { noChromium } from '../../harness/chromium.ts'
import type { Client } from '../../harness/client.ts'
import { signJwt } from '../../harness/jwt.ts'
import { serveSite, type Site } from './site.ts'

const folder = process.env['LATCHKEY_TEST_SABLE'] ?? ''

/** Why Sable is not tested; false where it is. */
export const noSable: string | false =
  noChromium || (!existsSync(join(folder, 'index.html')) && 'LATCHKEY_TEST_SABLE names no folder with a built one')

/** Serves it, set up for the server at `url`. */
export const serveSable = (url: string): Promise<Site> =>
  serveSite(folder, {
    homeserverList: [url],
    defaultHomeserver: 0,
    allowCustomHomeservers: true,
    featuredCommunities: {},
    slidingSync: { enabled: true },
    hashRouter: { enabled: false, basename: '/' },
  })

/**
 * What the server answers to questions that have no other answer on a fresh account (no backup yet, no TURN server, no OAuth, no
 * delegation), and to images that the client's service worker asks for before the page has told it the token.
 */
const expected = [
  /\/media\/thumbnail\/.* -> 401/,
  /\/room_keys\/version -> 404/,
  /\/voip\/turnServer -> 404/,
  /\/auth_(metadata|issuer) -> 404/,
  /\/\.well-known\/matrix\/client -> 404/,
  /\/register -> 40[13]/,
]

/** A page that somebody is signed in on. */
export interface Sable {
  page: Page
  userId: string
  /** What went wrong: refusals of the server, and what the page threw. */
  faults: string[]
  /** The paths that were asked for. */
  asked: Set<string>
}

/** Has the client use sliding sync from the next page on, as the switch in its settings does. */
const slide =
  'localStorage.matrixSessions = JSON.stringify(JSON.parse(localStorage.matrixSessions).map((session) => ({ ...session, slidingSyncOptIn: true })))'

/** Where somebody comes in: the client's site, the server as the client knows it, and whether by sliding sync. */
export interface Door {
  site: Site
  url: string
  sliding: boolean
}

/** Signs in with the login token that a backend gets for its user, `backend`, by a JWT. */
export async function openSable(browser: Browser, { site, url, sliding }: Door, backend: Client): Promise<Sable> {
  const name = backend.userId.slice(1, backend.userId.indexOf(':'))
  const { login_token: token } = await backend.req<{ login_token: string }>(
    'POST',
    '/_matrix/client/v1/login/get_token',
    {
      auth: { type: 'org.matrix.login.jwt', token: signJwt({ sub: name }) },
    },
  )
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  await context.route(
    (address) => address.protocol.startsWith('http') && address.hostname !== '127.0.0.1',
    (route) => route.abort(),
  )
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const faults: string[] = []
  const asked = new Set<string>()
  page.on('request', (request) => {
    asked.add(new URL(request.url()).pathname)
  })
  page.on('pageerror', (error) => {
    faults.push(`${name}: ${error.message}`)
  })
  page.on('response', (response) => {
    const line = `${response.request().method()} ${new URL(response.url()).pathname} -> ${response.status()}`
    if (response.status() >= 400 && !expected.some((known) => known.test(line))) faults.push(`${name}: ${line}`)
  })
  await page.goto(`${site.url}/login/${encodeURIComponent(url)}/?loginToken=${token}`)
  await page.getByText('Welcome to Sable').waitFor()
  if (sliding) {
    await page.evaluate(slide)
    await page.reload()
    await page.getByText('Welcome to Sable').waitFor()
  }
  return { page, userId: backend.userId, faults, asked }
}

const composer = (page: Page | Locator): Locator => page.locator('[data-slate-editor]')

/** Makes an encrypted room by the form. */
export async function createRoom({ page }: Sable, name: string): Promise<void> {
  await page.getByRole('button', { name: 'Create Room' }).first().click()
  await page.locator('input[name=nameInput]').fill(name)
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await composer(page).first().waitFor()
}

/** Opens a room by its name in the list. */
export async function openRoom({ page }: Sable, name: string): Promise<void> {
  await roomEntry(page, name).click()
  await composer(page).first().waitFor()
}

/** A room in the list on the left. */
export const roomEntry = (page: Page, name: string): Locator =>
  page.locator('a[href*="/home/"], button').filter({ hasText: name }).first()

/** Says something into the room that is open, or into the thread that is. */
export async function say({ page }: Sable, text: string, place: 'room' | 'thread' = 'room'): Promise<void> {
  const editor = place === 'room' ? composer(page).first() : composer(page).last()
  await editor.click()
  await page.keyboard.type(text)
  await page.keyboard.press('Enter')
}

/** A message of the open room by its text. */
export const message = ({ page }: Sable, text: string): Locator =>
  page.locator('[data-message-id]').filter({ hasText: text }).last()

/** Opens what can be done with a message, and chooses from it. */
export async function choose(person: Sable, text: string, item: string): Promise<void> {
  await message(person, text).hover()
  await message(person, text).locator('[class*=MessageOptionsBar] button').last().click()
  await person.page
    .getByRole('button', { name: item, exact: true })
    .or(person.page.getByText(item, { exact: true }))
    .or(person.page.getByTitle(item, { exact: true }))
    .last()
    .click()
}

/** Reacts to a message with an emoji that is looked up by its name. */
export async function react(person: Sable, text: string, name: string, emoji: string): Promise<void> {
  await choose(person, text, 'Add Reaction')
  await person.page
    .getByPlaceholder(/Search/)
    .last()
    .fill(name)
  await person.page.locator(`[data-emoji-data="${emoji}"]`).first().click()
}

/** Sends a file of this machine into the open room. */
export async function sendFile(
  { page }: Sable,
  file: { name: string; mimeType: string; buffer: Buffer },
): Promise<void> {
  const chooser = page.waitForEvent('filechooser')
  await page.getByLabel('Add new Item').first().click()
  await page.getByText('Add File').first().click()
  await (await chooser).setFiles(file)
  // It is there as soon as the file is on the server.
  await page.getByText('Send', { exact: true }).click()
}
