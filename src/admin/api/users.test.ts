import assert from 'node:assert/strict'
import { Client, type Body } from '../../../test/harness/client.ts'
import { enc, over } from '../fixture.test.ts'
import { readAuditEntries } from '../store/audit.ts'

const api = '/_synapse/admin'
const user = (id: string, rest = ''): string => `${api}/v1/users/${enc(id)}${rest}`
const detail = (id: string): string => `${api}/v2/users/${enc(id)}`

interface List {
  users: (Body & { name: string })[]
  next_token?: string
  total: number
}

over('accounts are listed by pages, searched, filtered and sorted', async ({ root, alice, bob, carol, server }) => {
  await alice.req('PUT', `/profile/${enc(alice.userId)}/displayname`, { displayname: '100% Älice_' })
  const list = async (query: string, version = 'v2'): Promise<List> =>
    root.req('GET', `${api}/${version}/users${query}`)
  const names = async (query: string, version?: string): Promise<string[]> =>
    (await list(query, version)).users.map(({ name }) => name)

  const all = await list('')
  assert.deepEqual([all.total, all.next_token], [4, undefined])
  assert.deepEqual(
    all.users.map(({ name }) => name),
    [alice.userId, bob.userId, carol.userId, root.userId],
  )
  const { creation_ts: created, last_seen_ts: seen, ...rest } = all.users[0] as Body
  assert.ok(Math.abs(Number(created) - Date.now()) < 60_000 && Math.abs(Number(seen) - Date.now()) < 60_000)
  assert.deepEqual(rest, {
    name: alice.userId,
    user_type: null,
    is_guest: false,
    admin: false,
    deactivated: false,
    erased: false,
    shadow_banned: false,
    locked: false,
    suspended: false,
    displayname: '100% Älice_',
    avatar_url: null,
  })
  const first = await list('?limit=3')
  assert.deepEqual([first.users.length, first.next_token, first.total], [3, '3', 4])
  assert.deepEqual(await names(`?limit=3&from=${first.next_token}`), [root.userId])
  assert.deepEqual(await names('?order_by=name&dir=b&limit=1'), [root.userId])
  assert.deepEqual(await names('?name=E_'), [alice.userId], 'a wildcard is a letter as any other')
  assert.deepEqual(await names('?name=BO'), [bob.userId])
  assert.deepEqual(await names('?user_id=aro'), [carol.userId])
  assert.deepEqual(await names('?admins=true'), [root.userId])
  assert.equal((await list('?admins=false')).total, 3)
  for (const order of ['is_guest', 'admin', 'user_type', 'displayname', 'avatar_url', 'creation_ts', 'last_seen_ts'])
    assert.equal((await list(`?order_by=${order}&dir=b`)).users.length, 4, order)
  for (const bad of ['?order_by=password_hash', '?dir=x', '?limit=-1', '?from=x', '?deactivated=maybe'])
    assert.equal(await root.refusal('GET', `${api}/v2/users${bad}`), '400 M_INVALID_PARAM', bad)

  await server.identities.deactivate(await server.users.intern(bob.userId), false)
  await server.users.setLocked(await server.users.intern(carol.userId), true)
  assert.deepEqual(await names(''), [alice.userId, root.userId])
  assert.deepEqual(await names('?deactivated=true'), [alice.userId, bob.userId, root.userId])
  assert.deepEqual(await names('?locked=true'), [alice.userId, carol.userId, root.userId])
  assert.deepEqual(await names('?deactivated=true', 'v3'), [bob.userId])
  assert.deepEqual(await names('', 'v3'), [alice.userId, bob.userId, root.userId])
})

