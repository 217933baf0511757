// Access tokens made by hand, on the page and by the operator.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBrowser } from './harness/identity-provider.ts'
import { password, withOAuth } from './harness/oauth-world.ts'
import { databases } from './harness/postgres.ts'
import { operatorOf } from '../src/cli/operator.ts'

for (const kind of databases) {
  test(`a personal access token is shown once, listed, and ended (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    try {
      await withOAuth({ config: { database: url, oauth: 'off' } }, async ({ home, account, whoami, server, ask }) => {
        await account('alice')
        const browser = openBrowser()
        const landing = await browser.go(`${home}/account/tokens`)
        const form = await browser.submit(landing, '/account/sign-in', { user: 'alice', password })
        const made = await browser.submit(form, '/account/tokens', { name: 'Weather bot', days: '30' })
        const token = /lka_[A-Za-z0-9_-]{43}/.exec(made.text)?.[0] ?? assert.fail(made.text)
        const me = await whoami(token)
        assert.equal(me.body['user_id'], '@alice:one.test')
        const page = await browser.go(`${home}/account`)
        assert.match(page.text, /Weather bot/)
        assert.ok(!page.text.includes(token))
        assert.match(
          (await browser.submit(form, '/account/tokens', { name: '\u200b', days: '30' })).text,
          /makes no sense/,
        )
        assert.match((await browser.submit(form, '/account/tokens', { name: 'x', days: '7' })).text, /makes no sense/)

        const operator = operatorOf(server)
        const bot = await operator.createToken('alice', {
          name: 'Backup',
          deviceId: 'BACKUP',
          expires: Date.now() + 3_600_000,
        })
        assert.equal((await whoami(bot.token)).body['device_id'], 'BACKUP')
        await assert.rejects(
          operator.createToken('alice', { name: 'Another', deviceId: 'BACKUP' }),
          /a device of its own/,
        )
        assert.deepEqual(
          (await operator.listTokens('alice')).map(({ name }) => name),
          ['Weather bot', 'Backup'],
        )
        await operator.revokeToken('alice', 'BACKUP')
        assert.equal((await whoami(bot.token)).status, 401)
        await assert.rejects(operator.revokeToken('alice', 'BACKUP'), /no such token/)
        assert.equal((await ask('POST', '/logout', {}, token)).status, 200)
        assert.deepEqual(await operator.listTokens('alice'), [])
        await server.users.setLocked((await server.users.find('@alice:one.test')) ?? 0, true)
        await assert.rejects(operator.createToken('alice', { name: 'Late' }), /locked/)
      })
    } finally {
      await dispose()
    }
  })
}
