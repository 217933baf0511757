// A real browser, where one is installed.
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'

const path = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) =>
  existsSync(file),
)

/** Why tests that need a browser are skipped; false where they are not. */
export const noChromium: string | false = path === undefined ? 'Chromium is not installed' : false
if (noChromium) console.log(`tests in a real browser are skipped: ${noChromium}`)

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Starts it, without a window. */
export const openChromium = (): Promise<Browser> =>
  chromium.launch({ ...(path !== undefined && { executablePath: path }), headless: true, args: flags })

/** Keeps a picture of the page, if LATCHKEY_TEST_SCREENSHOTS names a folder for them. */
export const picture = async (page: Page, name: string): Promise<void> => {
  const folder = process.env['LATCHKEY_TEST_SCREENSHOTS']
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}
