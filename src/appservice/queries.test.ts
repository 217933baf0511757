import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startServer } from '../../test/harness/server.ts'
import { Bridge, enc, FakeService, until, withService } from './fixture.test.ts'

withService(
  'a user that a service answers for is made when somebody invites or looks at them',
  {},
  async ({ server, irc, bridge }) => {
    const alice = await server.login('alice')
    irc.answer = async ({ path }) => {
      const [, name] = /^\/_matrix\/app\/v1\/users\/%40(_irc_known\w*)%3Atest$/.exec(path) ?? []
      if (name === undefined) return undefined
      await bridge.ghost(name)
      await bridge.req('PUT', `/profile/${enc(`@${name}:test`)}/displayname`, { displayname: 'Known' }, `@${name}:test`)
      return { status: 200, json: {} }
    }
    assert.deepEqual(await alice.req('GET', `/profile/${enc('@_irc_known1:test')}`), { displayname: 'Known' })
    assert.equal((await alice.ask('GET', `/profile/${enc('@_irc_other:test')}`)).status, 404)
    const before = irc.asked.length
    assert.equal(
      (await server.client().ask('GET', `/profile/${enc('@_irc_known2:test')}`)).status,
      404,
      'a stranger makes nobody',
    )
    assert.equal((await alice.ask('GET', `/profile/${enc('@nobody:test')}`)).status, 404)
    assert.equal(irc.asked.length, before)
    const { room_id: roomId } = await alice.req<{ room_id: string }>('POST', '/createRoom', {
      invite: ['@_irc_known3:test'],
    })
    await alice.req('POST', `/rooms/${enc(roomId)}/invite`, { user_id: '@_irc_known4:test' })
    const asked = irc.asked
      .filter(({ path }) => path.includes('/users/'))
      .map(({ path }) => decodeURIComponent(path.split('/').at(-1) ?? ''))
    assert.deepEqual(asked, ['@_irc_known1:test', '@_irc_other:test', '@_irc_known3:test', '@_irc_known4:test'])
    const member = await alice.req<{ displayname: string }>(
      'GET',
      `/rooms/${enc(roomId)}/state/m.room.member/${enc('@_irc_known3:test')}`,
    )
    assert.equal(member.displayname, 'Known')
  },
)

withService(
  'a room that a service answers for is made when somebody enters its alias',
  {},
  async ({ server, irc, bridge }) => {
    const alice = await server.login('alice')
    irc.answer = async ({ path }) => {
      if (!decodeURIComponent(path).startsWith('/_matrix/app/v1/rooms/#_irc_chat')) return undefined
      const name = /#(\w+):/.exec(decodeURIComponent(path))?.[1]
      await bridge.req('POST', '/createRoom', { preset: 'public_chat', room_alias_name: name })
      return { status: 200, json: {} }
    }
    const { room_id: roomId } = await alice.req<{ room_id: string }>('POST', `/join/${enc('#_irc_chat:test')}`, {})
    assert.equal((await alice.req('GET', `/directory/room/${enc('#_irc_chat:test')}`))['room_id'], roomId)
    assert.equal((await alice.ask('GET', `/directory/room/${enc('#_irc_chat2:test')}`)).status, 200)
    const outside = await server.client().ask('GET', `/directory/room/${enc('#_irc_chat3:test')}`)
    assert.equal(outside.body['errcode'], 'M_NOT_FOUND', 'a stranger has no rooms made')
    assert.equal((await alice.ask('POST', `/join/${enc('#_irc_none:test')}`, {})).status, 404)
    await irc.deafen()
    assert.equal((await alice.ask('POST', `/join/${enc('#_irc_away:test')}`, {})).status, 408)
    await irc.listen()
  },
)

withService(
  'aliases that a service keeps for itself are its own to make and take away, and it has no others',
  {},
  async ({ server, bridge }) => {
    const alice = await server.login('alice')
    const { room_id: roomId } = await alice.req<{ room_id: string }>('POST', '/createRoom', { preset: 'public_chat' })
    const path = (name: string) => `/directory/room/${enc(`#${name}:test`)}`
    const exclusive = { status: 400, errcode: 'M_EXCLUSIVE' }
    const asAlice = async (method: string, of: string, body?: unknown) => {
      const { status, body: reply } = await alice.ask(method, of, body)
      return { status, errcode: reply['errcode'] }
    }
    assert.deepEqual(await asAlice('PUT', path('_irc_chat'), { room_id: roomId }), exclusive)
    assert.deepEqual(await asAlice('POST', '/createRoom', { room_alias_name: '_irc_chat' }), exclusive)
    assert.equal(await bridge.outcome('PUT', path('chat'), { room_id: roomId }), '400 M_EXCLUSIVE')
    assert.equal(
      await bridge.outcome('PUT', path('_irc_chat'), { room_id: roomId }),
      '200',
      'it need not be in the room',
    )
    assert.deepEqual(await asAlice('DELETE', path('_irc_chat')), exclusive)
    await alice.req('PUT', path('mine'), { room_id: roomId })
    assert.equal(await bridge.outcome('DELETE', path('mine')), '400 M_EXCLUSIVE')
    assert.equal(await bridge.outcome('DELETE', path('_irc_chat'), undefined, await bridge.ghost('_irc_bob')), '200')
  },
)

