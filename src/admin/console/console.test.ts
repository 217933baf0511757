// The console in a real browser: at the width of a phone and of a desk, light and dark.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from '../../../test/harness/client.ts'
import { noChromium, openChromium, picture } from '../../../test/harness/chromium.ts'
import { send } from '../../../test/harness/identity-provider.ts'
import { jwtConfig, signJwt } from '../../../test/harness/jwt.ts'
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

    await send(`${server.url}/_matrix/media/v3/upload?filename=notes.txt`, {
      method: 'POST',
      headers: { authorization: `Bearer ${alice.token}`, 'content-type': 'text/plain' },
      body: 'what alice has kept',
    })
    const stranger = signJwt({ sub: 'eve' }, 'another secret, which is as long as it must be here')
    await new Client(server.url).refusal('POST', '/login', { type: 'org.matrix.login.jwt', token: stranger })
    await bob.req('POST', `/users/${encodeURIComponent(alice.userId)}/report`, { reason: 'a bully' })
    await bob.req('POST', `/rooms/${encodeURIComponent(room)}/report`, { reason: 'a den' })
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
      assert.match(
        await text(),
        /rude[^]*before[^]*something <script>bad<\/script>[^]*after[^]*@alice:test[^]*a bully[^]*a den/,
      )
      await picture(page, 'console-reports-phone-dark')
      assert.ok(await fits())
      await page.click('button:has-text("Dismiss") >> nth=0')
      assert.match(await text(), /Nothing has been reported/)

      await page.emulateMedia({ colorScheme: 'light' })
      await page.setViewportSize({ width: 1200, height: 800 })
      await page.goto(`${at}/media`)
      assert.match(await text(), /1 people have uploaded[^]*@alice:test[^]*1 files, 19 bytes/)
      await page.click('text=@alice:test')
      assert.match(await text(), /notes.txt[^]*text\/plain, 19 bytes/)
      await page.click('button:has-text("Quarantine")')
      assert.match(await text(), /in quarantine by @root:test/)
      await picture(page, 'console-files-desk-light')
      await page.click('button:has-text("Release")')
      await page.click('text=Delete …')
      await page.click('main button:has-text("Delete")')
      assert.match(await text(), /0 files/)

      await page.goto(`${at}/providers`)
      assert.match(await text(), /jwt_config[^]*2 sign-ins since the start[^]*HMAC secret of \d+ bytes \(2, last/)
      assert.match(await text(), /Refused by: signature \(1, last/)
      await page.fill('#credential', signJwt({ sub: 'dora' }))
      await page.click('button:has-text("Explain")')
      assert.match(await text(), /This token signs in @dora:test[^]*✓ signature/)
      await picture(page, 'console-providers-desk-light')
      await page.fill('#credential', signJwt({ sub: 'dora' }, 'another secret, which is as long as it must be here'))
      await page.click('button:has-text("Explain")')
      assert.match(await text(), /This token is refused[^]*✗ signature/)
      await page.setViewportSize({ width: 390, height: 800 })
      await picture(page, 'console-providers-phone-light')
      assert.ok(await fits())
      await page.setViewportSize({ width: 1200, height: 800 })
      await page.goto(`${at}/servers`)
      assert.match(await text(), /0 servers[^]*federation is off/)

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
      'console quarantine file',
      'console release file',
      'console delete file',
      'console new token',
      'console delete room',
    ])
    const forged = await new Client(server.url).ask('POST', '/_latchkey/admin/tokens/new', 'token=x', {
      'content-type': 'application/x-www-form-urlencoded',
    })
    assert.equal(forged.status >= 400, true, 'no form of another site')
  },
)
