import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client, type Body } from '../../../test/harness/client.ts'
import { jwtConfig } from '../../../test/harness/jwt.ts'
import { databases } from '../../../test/harness/postgres.ts'
import { createHomeserver } from '../../server/index.ts'

const api = '/_synapse/admin/v1/registration_tokens'

for (const kind of databases) {
  test(`people register by tokens that administrators make, as often as these allow (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    {
      let now = Date.now()
      await using server = await createHomeserver(
        {
          server_name: 'test',
          database: url,
          listen: '127.0.0.1:0',
          rate_limits: 'off',
          registration: 'token',
          jwt_config: jwtConfig,
          log: { level: 'silent' },
        },
        { now: () => now },
      )
      const root = await new Client(server.url).login('root')
      await server.users.setAdmin(await server.users.intern(root.userId), true)
      const guest = new Client(server.url)
      const register = (username: string, token: string): Promise<{ status: number; body: Body }> =>
        guest.ask('POST', '/register', {
          username,
          password: 'a long password 1',
          auth: { type: 'm.login.registration_token', token },
        })
      const isValid = async (token: string): Promise<unknown> =>
        (await guest.req('GET', `/_matrix/client/v1/register/m.login.registration_token/validity?token=${token}`))[
          'valid'
        ]

      const made = await root.req('POST', `${api}/new`, {})
      assert.match(String(made['token']), /^[A-Za-z0-9._~-]{16}$/)
      assert.deepEqual(made, {
        token: made['token'],
        uses_allowed: null,
        pending: 0,
        completed: 0,
        expiry_time: null,
      })
      const once = { token: 'once', uses_allowed: 1, pending: 0, completed: 0, expiry_time: now + 60_000 }
      assert.deepEqual(
        await root.req('POST', `${api}/new`, { token: 'once', uses_allowed: 1, expiry_time: now + 60_000 }),
        once,
      )
      assert.equal(await isValid('once'), true)
      assert.equal((await register('alice', 'wrong')).status, 401)
      assert.equal((await register('alice', 'once')).status, 200)
      assert.equal((await register('bob', 'once')).status, 401)
      assert.equal(await isValid('once'), false)
      assert.deepEqual(await root.req('GET', `${api}/once`), { ...once, completed: 1 })

      const both = await Promise.all(['carol', 'dave', 'eve'].map((name) => register(name, String(made['token']))))
      assert.deepEqual(
        both.map(({ status }) => status),
        [200, 200, 200],
      )
      await root.req('PUT', `${api}/once`, { uses_allowed: 2 })
      const race = await Promise.all(['frank', 'grace', 'heidi'].map((name) => register(name, 'once')))
      assert.equal(race.filter(({ status }) => status === 200).length, 1)
      assert.equal((await root.req('GET', `${api}/once`))['completed'], 2)

      const list = async (query: string): Promise<unknown[]> =>
        (await root.req<{ registration_tokens: Body[] }>('GET', `${api}${query}`)).registration_tokens.map(
          ({ token }) => token,
        )
      assert.deepEqual(await list('?valid=true'), [made['token']])
      assert.deepEqual(await list('?valid=false'), ['once'])
      await root.req('PUT', `${api}/once`, { uses_allowed: null })
      assert.equal((await list('?valid=true')).length, 2)
      now += 60_001
      assert.deepEqual(await list('?valid=false'), ['once'])
      assert.equal((await register('ivan', 'once')).status, 401)
      await root.req('PUT', `${api}/once`, { expiry_time: null })
      assert.equal((await register('ivan', 'once')).status, 200)
      await root.req('DELETE', `${api}/once`)
      assert.equal(await root.refusal('GET', `${api}/once`), '404 M_NOT_FOUND')
      assert.equal(await root.refusal('DELETE', `${api}/once`), '404 M_NOT_FOUND')
      assert.equal(await root.refusal('PUT', `${api}/once`, {}), '404 M_NOT_FOUND')
      for (const body of [
        { token: 'a b' },
        { token: 'x'.repeat(65) },
        { token: '' },
        { token: made['token'] },
        { length: 0 },
        { length: 65 },
        { uses_allowed: -1 },
        { expiry_time: 1 },
      ])
        assert.equal(await root.refusal('POST', `${api}/new`, body), '400 M_INVALID_PARAM', JSON.stringify(body))
    }
    await dispose()
  })
}