const protocol = (network: string) => ({
  user_fields: ['nick'],
  location_fields: ['channel'],
  icon: 'mxc://test/irc',
  field_types: { nick: { regexp: '.+', placeholder: 'nick' } },
  instances: [{ desc: network, fields: {}, network_id: network }],
})

test('networks, and what is in them, are put together from what all services tell', async () => {
  await using irc = await new FakeService('irc').listen()
  await using other = await new FakeService('other').listen()
  await using server = await startServer({
    app_service_config_files: [
      irc.registration({ protocols: ['irc'] }),
      other.registration({ protocols: ['irc', 'xmpp'] }),
    ],
    log: { level: 'silent' },
  })
  const alice = await server.login('alice')
  const tell = (service: FakeService) => {
    service.answer = ({ path }) => {
      const place = { alias: `#_${service.id}_chat:test`, protocol: 'irc', fields: { channel: '#chat' } }
      if (path === '/_matrix/app/v1/thirdparty/protocol/irc') return { status: 200, json: protocol(service.id) }
      if (path === '/_matrix/app/v1/thirdparty/location/irc?channel=%23chat')
        return { status: 200, json: [place, { alias: 7 }] }
      if (path.startsWith('/_matrix/app/v1/thirdparty/user/irc'))
        return { status: 404, json: { errcode: 'M_NOT_FOUND' } }
      if (path.startsWith('/_matrix/app/v1/thirdparty/location?alias=')) return { status: 200, json: [place] }
      if (path.startsWith('/_matrix/app/v1/thirdparty/user?userid='))
        return { status: 200, json: [{ userid: '@_irc_bob:test', protocol: 'irc', fields: {} }] }
      return undefined
    }
  }
  for (const service of [irc, other]) tell(service)
  const { irc: merged, ...rest } = await alice.req<Record<string, { instances: Array<{ instance_id: string }> }>>(
    'GET',
    '/thirdparty/protocols',
  )
  assert.deepEqual(
    merged?.instances.map((one) => one.instance_id),
    ['irc|irc', 'other|other'],
  )
  assert.deepEqual(rest, {}, 'nobody tells what xmpp is like')
  assert.deepEqual(await alice.req('GET', '/thirdparty/protocol/irc'), merged)
  assert.equal((await alice.ask('GET', '/thirdparty/protocol/slack')).status, 404)
  const places = await alice.req<unknown[]>('GET', '/thirdparty/location/irc?channel=%23chat')
  assert.equal(places.length, 2, 'what makes no sense is left out')
  assert.deepEqual(await alice.req<unknown>('GET', '/thirdparty/user/irc?nick=bob'), [])
  assert.equal((await alice.ask('GET', '/thirdparty/user/slack')).status, 404)
  assert.equal((await alice.req<unknown[]>('GET', `/thirdparty/location?alias=${enc('#_irc_chat:test')}`)).length, 1)
  assert.equal((await alice.req<unknown[]>('GET', `/thirdparty/user?userid=${enc('@_irc_bob:test')}`)).length, 1)
  assert.deepEqual(await alice.req<unknown>('GET', `/thirdparty/user?userid=${enc('@alice:test')}`), [])
  assert.equal((await server.client().ask('GET', '/thirdparty/protocols')).status, 401)
})

withService('a service has lists of rooms for its networks', { protocols: ['irc'] }, async ({ server, bridge }) => {
  const alice = await server.login('alice')
  const rooms = await Promise.all(
    ['one', 'two', 'three'].map((name) =>
      alice.req<{ room_id: string }>('POST', '/createRoom', {
        name,
        preset: 'public_chat',
        visibility: name === 'one' ? 'public' : 'private',
      }),
    ),
  )
  const [one = '', two = '', three = ''] = rooms.map((room) => room.room_id)
  const path = (network: string, room: string) => `/directory/list/appservice/${network}/${enc(room)}`
  assert.equal((await alice.ask('PUT', path('net', two), { visibility: 'public' })).body['errcode'], 'M_FORBIDDEN')
  for (const [network, room] of [
    ['net', two],
    ['net', three],
    ['other', two],
  ] as const)
    assert.equal(await bridge.outcome('PUT', path(network, room), { visibility: 'public' }), '200')
  assert.equal(await bridge.outcome('PUT', path('net', three), { visibility: 'private' }), '200')
  assert.equal(await bridge.outcome('PUT', path('net', '!nowhere:test'), { visibility: 'public' }), '404 M_NOT_FOUND')
  const listed = async (body: object) =>
    (await alice.req<{ chunk: Array<{ room_id: string }> }>('POST', '/publicRooms', body)).chunk
      .map((room) => room.room_id)
      .sort()
  assert.deepEqual(await listed({}), [one])
  assert.deepEqual(await listed({ third_party_instance_id: 'irc|net' }), [two])
  assert.deepEqual(await listed({ third_party_instance_id: 'irc|none' }), [])
  assert.deepEqual(await listed({ third_party_instance_id: 'nonsense' }), [])
  assert.deepEqual(await listed({ include_all_networks: true }), [one, two].sort())
})