over('an account is made and changed in one request', async ({ root, server, alice }) => {
  const id = '@dave:test'
  const made = await root.ask('PUT', detail(id), {
    password: 'a long password 1',
    displayname: 'Dave',
    threepids: [{ medium: 'email', address: 'Dave@example.org' }],
    admin: false,
    user_type: 'support',
  })
  assert.equal(made.status, 201)
  const nid = await server.users.intern(id)
  const { threepids, creation_ts: created, ...shown } = made.body
  assert.ok(Math.abs(Number(created) * 1000 - Date.now()) < 60_000, 'in seconds')
  assert.deepEqual(
    (threepids as Body[]).map(({ medium, address }) => ({ medium, address })),
    [{ medium: 'email', address: 'dave@example.org' }],
  )
  assert.deepEqual(shown, {
    name: id,
    displayname: 'Dave',
    avatar_url: null,
    external_ids: [],
    is_guest: false,
    admin: false,
    deactivated: false,
    erased: false,
    shadow_banned: false,
    locked: false,
    suspended: false,
    last_seen_ts: null,
    appservice_id: null,
    consent_server_notice_sent: null,
    consent_version: null,
    consent_ts: null,
    user_type: 'support',
  })
  assert.deepEqual(await root.req('GET', `${api}/v1/threepid/email/users/dave%40example.org`), { user_id: id })

  const password = async (text: string): Promise<Client> => {
    const client = new Client(server.url)
    const body = await client.req<{ access_token: string }>('POST', '/login', {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'dave' },
      password: text,
    })
    client.token = body.access_token
    return client
  }
  const dave = await password('a long password 1')
  assert.equal(
    (await root.ask('PUT', detail(id), { password: 'a long password 2', logout_devices: false })).status,
    200,
  )
  await dave.sync()
  await root.req('POST', `${api}/v1/reset_password/${enc(id)}`, { new_password: 'a long password 3' })
  assert.equal(await dave.refusal('GET', '/sync'), '401 M_UNKNOWN_TOKEN')
  await password('a long password 3')

  await root.req('PUT', detail(id), { displayname: '', threepids: [], user_type: null, locked: true })
  const changed = await root.req('GET', detail(id))
  assert.deepEqual(
    [changed['displayname'], changed['threepids'], changed['user_type'], changed['locked']],
    [null, [], null, true],
  )
  await root.req('PUT', detail(id), { locked: false, deactivated: true })
  assert.equal((await root.req('GET', detail(id)))['deactivated'], true)
  await root.req('PUT', detail(id), { deactivated: false, password: 'a long password 4' })
  await password('a long password 4')

  for (const [body, refusal] of [
    [{ threepids: [{ medium: 'msisdn', address: '123' }] }, '400 M_INVALID_PARAM'],
    [{ threepids: [{ medium: 'email', address: 'nonsense' }] }, '400 M_INVALID_PARAM'],
    [{ avatar_url: 'http://example.org/x.png' }, '400 M_INVALID_PARAM'],
    [{ user_type: 'king' }, '400 M_INVALID_PARAM'],
    [{ external_ids: [{ auth_provider: 'nobody', external_id: 'x' }] }, '400 M_INVALID_PARAM'],
    [{ locked: true, deactivated: true }, '400 M_INVALID_PARAM'],
    [{ admin: 'yes' }, '400 M_BAD_JSON'],
  ] as const)
    assert.equal(await root.refusal('PUT', detail(id), body), refusal, JSON.stringify(body))
  assert.equal(await root.refusal('PUT', detail(root.userId), { admin: false }), '403 M_FORBIDDEN')
  assert.equal(await root.refusal('PUT', detail('@x:away.test'), {}), '400 M_INVALID_PARAM')
  assert.equal(await root.refusal('PUT', detail('@Ä:test'), {}), '400 M_INVALID_USERNAME')
  assert.equal(await root.refusal('GET', detail('@nobody:test')), '404 M_NOT_FOUND')
  assert.equal(await alice.refusal('GET', detail(id)), '403 M_FORBIDDEN')
  assert.equal(await alice.refusal('PUT', detail('@eve:test'), {}), '403 M_FORBIDDEN')

  const entries = await readAuditEntries(server.database.read, { target: id, limit: 100 })
  assert.ok(entries.every(({ actor, ip }) => actor === root.userId && ip === '127.0.0.1'))
  assert.equal(entries.filter(({ outcome }) => outcome !== 'done').length, 6)
  assert.doesNotMatch(JSON.stringify(entries), /long password/)
  assert.equal(nid, await server.users.find(id))
})

