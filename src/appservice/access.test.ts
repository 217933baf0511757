import assert from 'node:assert/strict'
import { enc, until, withService } from './fixture.test.ts'

const login = { type: 'm.login.application_service' }

withService(
  'a service asks as itself, as users of its namespace that it has made, and as nobody else',
  {},
  async ({ server, bridge }) => {
    assert.deepEqual(await bridge.req('GET', '/account/whoami'), { user_id: '@_irc_bot:test', is_guest: false })
    assert.equal(
      await bridge.outcome('GET', '/account/whoami', undefined, '@_irc_bob:test'),
      '403 M_FORBIDDEN',
      'not made yet',
    )
    const bob = await bridge.ghost('_irc_bob')
    assert.equal(bob, '@_irc_bob:test')
    assert.deepEqual(await bridge.req('GET', '/account/whoami', undefined, bob), { user_id: bob, is_guest: false })
    await server.login('alice')
    for (const other of ['@alice:test', '@_irc_bob:far.test', 'bob', '@_other_bob:test']) {
      assert.equal(await bridge.outcome('GET', '/account/whoami', undefined, other), '403 M_FORBIDDEN', other)
    }
    const client = server.client()
    client.token = 'as_token_of_irc_which_is_lonG'
    assert.equal((await client.ask('GET', '/account/whoami?user_id=@_irc_bob:test')).status, 401)
  },
)

withService(
  'a service makes users of its namespace though nobody can register, and others make none there',
  { rate_limited: false },
  async ({ server, bridge }) => {
    const register = (username: string, more: Record<string, unknown> = {}) =>
      bridge.outcome('POST', '/register', { ...login, username, inhibit_login: true, ...more })
    assert.equal(await register('_irc_bob'), '200')
    assert.equal(await register('_irc_bob'), '400 M_USER_IN_USE')
    assert.equal(await register('carol'), '400 M_EXCLUSIVE')
    assert.equal(await register('_irc_B'), '400 M_INVALID_USERNAME')
    const { access_token: token } = await bridge.req('POST', '/register', { ...login, username: '_irc_dave' })
    assert.equal(typeof token, 'string')
    // 30 at once are more than an address may make otherwise.
    assert.deepEqual(
      new Set(await Promise.all(Array.from({ length: 30 }, (_, index) => register(`_irc_${index}`)))),
      new Set(['200']),
    )
    const outside = server.client()
    const body = { username: '_irc_eve', password: 'a long enough password', auth: { type: 'm.login.dummy' } }
    assert.equal((await outside.ask('POST', '/register', body)).body['errcode'], 'M_FORBIDDEN')
    const without = await outside.ask('POST', '/register', { ...login, username: '_irc_eve' })
    assert.deepEqual([without.status, without.body['errcode']], [401, 'M_MISSING_TOKEN'])
    outside.token = 'nobody'
    const wrong = await outside.ask('POST', '/register', { ...login, username: '_irc_eve' })
    assert.deepEqual([wrong.status, wrong.body['errcode']], [401, 'M_UNKNOWN_TOKEN'])
  },
  { rate_limits: {} },
)

withService(
  "names that a service keeps for itself are nobody else's, however they come",
  {
    namespaces: {
      users: [
        { exclusive: true, regex: '@irc_.*' },
        { exclusive: false, regex: '@shared_.*' },
      ],
    },
    sender_localpart: 'ircbot',
  },
  async ({ server }) => {
    const client = server.client()
    const body = (username: string) => ({
      username,
      password: 'a long enough password',
      auth: { type: 'm.login.dummy' },
    })
    for (const name of ['irc_bob', 'ircbot']) {
      assert.equal((await client.ask('POST', '/register', body(name))).body['errcode'], 'M_EXCLUSIVE', name)
      assert.equal(
        (await client.ask('GET', `/register/available?username=${name}`)).body['errcode'],
        'M_EXCLUSIVE',
        name,
      )
      await assert.rejects(server.login(name), /M_EXCLUSIVE/)
    }
    assert.equal((await client.ask('POST', '/register', body('shared_bob'))).status, 200)
    await server.login('irc')
  },
  { registration: 'open' },
)

withService('a service signs in as its users', {}, async ({ server, bridge }) => {
  assert.deepEqual(
    (await server.client().req<{ flows: Array<{ type: string }> }>('GET', '/login')).flows
      .map(({ type }) => type)
      .filter((type) => type === login.type),
    [login.type],
  )
  const bob = await bridge.ghost('_irc_bob')
  const signIn = (user: string) =>
    bridge.ask('POST', '/login', { ...login, identifier: { type: 'm.id.user', user }, device_id: 'IRC' })
  const { status, body } = await signIn('_irc_bob')
  assert.equal(status, 200)
  const session = server.client()
  session.token = body['access_token'] as string
  assert.deepEqual(await session.req('GET', '/account/whoami'), { user_id: bob, device_id: 'IRC', is_guest: false })
  assert.equal((await signIn('alice')).body['errcode'], 'M_EXCLUSIVE')
  assert.equal((await signIn('_irc_nobody')).body['errcode'], 'M_FORBIDDEN')
  assert.equal(
    (await server.client().ask('POST', '/login', { ...login, identifier: { type: 'm.id.user', user: '_irc_bob' } }))
      .status,
    401,
  )
})