withService('a service learns by a ping whether it is reached', {}, async ({ server, irc, bridge }) => {
  const ping = (id = 'irc') => bridge.ask('POST', `/_matrix/client/v1/appservice/${id}/ping`, { transaction_id: 'x' })
  const failing = async (): Promise<unknown[]> => {
    const { status, body } = await ping()
    return [status, body['errcode'], body['status'], body['body']]
  }
  const good = await ping()
  assert.equal(good.status, 200)
  assert.equal(typeof good.body['duration_ms'], 'number')
  assert.deepEqual(irc.asked.at(-1), {
    method: 'POST',
    path: '/_matrix/app/v1/ping',
    token: 'Bearer hs_token_of_irc_which_is_long',
    body: '{"transaction_id":"x"}',
  })
  assert.equal((await ping('other')).body['errcode'], 'M_FORBIDDEN')
  const alice = await server.login('alice')
  assert.equal((await alice.ask('POST', '/_matrix/client/v1/appservice/irc/ping', {})).body['errcode'], 'M_FORBIDDEN')
  irc.answer = () => ({ status: 403, json: { errcode: 'M_FORBIDDEN' } })
  assert.deepEqual(await failing(), [502, 'M_BAD_STATUS', 403, '{"errcode":"M_FORBIDDEN"}'])
  await irc.deafen()
  assert.deepEqual(await failing(), [502, 'M_CONNECTION_FAILED', undefined, undefined])
  await irc.listen()
})

withService('a service without an address is told of nothing, and told so', { url: null }, async ({ irc, bridge }) => {
  const { status, body } = await bridge.ask('POST', '/_matrix/client/v1/appservice/irc/ping', {})
  assert.deepEqual([status, body['errcode']], [400, 'M_URL_NOT_SET'])
  const bob = await bridge.ghost('_irc_bob')
  await bridge.req('POST', '/createRoom', {}, bob)
  assert.equal(irc.asked.length, 0)
})

withService('a service that knows only the paths of old is asked by these', {}, async ({ server, irc, bridge }) => {
  irc.answer = ({ path }) =>
    path.startsWith('/_matrix/app/v1/')
      ? { status: 404, json: '<pre>Cannot PUT</pre>' }
      : path.startsWith('/users/')
        ? { status: 404, json: {} }
        : undefined
  const bob = await bridge.ghost('_irc_bob')
  await bridge.req('POST', '/createRoom', { name: 'one' }, bob)
  await until(() => irc.events.some(({ content }) => content['name'] === 'one'))
  const versioned = () => irc.asked.filter(({ path }) => path.startsWith('/_matrix/app/v1/transactions')).length
  const before = versioned()
  await bridge.req('POST', '/createRoom', { name: 'two' }, bob)
  await until(() => irc.events.some(({ content }) => content['name'] === 'two'))
  assert.equal(versioned(), before, 'from then on at once')
  const alice = await server.login('alice')
  assert.equal((await alice.ask('GET', `/profile/${enc('@_irc_nobody:test')}`)).status, 404)
})

test('two services are told apart, and one that does not answer keeps the other from nothing', async () => {
  await using irc = await new FakeService('irc').listen()
  await using slow = await new FakeService('slow').listen()
  slow.answer = () => new Promise(() => {})
  await using server = await startServer({
    app_service_config_files: [irc.registration(), slow.registration()],
    log: { level: 'silent' },
  })
  const [ircBridge, slowBridge] = [new Bridge(server.url, irc), new Bridge(server.url, slow)]
  const [bob, eve] = [await ircBridge.ghost('_irc_bob'), await slowBridge.ghost('_slow_eve')]
  assert.equal(await ircBridge.outcome('GET', '/account/whoami', undefined, eve), '403 M_FORBIDDEN')
  const { room_id: roomId } = await ircBridge.req<{ room_id: string }>(
    'POST',
    '/createRoom',
    { preset: 'public_chat' },
    bob,
  )
  await slowBridge.req('POST', `/join/${enc(roomId)}`, {}, eve)
  for (const text of ['one', 'two', 'three'])
    await slowBridge.req(
      'PUT',
      `/rooms/${enc(roomId)}/send/m.room.message/${text}`,
      { msgtype: 'm.text', body: text },
      eve,
    )
  await until(() => irc.texts.length === 3)
  assert.deepEqual(irc.texts, ['one', 'two', 'three'])
  assert.equal(slow.asked.length, 1, 'the other has its first transaction still')
})