over('an administrator acts as somebody else, who is shown nothing of it', async ({ root, alice, server }) => {
  const act = async (body: object = {}): Promise<Client> => {
    const client = new Client(server.url)
    client.token = (await root.req<{ access_token: string }>('POST', user(alice.userId, '/login'), body)).access_token
    return client
  }
  const acting = await act()
  assert.equal((await acting.req('GET', '/account/whoami'))['user_id'], alice.userId)
  assert.equal((await alice.req<{ devices: unknown[] }>('GET', '/devices')).devices.length, 1)
  await new Client(server.url).login('alice').then((other) => other.req('POST', '/logout/all', {}))
  await acting.req('GET', '/account/whoami')
  await acting.req('POST', '/logout', {})
  assert.equal(await acting.refusal('GET', '/account/whoami'), '401 M_UNKNOWN_TOKEN')

  const second = await act({ valid_until_ms: Date.now() + 60_000 })
  await second.req('GET', '/account/whoami')
  assert.equal(await root.refusal('POST', user(alice.userId, '/login'), { valid_until_ms: 1 }), '400 M_INVALID_PARAM')
  assert.equal(await root.refusal('POST', user(root.userId, '/login'), {}), '403 M_FORBIDDEN')
  await root.req('POST', '/logout/all', {})
  assert.equal(await second.refusal('GET', '/account/whoami'), '401 M_UNKNOWN_TOKEN')
})

over('who is no administrator any more acts as nobody', async ({ root, alice, server }) => {
  const client = new Client(server.url)
  client.token = (await root.req<{ access_token: string }>('POST', user(alice.userId, '/login'), {})).access_token
  await client.req('GET', '/account/whoami')
  await server.users.setAdmin(await server.users.intern(root.userId), false)
  for (let tries = 0; tries < 100 && (await client.ask('GET', '/account/whoami')).status === 200; tries++)
    await new Promise((resolve) => setImmediate(resolve))
  assert.equal(await client.refusal('GET', '/account/whoami'), '401 M_UNKNOWN_TOKEN')
})

over('what administrators may know of somebody', async ({ root, alice, bob }) => {
  const since = Date.now()
  const room = await alice.createRoom({ preset: 'public_chat' })
  await alice.invite(room, bob.userId)
  await bob.join(room)
  await bob.leave(room)
  await alice.req('PUT', `/user/${enc(alice.userId)}/account_data/org.test`, { a: 1 })
  await alice.req('PUT', `/user/${enc(alice.userId)}/rooms/${enc(room)}/account_data/org.test`, { b: 2 })
  await alice.req('POST', '/pushers/set', {
    app_display_name: 'App',
    app_id: 'org.app',
    data: { url: 'https://push.test/_matrix/push/v1/notify' },
    device_display_name: 'Phone',
    kind: 'http',
    lang: 'en',
    pushkey: 'key',
  })
  assert.deepEqual(await root.req('GET', user(alice.userId, '/joined_rooms')), { joined_rooms: [room], total: 1 })
  assert.deepEqual(await root.req('GET', user(bob.userId, '/joined_rooms')), { joined_rooms: [], total: 0 })
  assert.deepEqual(await root.req('GET', user(bob.userId, '/memberships')), { memberships: { [room]: 'leave' } })
  assert.deepEqual(await root.req('GET', user(alice.userId, '/accountdata')), {
    account_data: { global: { 'org.test': { a: 1 } }, rooms: { [room]: { 'org.test': { b: 2 } } } },
  })
  const { pushers, total } = await root.req<{ pushers: Body[]; total: number }>('GET', user(alice.userId, '/pushers'))
  assert.deepEqual([total, pushers[0]?.['app_id'], pushers[0]?.['kind']], [1, 'org.app', 'http'])
  const count = (id: string, what: string, from: number): Promise<Body> =>
    root.req('GET', user(id, `/${what}?from_ts=${from}`))
  assert.deepEqual(await count(alice.userId, 'sent_invite_count', since), { invite_count: 1 })
  assert.deepEqual(await count(alice.userId, 'sent_invite_count', Date.now() + 1000), { invite_count: 0 })
  assert.deepEqual(await count(bob.userId, 'cumulative_joined_room_count', since), { cumulative_joined_room_count: 1 })
  assert.equal(await root.refusal('GET', user(bob.userId, '/sent_invite_count')), '400 M_MISSING_PARAM')
  const whois = await root.req<{ devices: Body }>('GET', `${api}/v1/whois/${enc(alice.userId)}`)
  assert.deepEqual(Object.keys(whois.devices), [alice.deviceId])
  assert.deepEqual(await root.req('GET', `${api}/v1/username_available?username=eve`), { available: true })
  assert.deepEqual(await root.req('GET', `${api}/v1/experimental_features/${enc(root.userId)}`), { features: {} })
  assert.equal(await root.refusal('GET', `${api}/v1/username_available?username=alice`), '400 M_USER_IN_USE')
  assert.equal(await root.refusal('GET', `${api}/v1/auth_providers/x/users/y`), '404 M_NOT_FOUND')
  assert.equal(await root.refusal('GET', `${api}/v1/threepid/email/users/a%40b.test`), '404 M_NOT_FOUND')
})

