// examples/embed as its page in the documentation says: two users of an application chat inside its pages, encrypted, in a real browser.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { noChromium, openChromium, picture } from '../../harness/chromium.ts'
import { freePort, startProcess } from '../../harness/process.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const example = join(root, 'examples', 'embed')

/** Installs what its lock names, unless that was done since it last changed. Says why it cannot be run; false where it can. */
const missing = (): string | false => {
  if (noChromium) return noChromium
  const [lock, installed] = [join(example, 'package-lock.json'), join(example, 'node_modules', '.package-lock.json')]
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return false
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: example, stdio: 'ignore' })
  return status === 0 ? false : 'the packages of examples/embed cannot be installed'
}

/** A copy of the example, with a secret, whose files may be written. */
const copy = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-example-'))
  for (const name of ['build.js', 'server.js', 'latchkey.yaml', 'package.json', 'public', 'src'])
    cpSync(join(example, name), join(folder, name), { recursive: true })
  symlinkSync(join(example, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'chat-secret'), 'd'.repeat(64))
  return folder
}

const startApp = async (folder: string, port: number, homeserver: string) => {
  const app = spawn(process.execPath, ['server.js'], {
    cwd: folder,
    env: { ...process.env, PORT: String(port), HOMESERVER: homeserver },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(app.stdout, 'data')
  return app
}

const message = (page: Page, text: string) => page.locator('#messages p', { hasText: text })
const write = async (page: Page, text: string): Promise<void> => {
  await page.getByLabel('Message', { exact: true }).fill(text)
  await page.keyboard.press('Enter')
}

const why = missing()
if (why) console.log(`the example of chat inside an application is skipped: ${why}`)

test(
  'two users of an application chat inside its pages, and read it all again after a reload',
  { skip: why },
  async () => {
    const folder = copy()
    const [homePort, port] = [await freePort(), await freePort()]
    const home = `http://127.0.0.1:${homePort}`
    const built = spawnSync(process.execPath, ['build.js'], { cwd: folder, encoding: 'utf8' })
    assert.equal(built.status, 0, built.stderr)
    const main = join(root, 'src', 'cli', 'main.ts')
    const server = await startProcess(home, [
      process.execPath,
      [main, 'start', '--config', join(folder, 'latchkey.yaml'), '--listen', `127.0.0.1:${homePort}`],
    ])
    const app = await startApp(folder, port, home)
    const browser = await openChromium()
    try {
      const complaints: string[] = []
      const enter = async (name: string, dark: boolean, width = 900): Promise<Page> => {
        const context = await browser.newContext({
          colorScheme: dark ? 'dark' : 'light',
          viewport: { width, height: 640 },
        })
        const page = await context.newPage()
        page.on('pageerror', (error) => {
          complaints.push(String(error))
        })
        await page.goto(`http://localhost:${port}/`)
        if (name === 'Alice Example' && !dark) await picture(page, 'example-sign-in')
        await page.getByRole('button', { name }).click()
        return page
      }
      const alice = await enter('Alice Example', false)
      await alice.getByText('Nobody has written anything yet.').waitFor()
      await picture(alice, 'example-empty')
      const bob = await enter('Bob Example', true, 420)
      await alice.getByText('Alice Example, Bob Example').waitFor()

      await write(alice, 'Hello Bob, is the door open?')
      await message(bob, 'is the door open?').waitFor()
      await write(bob, 'It is: you have brought your own key.')
      await message(alice, 'brought your own key').waitFor()
      await write(
        alice,
        'Good. Then I will be there at noon, and bring the drawings that we talked about the other day.',
      )
      await message(bob, 'at noon').waitFor()
      await picture(alice, 'example-alice')
      await picture(bob, 'example-bob-dark-telephone')

      const device = await alice.getAttribute('body', 'data-device')
      await alice.reload()
      await message(alice, 'brought your own key').waitFor()
      assert.equal(await alice.getAttribute('body', 'data-device'), device, 'the same device')
      await write(bob, 'See you at noon.')
      await message(alice, 'See you at noon.').waitFor()
      assert.equal(await alice.locator('.unreadable').count(), 0)

      // Another browser of hers, which was not there when it was written.
      // The keys of both senders are in the backup within ten seconds or so: the SDK waits a random while.
      const backedUp = (): Promise<number> =>
        alice.evaluate(`(async () => {
          const { openSession } = await import('${home}/_latchkey/embed.js')
          const session = await openSession({ homeserver: '${home}', account: 'alice', token: '/chat-token' })
          const answer = await session.fetch('/_matrix/client/v3/room_keys/version')
          return (await answer.json()).count
        })()`)
      while ((await backedUp()) < 2) await alice.waitForTimeout(500)
      const second = await enter('Alice Example', true)
      for (const text of ['is the door open?', 'brought your own key', 'See you at noon.'])
        await message(second, text).waitFor()
      assert.notEqual(await second.getAttribute('body', 'data-device'), device, 'a device of its own')
      assert.equal(await second.locator('.unreadable').count(), 0)
      await write(second, 'I am at my desk now.')
      await message(alice, 'at my desk').waitFor()
      await picture(second, 'example-second-browser')
      await second.context().close()

      // What the server has of it is encrypted.
      const seen: unknown = await alice.evaluate(`(async () => {
      const { openSession } = await import('${home}/_latchkey/embed.js')
      const session = await openSession({ homeserver: '${home}', account: 'alice', token: '/chat-token' })
      const ask = (path) => session.fetch('/_matrix/client/v3/' + path).then((answer) => answer.json())
      const { joined_rooms: [room] } = await ask('joined_rooms')
      const { chunk } = await ask('rooms/' + encodeURIComponent(room) + '/messages?dir=b&limit=4')
      return chunk.map(({ type }) => type)
    })()`)
      assert.deepEqual(
        seen,
        Array.from({ length: 4 }, () => 'm.room.encrypted'),
      )

      await alice.getByRole('button', { name: 'Sign out' }).click()
      await alice.getByRole('heading', { name: 'Who are you?' }).waitFor()
      const left: unknown = await alice.evaluate('indexedDB.databases().then((all) => all.map(({ name }) => name))')
      assert.deepEqual(left, ['latchkey'], 'keys are gone')
      const sessions: unknown = await alice.evaluate(`new Promise((resolve) => {
      const request = indexedDB.open('latchkey')
      request.onsuccess = () => { request.result.transaction('sessions').objectStore('sessions').count().onsuccess = ({ target }) => resolve(target.result) }
    })`)
      assert.equal(sessions, 0, 'and so is the session')
      assert.deepEqual(complaints, [])
    } finally {
      await browser.close()
      app.kill()
      await server.end('SIGTERM')
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
    }
  },
)
