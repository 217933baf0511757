// What clients of OAuth 2.0 send people to the account page for.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { type Browser, openBrowser } from '../../test/harness/identity-provider.ts'
import { type OAuthWorld, password, withOAuth } from '../../test/harness/oauth-world.ts'

const key = (user: string, usage: string): object => {
  const id = `ed25519:${randomBytes(32).toString('base64').replaceAll('=', '')}`
  return { user_id: user, usage: [usage], keys: { [id]: id.slice('ed25519:'.length) } }
}
const keys = (user: string) => ({ master_key: key(user, 'master') })
const upload = '/keys/device_signing/upload'

const enter = async ({ home, signInOn }: OAuthWorld, path: string, name?: string): Promise<[Browser, string]> => {
  const browser = openBrowser()
  const landing = await signInOn(browser, `${home}${path}`, name)
  return [browser, landing.text]
}

test('account page', async (t) => {
  await withOAuth({}, async (world) => {
    const { ask, register, account, tokens, whoami, home } = world
    await account('alice')
    await account('mallory')
    const client = await register()

    await t.test('new keys of a session by OAuth are confirmed on the page, by its user alone', async () => {
      const { access_token: token } = await tokens(client)
      assert.equal((await ask('POST', upload, keys('@alice:one.test'), String(token))).status, 200)
      const wanted = keys('@alice:one.test')
      const told = await ask('POST', upload, wanted, String(token))
      assert.equal(told.status, 401)
      const { flows, params, session } = told.body as {
        flows: { stages: string[] }[]
        params: Record<string, { url: string }>
        session: string
      }
      assert.deepEqual(flows[0], { stages: ['m.oauth'] })
      const url = params['m.oauth']?.url ?? ''
      assert.ok(url.startsWith(`${home}/account?action=org.matrix.cross_signing_reset`), url)
      const again = () => ask('POST', upload, { ...wanted, auth: { session } }, String(token))
      assert.equal((await again()).status, 401)

      const [stranger, refused] = await enter(world, url.slice(home.length), 'mallory')
      assert.match(refused, /You signed in as somebody else/)
      await stranger.go(`${home}/account/confirm?session=${session}`)
      assert.equal((await again()).status, 401)

      const browser = openBrowser()
      const landing = await world.signInOn(browser, url)
      assert.match(landing.text, /Replace the keys that your identity is verified by/)
      assert.equal((await again()).status, 401, 'reading is not saying yes')
      assert.match((await browser.submit(landing, '/account/confirm')).text, /Confirmed/)
      const other = await ask('POST', upload, { ...keys('@alice:one.test'), auth: { session } }, String(token))
      assert.equal(other.status, 403, 'what was confirmed is that request and no other')
      assert.equal((await again()).status, 200)
    })

    await t.test('the link alone finds what waits, and a session of the old ways has no such stage', async () => {
      const { access_token: token } = await tokens(client)
      await ask('POST', upload, keys('@alice:one.test'), String(token))
      const [browser, text] = await enter(world, '/account?action=org.matrix.cross_signing_reset')
      assert.match(text, /Confirm that it is you/)
      await browser.go(`${home}/account`)
      const legacy = await ask('POST', '/login', {
        type: 'm.login.password',
        identifier: { type: 'm.id.user', user: 'alice' },
        password,
      })
      const told = await ask('POST', upload, keys('@alice:one.test'), String(legacy.body['access_token']))
      assert.doesNotMatch(JSON.stringify(told.body), /m\.oauth/)
    })

    await t.test('a session is shown with its app, and ended after a question', async () => {
      const { access_token: token } = await tokens(client)
      const { device_id: device } = (await whoami(token)).body
      const [viewer, view] = await enter(world, `/account?action=org.matrix.device_view&device_id=${String(device)}`)
      assert.match(view, /Example App/)
      assert.match(view, new RegExp(String(device)))
      assert.match((await viewer.go(`${home}/account`)).text, /example\.test/)
      const landing = await viewer.go(`${home}/account?action=org.matrix.session_end&device_id=${String(device)}`)
      assert.match(landing.text, /Sign out this session\?/)
      assert.equal((await whoami(token)).status, 200, 'a link ends nothing')
      await viewer.submit(landing, '/account/sessions')
      assert.equal((await whoami(token)).status, 401)
      assert.equal((await viewer.go(`${home}/account?action=org.matrix.device_view&device_id=nothing`)).status, 404)
    })

    await t.test('an account is closed by whoever types its name, having just signed in', async () => {
      await account('leaver')
      const { access_token: token } = await tokens(client, 'leaver')
      const browser = openBrowser()
      const landing = await world.signInOn(browser, `${home}/account?action=org.matrix.account_deactivate`, 'leaver')
      assert.match((await browser.submit(landing, '/account/deactivate', { name: 'x' })).text, /not the name/)
      assert.equal((await whoami(token)).status, 200)
      const closed = await browser.submit(landing, '/account/deactivate', { name: '@leaver:one.test' })
      assert.match(closed.text, /Your account is closed/)
      assert.equal((await whoami(token)).status, 401)
      assert.match((await browser.go(`${home}/account`)).text, /Sign in/)
    })

    await t.test('other actions lead to their part of the page, and unknown ones to the page', async () => {
      const [browser] = await enter(world, '/account?action=org.matrix.devices_list')
      for (const action of ['org.matrix.profile', 'org.matrix.devices_list', 'org.example.unknown']) {
        const landing = await browser.go(`${home}/account?action=${action}`)
        assert.match(landing.text, /@alice:one\.test/)
      }
    })
  })
})