over('devices are listed, made, renamed and deleted', async ({ root, alice, server }) => {
  const devices = `${detail(alice.userId)}/devices`
  const ids = async (): Promise<unknown[]> =>
    (await root.req<{ devices: Body[] }>('GET', devices)).devices.map((one) => one['device_id'])
  await root.req('POST', devices, { device_id: 'NEW' })
  await root.req('POST', devices, { device_id: 'NEW' })
  assert.deepEqual(new Set(await ids()), new Set([alice.deviceId, 'NEW']))
  await root.req('PUT', `${devices}/NEW`, { display_name: 'Phone' })
  const one = await root.req('GET', `${devices}/NEW`)
  assert.deepEqual([one['display_name'], one['user_id'], one['dehydrated']], ['Phone', alice.userId, false])
  const other = await new Client(server.url).login('alice')
  await root.req('DELETE', `${devices}/${other.deviceId}`)
  assert.equal(await other.refusal('GET', '/sync'), '401 M_UNKNOWN_TOKEN')
  await root.req('POST', `${detail(alice.userId)}/delete_devices`, { devices: ['NEW', 'UNKNOWN', alice.deviceId] })
  assert.deepEqual(await ids(), [])
  assert.equal(await root.refusal('GET', `${devices}/NEW`), '404 M_NOT_FOUND')
  assert.equal(await root.refusal('PUT', `${devices}/NEW`, { display_name: 'x' }), '404 M_NOT_FOUND')
})

over('rights, marks and limits of an account', async ({ root, alice, bob, server }) => {
  const admin = user(alice.userId, '/admin')
  assert.deepEqual(await root.req('GET', admin), { admin: false })
  await root.req('PUT', admin, { admin: true })
  assert.deepEqual(await alice.req('GET', admin), { admin: true })
  assert.equal(await alice.refusal('PUT', admin, { admin: false }), '403 M_FORBIDDEN')
  await root.req('PUT', admin, { admin: false })

  const suspend = `${api}/v1/suspend/${enc(alice.userId)}`
  assert.deepEqual(await root.req('PUT', suspend, { suspend: true }), { [`user_${alice.userId}_suspended`]: true })
  await root.req('PUT', suspend, { suspend: false })

  const limit = user(bob.userId, '/override_ratelimit')
  assert.deepEqual(await root.req('GET', limit), {})
  const rate = { messages_per_second: 2, burst_count: 3 }
  assert.deepEqual(await root.req('POST', limit, rate), rate)
  assert.deepEqual(await root.req('GET', limit), rate)
  assert.deepEqual(await root.req('POST', limit, {}), { messages_per_second: 0, burst_count: 0 })
  await root.req('DELETE', limit)
  assert.deepEqual(await root.req('GET', limit), {})

  const reset = user(bob.userId, '/_allow_cross_signing_replacement_without_uia')
  assert.equal(await root.refusal('POST', reset, {}), '404 M_NOT_FOUND')

  const gone = { id_server_unbind_result: 'success' }
  assert.deepEqual(await root.req('POST', `${api}/v1/deactivate/${enc(bob.userId)}`, { erase: true }), gone)
  assert.equal((await root.req('GET', detail(bob.userId)))['erased'], true)
  assert.equal(await bob.refusal('GET', '/sync'), '401 M_UNKNOWN_TOKEN')
  assert.equal(
    await root.refusal('POST', `${api}/v1/reset_password/${enc(bob.userId)}`, { new_password: 'x'.repeat(20) }),
    '403 M_USER_DEACTIVATED',
  )
  const version = await new Client(server.url).req('GET', `${api}/v1/server_version`)
  assert.match(String(version['server_version']), /^Latchkey /)
})