withService(
  'a service that makes devices gets no sessions, and its devices need no confirmation',
  { 'io.element.msc4190': true },
  async ({ bridge }) => {
    assert.equal(
      await bridge.outcome('POST', '/register', { ...login, username: '_irc_bob' }),
      '400 M_APPSERVICE_LOGIN_UNSUPPORTED',
    )
    const bob = await bridge.ghost('_irc_bob')
    assert.equal(
      await bridge.outcome('POST', '/login', { ...login, identifier: { type: 'm.id.user', user: '_irc_bob' } }),
      '400 M_APPSERVICE_LOGIN_UNSUPPORTED',
    )
    const put = (name: string) => bridge.ask('PUT', '/devices/IRC', { display_name: name }, bob)
    assert.deepEqual([(await put('one')).status, (await put('two')).status], [201, 200])
    const { devices } = await bridge.req<{ devices: Array<{ device_id: string; display_name: string }> }>(
      'GET',
      '/devices',
      undefined,
      bob,
    )
    assert.deepEqual(
      devices.map(({ device_id, display_name }) => [device_id, display_name]),
      [['IRC', 'two']],
    )
    for (const name of ['device_id', 'org.matrix.msc3202.device_id']) {
      assert.equal((await bridge.req('GET', '/account/whoami', undefined, bob, { [name]: 'IRC' }))['device_id'], 'IRC')
      assert.equal(
        await bridge.outcome('GET', '/account/whoami', undefined, bob, { [name]: 'NONE' }),
        '400 M_UNKNOWN_DEVICE',
      )
      assert.equal(
        await bridge.outcome('GET', '/account/whoami', undefined, undefined, { [name]: 'IRC' }),
        '400 M_UNKNOWN_DEVICE',
        'of another user',
      )
    }
    const upload = await bridge.ask('POST', '/keys/upload', {}, bob, { device_id: 'IRC' })
    assert.equal(upload.status, 200)
    assert.equal(await bridge.outcome('DELETE', '/devices/IRC', {}, bob), '200')
    assert.equal(await bridge.outcome('POST', '/account/deactivate', {}, bob), '200')
    assert.equal(await bridge.outcome('GET', '/account/whoami', undefined, bob), '403 M_USER_DEACTIVATED')
  },
)

withService(
  'rate limits hold for the users of a service only where its registration says so',
  { rate_limited: true },
  async ({ bridge }) => {
    const bob = await bridge.ghost('_irc_bob')
    const many = (as: string | undefined) =>
      Promise.all(Array.from({ length: 5 }, () => bridge.outcome('GET', '/account/whoami', undefined, as)))
    assert.deepEqual(new Set(await many(undefined)), new Set(['200']), 'never for its own sender')
    assert.ok((await many(bob)).includes('429 M_LIMIT_EXCEEDED'))
  },
  { rate_limits: { default: { per_second: 0.01, burst: 2 } } },
)

withService(
  "the time of an event is the service's to say, and a transaction is done once",
  {},
  async ({ server, bridge }) => {
    const alice = await server.login('alice')
    const bob = await bridge.ghost('_irc_bob')
    const { room_id: roomId } = await alice.req<{ room_id: string }>('POST', '/createRoom', { preset: 'public_chat' })
    const room = `/rooms/${enc(roomId)}`
    await bridge.req('POST', `/join/${enc(roomId)}`, {}, bob)
    const send = (ts: string) =>
      bridge.ask<{ event_id: string }>(
        'PUT',
        `${room}/send/m.room.message/t1`,
        { msgtype: 'm.text', body: 'old' },
        bob,
        { ts },
      )
    const sent = await send('1000')
    assert.equal((await send('1000')).body.event_id, sent.body.event_id)
    const timeOf = async (eventId: string) =>
      (await alice.req<{ origin_server_ts: number }>('GET', `${room}/event/${enc(eventId)}`)).origin_server_ts
    assert.equal(await timeOf(sent.body.event_id), 1000)
    for (const ts of ['-1', 'x', '1.5', '99999999999999999999']) assert.equal((await send(ts)).status, 400, ts)
    const topic = await bridge.req<{ event_id: string }>(
      'PUT',
      `${room}/state/m.room.member/${enc(bob)}`,
      { membership: 'leave' },
      bob,
      { ts: '2000' },
    )
    assert.equal(await timeOf(topic.event_id), 2000)
    const own = await alice.req<{ event_id: string }>('PUT', `${room}/send/m.room.message/t2?ts=1000`, {
      msgtype: 'm.text',
      body: 'new',
    })
    assert.ok((await timeOf(own.event_id)) > 1_600_000_000_000, 'nobody else has a say')
    await until(() => true)
  },
)
