import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Client } from '../../../test/harness/client.ts'
import { jwtConfig } from '../../../test/harness/jwt.ts'
import { databases } from '../../../test/harness/postgres.ts'
import { createHomeserver } from '../../server/index.ts'

for (const kind of databases) {
  test(`an OpenID token says for an hour who somebody is, and opens nothing (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    {
      const clock = { now: Date.now() }
      await using server = await createHomeserver(
        {
          server_name: 'test',
          database: url,
          listen: '127.0.0.1:0',
          rate_limits: 'off',
          jwt_config: jwtConfig,
          log: { level: 'silent' },
        },
        { now: () => clock.now },
      )
      const [alice, anybody] = [await new Client(server.url).login('alice'), new Client(server.url)]
      const request = `/user/${encodeURIComponent(alice.userId)}/openid/request_token`
      const ask = () => alice.req<{ access_token: string }>('POST', request, {})
      const { access_token: token, ...rest } = await ask()
      assert.deepEqual(rest, { token_type: 'Bearer', matrix_server_name: 'test', expires_in: 3600 })
      const userinfo = `/_matrix/federation/v1/openid/userinfo?access_token=${token}`
      assert.deepEqual(await anybody.req('GET', userinfo), { sub: alice.userId })
      anybody.token = token
      assert.equal(await anybody.refusal('GET', '/account/whoami'), '401 M_UNKNOWN_TOKEN')
      assert.equal(await alice.refusal('POST', '/user/@bob:test/openid/request_token', {}), '403 M_FORBIDDEN')
      assert.equal(
        await anybody.refusal('GET', `/_matrix/federation/v1/openid/userinfo?access_token=${alice.token}`),
        '401 M_UNKNOWN_TOKEN',
      )
      assert.equal(await anybody.refusal('GET', '/_matrix/federation/v1/openid/userinfo'), '401 M_MISSING_TOKEN')
      const nid = await server.users.intern(alice.userId)
      await server.users.setLocked(nid, true)
      assert.equal(await anybody.refusal('GET', userinfo), '401 M_UNKNOWN_TOKEN')
      await server.users.setLocked(nid, false)
      assert.equal(
        await anybody.refusal('GET', userinfo),
        '401 M_UNKNOWN_TOKEN',
        'it ended when the account was locked',
      )
      const later = `/_matrix/federation/v1/openid/userinfo?access_token=${(await ask()).access_token}`
      clock.now += 3_599_000
      assert.deepEqual(await anybody.req('GET', later), { sub: alice.userId })
      clock.now += 1000
      assert.equal(await anybody.refusal('GET', later), '401 M_UNKNOWN_TOKEN')
    }
    await dispose()
  })
}