over('what a shadow-banned user sends reaches nobody, and they are not told', async ({ root, alice, bob }) => {
  const room = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(room)
  await root.req('POST', user(bob.userId, '/shadow_ban'))
  assert.equal((await root.req('GET', detail(bob.userId)))['shadow_banned'], true)
  await alice.sync()
  const put = (txn: string): Promise<Body> =>
    bob.req('PUT', `/rooms/${enc(room)}/send/m.room.message/${txn}`, { msgtype: 'm.text', body: 'spam' })
  const sent = await put('t1')
  assert.match(String(sent['event_id']), /^\$[\w-]{43}$/)
  assert.deepEqual(await put('t1'), sent, 'the same transaction, the same id')
  assert.notDeepEqual(await put('t2'), sent)
  await bob.setState(room, 'm.room.topic', { topic: 'spam' })
  const own = await bob.createRoom({ invite: [alice.userId] })
  await bob.invite(own, alice.userId)
  await bob.req('PUT', `/sendToDevice/m.test/t3`, { messages: { [alice.userId]: { '*': { spam: true } } } })
  await bob.req('PUT', `/rooms/${enc(room)}/typing/${enc(bob.userId)}`, { typing: true })
  const { rooms, to_device: messages } = await alice.sync()
  assert.deepEqual([rooms?.join?.[room], rooms?.invite?.[own], messages?.events ?? []], [undefined, undefined, []])
  assert.match(await bob.refusal('PUT', `/rooms/${enc('!none:test')}/send/m.room.message/t4`, {}), /^40[34] /)
  await root.req('DELETE', user(bob.userId, '/shadow_ban'))
  await bob.send(room, 'back again')
  assert.equal((await alice.sync()).rooms?.join?.[room]?.timeline.events[0]?.content['body'], 'back again')
})

over('other servers are listed as far as they are known', async ({ root, alice, server }) => {
  const path = `${api}/v1/federation/destinations`
  assert.deepEqual(await root.req('GET', path), { destinations: [], total: 0 })
  await server.database.write(async (tx) => {
    for (const [name, failing] of [
      ['a.test', null],
      ['b.test', 1000],
    ] as const)
      await tx
        .insertInto('destinations')
        .values({
          server: name,
          failures: failing === null ? 0 : 3,
          failing_since: failing,
          retry_ts: Date.now() + 60_000,
        })
        .execute()
  })
  const list = await root.req<{ destinations: Body[]; total: number }>('GET', `${path}?order_by=destination&dir=b`)
  assert.deepEqual(
    list.destinations.map(({ destination, failure_ts: failing }) => [destination, failing]),
    [
      ['b.test', 1000],
      ['a.test', null],
    ],
  )
  assert.equal((await root.req('GET', `${path}/a.test`))['retry_interval'], 0)
  assert.deepEqual(await root.req('GET', `${path}/a.test/rooms`), { rooms: [], total: 0 })
  assert.equal(await root.refusal('GET', `${path}/c.test`), '404 M_NOT_FOUND')
  assert.equal(await alice.refusal('GET', path), '403 M_FORBIDDEN')
})
