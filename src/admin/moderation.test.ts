import assert from 'node:assert/strict'
import { enc, over } from './fixture.test.ts'

const lock = (userId: string): string => `/_matrix/client/v1/admin/lock/${enc(userId)}`
const suspend = (userId: string): string => `/_matrix/client/v1/admin/suspend/${enc(userId)}`

over('an administrator locks an account, whose sessions know of it at once', async ({ root, alice }) => {
  assert.deepEqual(await root.req('GET', lock(alice.userId)), { locked: false })
  assert.deepEqual(await root.req('PUT', lock(alice.userId), { locked: true }), { locked: true })
  assert.equal(await alice.refusal('GET', '/sync'), '401 M_USER_LOCKED')
  assert.deepEqual(await root.req('GET', lock(alice.userId)), { locked: true })
  assert.deepEqual(await root.req('PUT', lock(alice.userId), { locked: false }), { locked: false })
  await alice.sync()
})

over('an administrator suspends an account, which then may look but not speak', async ({ root, alice }) => {
  const room = await alice.createRoom()
  assert.deepEqual(await root.req('GET', suspend(alice.userId)), { suspended: false })
  assert.deepEqual(await root.req('PUT', suspend(alice.userId), { suspended: true }), { suspended: true })
  assert.equal(
    await alice.refusal('PUT', `/rooms/${enc(room)}/send/m.room.message/t1`, { msgtype: 'm.text', body: 'hello' }),
    '403 M_USER_SUSPENDED',
  )
  await alice.sync()
  assert.deepEqual(await root.req('GET', suspend(alice.userId)), { suspended: true })
  assert.deepEqual(await root.req('PUT', suspend(alice.userId), { suspended: false }), { suspended: false })
  await alice.send(room, 'hello')
})

over(
  'only administrators moderate, neither themselves nor each other, and nobody else learns who is there',
  async ({ root, alice, bob, server }) => {
    for (const at of [lock, suspend]) {
      const body = { locked: true, suspended: true }
      for (const userId of [bob.userId, alice.userId, '@nobody:test', '@far:away.test']) {
        assert.equal(await alice.refusal('GET', at(userId)), '403 M_FORBIDDEN')
        assert.equal(await alice.refusal('PUT', at(userId), body), '403 M_FORBIDDEN')
      }
      assert.equal(await root.refusal('PUT', at('@nobody:test'), body), '404 M_NOT_FOUND')
      assert.equal(await root.refusal('PUT', at('@far:away.test'), body), '400 M_INVALID_PARAM')
      assert.equal(await root.refusal('PUT', at(root.userId), body), '403 M_FORBIDDEN')
      assert.equal(await root.refusal('PUT', at(alice.userId), {}), '400 M_MISSING_PARAM')
      assert.equal(await root.refusal('PUT', at(alice.userId), { locked: 1, suspended: 'yes' }), '400 M_BAD_JSON')
    }
    const nid = await server.users.intern(bob.userId)
    await server.users.setAdmin(nid, true)
    assert.equal(await root.refusal('PUT', lock(bob.userId), { locked: true }), '403 M_FORBIDDEN')
    assert.equal(await root.refusal('GET', suspend(bob.userId)), '403 M_FORBIDDEN')
    await server.users.setAdmin(nid, false)
    await server.identities.deactivate(nid, false)
    assert.equal(await root.refusal('GET', lock(bob.userId)), '404 M_NOT_FOUND')
  },
)

over('the capabilities of an administrator say so, those of others say nothing of it', async ({ root, alice }) => {
  const of = async (client: typeof root): Promise<unknown> =>
    (await client.req<{ capabilities: Record<string, unknown> }>('GET', '/capabilities')).capabilities[
      'm.account_moderation'
    ]
  assert.deepEqual(await of(root), { suspend: true, lock: true })
  assert.equal(await of(alice), undefined)
})

over('whois tells where an account is signed in, to its owner and to administrators', async ({ root, alice, bob }) => {
  const path = `/admin/whois/${enc(alice.userId)}`
  for (const client of [alice, root]) {
    const { user_id: userId, devices } = await client.req<{
      user_id: string
      devices: Record<string, { sessions: { connections: { ip: string; last_seen: number }[] }[] }>
    }>('GET', path)
    assert.equal(userId, alice.userId)
    assert.deepEqual(Object.keys(devices), [alice.deviceId])
    const connection = devices[alice.deviceId]?.sessions[0]?.connections[0]
    assert.equal(connection?.ip, '127.0.0.1')
    assert.ok(Math.abs((connection?.last_seen ?? 0) - Date.now()) < 60_000)
  }
  assert.equal(await bob.refusal('GET', path), '403 M_FORBIDDEN')
  assert.equal(await bob.refusal('GET', `/admin/whois/${enc('@nobody:test')}`), '403 M_FORBIDDEN')
  assert.equal(await root.refusal('GET', `/admin/whois/${enc('@nobody:test')}`), '404 M_NOT_FOUND')
})
