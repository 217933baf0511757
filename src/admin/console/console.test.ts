// The console in a real browser: at the width of a phone and of a desk, light and dark.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from '../../../test/harness/client.ts'
import { noChromium, openChromium, picture } from '../../../test/harness/chromium.ts'
import { jwtConfig } from '../../../test/harness/jwt.ts'
import { createHomeserver } from '../../server/index.ts'
import { readAuditEntries } from '../store/audit.ts'

test(
  'an administrator looks after people, rooms, reports and tokens in the browser',
  { skip: noChromium },
  async () => {
    let now = Date.now()
    await using server = await createHomeserver(
      {
        server_name: 'test',
        database: 'sqlite::memory:',
        listen: '127.0.0.1:0',
        rate_limits: 'off',
        jwt_config: jwtConfig,
        log: { level: 'silent' },
      },
      { now: () => now },
    )
    const account = (localpart: string, admin: boolean): Promise<string> =>
      server.login.createAccount({
        localpart,
        password: `password of ${localpart}`,
        admin,
        displayName: null,
        createdBy: 'test',
      })
    await account('root', true)
    await account('carol', false)
    const [alice, bob] = [await new Client(server.url).login('alice'), await new Client(server.url).login('bob')]
    const room = await alice.createRoom({ name: 'The <b>room</b>', preset: 'public_chat' })
    await bob.join(room)
    await alice.send(room, 'before')
    const event = await alice.send(room, 'something <script>bad</script>')
    await alice.send(room, 'after')
    await bob.req('POST', `/rooms/${encodeURIComponent(room)}/report/${encodeURIComponent(event)}`, { reason: 'rude' })

    const browser = await openChromium()
    try {
      const page = await browser.newPage({ viewport: { width: 390, height: 800 }, colorScheme: 'dark' })
      const at = `${server.url}/_latchkey/admin`
      const signIn = async (name: string): Promise<void> => {
        await page.fill('#user', name)
        await page.fill('#password', `password of ${name}`)
        await page.click('main form[action$="/sign-in"] button')
      }
      const text = (): Promise<string> => page.innerText('main')

      await page.goto(`${at}/people`)
      await picture(page, 'console-door')
      await signIn('carol')
      assert.doesNotMatch(await text(), /@alice:test/, 'for administrators alone')
      await page.context().clearCookies()
      await page.goto(`${at}/people`)
      await signIn('root')
      assert.equal(new URL(page.url()).pathname, '/_latchkey/admin/people')
      assert.match(await text(), /@alice:test/)
      const fits = (): Promise<boolean> =>
        page.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth')
      await picture(page, 'console-people-phone-dark')
      assert.ok(await fits(), 'nothing is wider than a phone')

      await page.click('text=@bob:test')
      await page.click('button:has-text("Lock")')
      assert.equal(await bob.refusal('GET', '/sync'), '401 M_USER_LOCKED')
      await page.click('button:has-text("Unlock")')
      await picture(page, 'console-person-phone-dark')
      assert.ok(await fits())

      await page.goto(`${at}/reports`)
      assert.match(await text(), /rude[^]*before[^]*something <script>bad<\/script>[^]*after/)
      await picture(page, 'console-reports-phone-dark')
      assert.ok(await fits())
      await page.click('button:has-text("Dismiss")')
      assert.match(await text(), /Nothing has been reported/)

      await page.emulateMedia({ colorScheme: 'light' })
      await page.setViewportSize({ width: 1200, height: 800 })
      await page.goto(`${at}/tokens`)
      await page.click('button:has-text("New token for one account")')
      assert.match(await text(), /0 of 1 used/)
      await picture(page, 'console-tokens-desk-light')

      await page.goto(`${at}/rooms`)
      await page.click('text=The <b>room</b>')
      await picture(page, 'console-room-desk-light')
      now += 10 * 60_000
      await page.click('text=Delete …')
      await signIn('root')
      assert.match(await text(), /Delete this room\?/, 'after signing in again')
      await picture(page, 'console-delete-desk-light')
      await page.click('button:has-text("Delete"):not(:has-text("block"))')
      for (let tries = 0; tries < 100 && !/complete/.test(await text()); tries++) await page.reload()
      assert.match(await text(), /delete_room[^]*complete/)
      assert.equal(await server.rooms.find(room), undefined)

      await page.goto(at)
      assert.match(await text(), /4 accounts[^]*0 rooms[^]*0 reports/)
      await picture(page, 'console-overview-desk-light')
      await page.goto(`${at}/audit`)
      assert.match(await text(), /console delete room/)
      await picture(page, 'console-audit-desk-light')
    } finally {
      await browser.close()
    }
    const entries = await readAuditEntries(server.database.read, { limit: 100 })
    assert.deepEqual(entries.map(({ action }) => action).toReversed(), [
      'console lock',
      'console unlock',
      'console dismiss report',
      'console new token',
      'console delete room',
    ])
    const forged = await new Client(server.url).ask('POST', '/_latchkey/admin/tokens/new', 'token=x', {
      'content-type': 'application/x-www-form-urlencoded',
    })
    assert.equal(forged.status >= 400, true, 'no form of another site')
  },
)
