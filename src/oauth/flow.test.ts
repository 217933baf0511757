// From a client's first request to the end of its session, over HTTP, as a client and a browser do it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withOAuth } from '../../test/harness/oauth-world.ts'

test('a client registers, has somebody sign in, gets tokens, refreshes and signs out', () =>
  withOAuth({}, async (world) => {
    const { post, register, account, tokens, whoami } = world
    await account('alice')
    const client = await register()
    assert.equal(await register(), client, 'the same metadata is the same client')
    assert.notEqual(await register({ client_name: 'Another App' }), client)
    const first = await tokens(client)
    assert.deepEqual(Object.keys(first).toSorted(), [
      'access_token',
      'expires_in',
      'refresh_token',
      'scope',
      'token_type',
    ])
    assert.equal(first['expires_in'], 300)
    const me = await whoami(first['access_token'])
    assert.equal(me.body['user_id'], '@alice:one.test')
    assert.ok(String(first['scope']).endsWith(String(me.body['device_id'])))

    const refresh = { grant_type: 'refresh_token', client_id: client, refresh_token: String(first['refresh_token']) }
    const lost = await post('token', refresh)
    const second = await post('token', refresh)
    assert.deepEqual([lost.status, second.status], [200, 200], 'an answer that was lost can be asked for again')
    assert.equal(lost.body['refresh_token'], second.body['refresh_token'], 'and is the same')
    assert.equal((await whoami(first['access_token'])).status, 200, 'the old token works until the new one was used')
    assert.equal((await whoami(second.body['access_token'])).status, 200)
    assert.equal((await whoami(lost.body['access_token'])).status, 200)
    const old = await whoami(first['access_token'])
    assert.deepEqual([old.status, old.body['soft_logout']], [401, true])

    const gone = await post('revoke', { token: String(second.body['refresh_token']) })
    assert.deepEqual([gone.status, gone.body], [200, {}])
    assert.equal((await whoami(second.body['access_token'])).status, 401)
    assert.equal((await post('revoke', { token: String(second.body['refresh_token']) })).status, 200)
  }))
