// What ends here when a provider says that something of its has ended.
import assert from 'node:assert/strict'
import { inEveryWorld } from '../../test/harness/login-world.ts'

inEveryWorld('a session that is named with its user ends that, and what has no name', {}, async (world) => {
  const { user_id: userId } = await world.jwt('alice')
  const account = (await world.users.findByLocalpart('alice'))!
  const open = async (subject: string, sid: string | undefined) => {
    const { accessToken } = await world.sessions.open(account, undefined, {
      deviceId: undefined,
      displayName: undefined,
      refresh: false,
      ip: '127.0.0.1',
      userAgent: undefined,
      from: { provider: 'idp', subject, sid },
    })
    const login = await world.sessions.loginTokens.make({ user: account.nid, from: { provider: 'idp', subject, sid } })
    return async (): Promise<[boolean, boolean]> => [
      (await world.ask('GET', '/account/whoami', undefined, accessToken)).status === 200,
      (await world.ask('POST', '/login', { type: 'm.login.token', token: login })).body['user_id'] === userId,
    ]
  }
  const each = async () => [
    await open('alice', 'one'),
    await open('alice', 'two'),
    await open('alice', undefined),
    await open('bob', 'one'),
    await open('bob', undefined),
  ]
  const [stands, ended] = [
    [true, true],
    [false, false],
  ]
  const after = async (what: Parameters<typeof world.sessions.endFrom>[1]): Promise<unknown> => {
    const all = await each()
    await world.sessions.endFrom('idp', what, 'soft')
    const states = await Promise.all(all.map((state) => state()))
    await world.sessions.endAll(account.nid)
    return states
  }
  assert.deepEqual(await after({ subject: 'alice', sid: 'one', unnamed: true }), [ended, stands, ended, stands, stands])
  assert.deepEqual(await after({ subject: 'alice', sid: 'one' }), [ended, stands, stands, stands, stands])
  assert.deepEqual(await after({ sid: 'one', unnamed: true }), [ended, stands, stands, ended, stands])
  assert.deepEqual(await after({ subject: 'alice' }), [ended, ended, ended, stands, stands])
  assert.deepEqual(await after({}), [stands, stands, stands, stands, stands])
})
