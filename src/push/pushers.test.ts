import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from '../../test/harness/client.ts'
import { jwtConfig } from '../../test/harness/jwt.ts'
import { databases } from '../../test/harness/postgres.ts'
import { createHomeserver, type Homeserver } from '../server/index.ts'
import { gatewayAddress } from './gateway.ts'

interface Notification {
  event_id?: string
  room_id?: string
  type?: string
  sender?: string
  sender_display_name?: string
  room_name?: string
  prio?: string
  user_is_target?: boolean
  content?: Record<string, unknown>
  counts: { unread: number }
  devices: Array<{
    app_id: string
    pushkey: string
    pushkey_ts: number
    data: unknown
    tweaks?: Record<string, unknown>
  }>
}

/** A push gateway on loopback. */
async function openGateway() {
  const heard: Notification[] = []
  const behaviour = { status: 200, rejected: [] as string[], tries: 0, headers: {} as Record<string, string> }
  const server = createServer((request, response) => {
    let text = ''
    request
      .on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      .on('end', () => {
        behaviour.tries += 1
        assert.equal(request.url, '/_matrix/push/v1/notify')
        if (behaviour.status === 200) heard.push((JSON.parse(text) as { notification: Notification }).notification)
        response
          .writeHead(behaviour.status, { 'content-type': 'application/json', ...behaviour.headers })
          .end(JSON.stringify({ rejected: behaviour.rejected }))
      })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    url: `${origin}/_matrix/push/v1/notify`,
    heard,
    behaviour,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(resolve)
      }),
  }
}

type Gateway = Awaited<ReturnType<typeof openGateway>>

interface World {
  gateway: Gateway
  clock: { ahead: number }
  alice: Client
  bob: Client
  restart: () => Promise<void>
  /** The notifications that came, once there are so many. */
  heard: (count: number) => Promise<Notification[]>
  pusher: (more?: Record<string, unknown>) => Record<string, unknown>
}

const over = (name: string, body: (world: World) => Promise<void>): void => {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      const gateway = await openGateway()
      const folder = mkdtempSync(join(tmpdir(), 'latchkey-push-'))
      const clock = { ahead: 0 }
      const start = (): Promise<Homeserver> =>
        createHomeserver(
          {
            server_name: 'test',
            database: url,
            data_dir: folder,
            listen: '127.0.0.1:0',
            rate_limits: 'off',
            jwt_config: jwtConfig,
            push: { gateways: [gateway.origin] },
            log: { level: 'silent' },
            access_token_lifetime: 'off',
          },
          { now: () => Date.now() + clock.ahead },
        )
      let server = await start()
      const [alice, bob] = [await new Client(server.url).login('alice'), await new Client(server.url).login('bob')]
      const moved = (client: Client): Client =>
        Object.assign(new Client(server.url), { token: client.token, userId: client.userId, deviceId: client.deviceId })
      const world: World = {
        gateway,
        clock,
        alice,
        bob,
        restart: async () => {
          await server.close()
          server = await start()
          world.alice = moved(alice)
          world.bob = moved(bob)
        },
        heard: async (count) => {
          for (let turn = 0; turn < 800 && gateway.heard.length < count; turn++) await sleep(10)
          assert.equal(gateway.heard.length, count)
          return gateway.heard
        },
        pusher: (more = {}) => ({
          kind: 'http',
          app_id: 'org.example.app',
          pushkey: 'key',
          app_display_name: 'App',
          device_display_name: 'Phone',
          lang: 'en',
          data: { url: gateway.url, brand: 'x' },
          ...more,
        }),
      }
      try {
        await body(world)
      } finally {
        await server.close()
        await gateway.close()
        await dispose()
        rmSync(folder, { recursive: true })
      }
    })
  }
}

const roomOf = async (creator: Client, other: Client): Promise<string> => {
  const { room_id: room } = await creator.req<{ room_id: string }>('POST', '/createRoom', {
    preset: 'public_chat',
    name: 'Lobby',
  })
  await other.req('POST', `/join/${encodeURIComponent(room)}`, {})
  return room
}
let txn = 0
const say = async (
  who: Client,
  room: string,
  content: Record<string, unknown>,
  type = 'm.room.message',
): Promise<string> =>
  (await who.req<{ event_id: string }>('PUT', `/rooms/${encodeURIComponent(room)}/send/${type}/${txn++}`, content))
    .event_id
const text = (body: string) => ({ msgtype: 'm.text', body })

over(
  'a message reaches the gateway with all that it is told, and reading it clears the badge',
  async ({ alice, bob, gateway, heard, pusher }) => {
    await bob.req('PUT', `/profile/${bob.userId}/displayname`, { displayname: 'Bob' })
    const room = await roomOf(bob, alice)
    await alice.req('POST', '/pushers/set', pusher({ profile_tag: 'tag' }))
    const { pushers } = await alice.req<{ pushers: unknown[] }>('GET', '/pushers')
    assert.deepEqual(pushers, [{ ...pusher({ profile_tag: 'tag' }) }])
    await say(bob, room, { msgtype: 'm.notice', body: 'of no interest' })
    const mention = await say(bob, room, { ...text('hello'), 'm.mentions': { user_ids: [alice.userId] } })
    const [first] = await heard(1)
    assert.ok(first)
    assert.deepEqual(
      {
        ...first,
        devices: first.devices.map(({ pushkey_ts: ts, ...rest }) => ({ ...rest, recent: ts > 1e9 && ts < 1e10 })),
      },
      {
        event_id: mention,
        room_id: room,
        type: 'm.room.message',
        sender: bob.userId,
        sender_display_name: 'Bob',
        room_name: 'Lobby',
        prio: 'high',
        content: { ...text('hello'), 'm.mentions': { user_ids: [alice.userId] } },
        counts: { unread: 1 },
        devices: [
          {
            app_id: 'org.example.app',
            pushkey: 'key',
            data: { brand: 'x' },
            tweaks: { sound: 'default', highlight: true },
            recent: true,
          },
        ],
      },
    )
    const later = await say(bob, room, text('more'))
    assert.equal((await heard(2))[1]?.prio, 'high', 'among two there is a sound')
    assert.equal(gateway.heard[1]?.counts.unread, 2)
    await alice.req('POST', `/rooms/${encodeURIComponent(room)}/receipt/m.read/${encodeURIComponent(later)}`, {})
    const cleared = (await heard(3))[2]
    assert.deepEqual(
      [cleared?.event_id, cleared?.counts, cleared?.devices[0]?.pushkey],
      [undefined, { unread: 0 }, 'key'],
    )
    await say(alice, room, text('mine'))
    await sleep(100)
    await heard(3)
  },
)

over(
  'an invitation is pushed to the invited, and event_id_only keeps contents away',
  async ({ alice, bob, heard, pusher, gateway }) => {
    await alice.req('POST', '/pushers/set', pusher({ data: { url: gateway.url, format: 'event_id_only' } }))
    await bob.req('POST', '/createRoom', { preset: 'private_chat', invite: [alice.userId] })
    const [first] = await heard(1)
    assert.deepEqual(Object.keys(first ?? {}).sort(), ['counts', 'devices', 'event_id', 'prio', 'room_id'])
    assert.deepEqual(first?.devices[0]?.data, { format: 'event_id_only' })
  },
)

over('a gateway that is down for an hour gets the newest state afterwards, across a restart', async (world) => {
  const { gateway, clock, heard, pusher, bob } = world
  const room = await roomOf(bob, world.alice)
  await world.alice.req('POST', '/pushers/set', pusher())
  gateway.behaviour.status = 503
  const first = await say(bob, room, text('first'))
  const sent: string[] = []
  for (let index = 0; index < 60; index++) sent.push(await say(bob, room, text(`message ${index}`)))
  const tried = async (times: number): Promise<void> => {
    for (let turn = 0; turn < 1000 && gateway.behaviour.tries < times; turn++) await sleep(10)
  }
  await tried(1)
  clock.ahead += 30 * 60_000
  await tried(gateway.behaviour.tries + 1)
  await world.restart()
  const last = await say(world.bob, room, text('last'))
  await world.alice.req('POST', `/rooms/${encodeURIComponent(room)}/receipt/m.read/${encodeURIComponent(first)}`, {})
  clock.ahead += 30 * 60_000
  await tried(gateway.behaviour.tries + 1)
  assert.ok(gateway.behaviour.tries >= 3 && gateway.behaviour.tries < 20, `${gateway.behaviour.tries} tries`)
  assert.equal(gateway.heard.length, 0)
  gateway.behaviour.status = 200
  clock.ahead += 6 * 60_000
  for (
    let turn = 0;
    turn < 800 && gateway.heard.at(-1)?.event_id !== last && !gateway.heard.some((one) => one.event_id === last);
    turn++
  )
    await sleep(10)
  const ids = gateway.heard.flatMap(({ event_id: id }) => id ?? [])
  assert.ok(ids.includes(last))
  assert.deepEqual(ids, [...sent, last].slice(-ids.length), 'in order, none twice, the newest')
  assert.ok(ids.length >= 40 && ids.length <= 51, `${ids.length} pushes`)
  assert.ok(gateway.heard.every(({ counts }) => counts.unread === 61))
  await heard(gateway.heard.length)
})

over('a push key that the gateway rejects is forgotten', async ({ alice, bob, gateway, heard, pusher }) => {
  const room = await roomOf(bob, alice)
  await alice.req('POST', '/pushers/set', pusher())
  await alice.req('POST', '/pushers/set', pusher({ pushkey: 'other' }))
  gateway.behaviour.rejected = ['key']
  await say(bob, room, text('one'))
  await heard(2)
  for (let turn = 0; turn < 300; turn++) {
    if ((await alice.req<{ pushers: unknown[] }>('GET', '/pushers')).pushers.length === 1) break
    await sleep(10)
  }
  await say(bob, room, text('two'))
  assert.equal((await heard(3))[2]?.devices[0]?.pushkey, 'other')
})

over(
  'a push that the gateway calls impossible does not hold up the next, and one told to wait waits',
  async ({ alice, bob, gateway, clock, heard, pusher }) => {
    const room = await roomOf(bob, alice)
    await alice.req('POST', '/pushers/set', pusher())
    gateway.behaviour.status = 400
    await say(bob, room, text('one'))
    for (let turn = 0; turn < 300 && gateway.behaviour.tries === 0; turn++) await sleep(10)
    gateway.behaviour.status = 429
    gateway.behaviour.headers = { 'retry-after': '100' }
    const second = await say(bob, room, text('two'))
    for (let turn = 0; turn < 300 && gateway.behaviour.tries < 2; turn++) await sleep(10)
    gateway.behaviour.status = 200
    await sleep(100)
    clock.ahead += 101_000
    assert.equal((await heard(1))[0]?.event_id, second)
  },
)

over(
  'pushers go with their session, with whoever takes their key over, and when they are deleted',
  async ({ alice, bob, pusher }) => {
    const list = async (who: Client): Promise<unknown[]> =>
      (await who.req<{ pushers: unknown[] }>('GET', '/pushers')).pushers
    await alice.req('POST', '/pushers/set', pusher())
    await bob.req('POST', '/pushers/set', pusher({ append: true }))
    assert.deepEqual([(await list(alice)).length, (await list(bob)).length], [1, 1])
    await bob.req('POST', '/pushers/set', pusher({ lang: 'de' }))
    assert.deepEqual([(await list(alice)).length, (await list(bob)).length], [0, 1])
    await bob.req('POST', '/pushers/set', { kind: null, app_id: 'org.example.app', pushkey: 'key' })
    assert.deepEqual(await list(bob), [])
    const second = await new Client(alice.base).login('alice')
    await second.req('POST', '/pushers/set', pusher())
    await alice.req('POST', '/pushers/set', pusher({ pushkey: 'mine' }))
    await second.req('POST', '/logout', {})
    assert.deepEqual(
      (await list(alice)).map((one) => (one as { pushkey: string }).pushkey),
      ['mine'],
    )
  },
)

over(
  'a gateway in a private network is not asked unless the operator names it, whatever a client says',
  async ({ alice, bob, gateway, heard, pusher }) => {
    const room = await roomOf(bob, alice)
    const { port } = new URL(gateway.url)
    for (const [index, host] of ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', '2130706433', '0x7f.1'].entries()) {
      await alice.req(
        'POST',
        '/pushers/set',
        pusher({ pushkey: `private ${index}`, data: { url: `https://${host}:${port}/_matrix/push/v1/notify` } }),
      )
    }
    await alice.req('POST', '/pushers/set', pusher())
    await say(bob, room, text('one'))
    await heard(1)
    await sleep(100)
    assert.equal(gateway.behaviour.tries, 1)
  },
)

over('what is no pusher is refused', async ({ alice, pusher, gateway }) => {
  const cases: Array<[more: Record<string, unknown>, answer: string]> = [
    [{ data: { url: gateway.url.replace('/notify', '/other') } }, '400 M_INVALID_PARAM'],
    [{ data: { url: 'http://example.org/_matrix/push/v1/notify' } }, '400 M_INVALID_PARAM'],
    [{ data: {} }, '400 M_MISSING_PARAM'],
    [{ data: { url: gateway.url, format: 'all' } }, '400 M_INVALID_PARAM'],
    [{ data: undefined }, '400 M_MISSING_PARAM'],
    [{ lang: undefined }, '400 M_MISSING_PARAM'],
    [{ kind: 'carrier-pigeon' }, '400 M_INVALID_PARAM'],
    [{ app_id: 'a'.repeat(65) }, '400 M_INVALID_PARAM'],
    [{ pushkey: 'ä'.repeat(257) }, '400 M_INVALID_PARAM'],
  ]
  for (const [more, expected] of cases) {
    const { status, body } = await alice.ask('POST', '/pushers/set', pusher(more))
    assert.equal(`${status} ${String(body['errcode'])}`, expected, JSON.stringify(more))
  }
})

test('only https gateways are taken, and the operator’s own', () => {
  const path = '/_matrix/push/v1/notify'
  assert.deepEqual(gatewayAddress(`https://a.org${path}`, []), { url: `https://a.org${path}`, configured: false })
  for (const url of [
    `http://a.org${path}`,
    `https://u:p@a.org${path}`,
    `https://a.org${path}#x`,
    'https://a.org/',
    `ftp://a.org${path}`,
    'x',
    7,
    null,
    undefined,
  ]) {
    assert.equal(gatewayAddress(url, []), undefined)
  }
  assert.deepEqual(gatewayAddress(`http://10.0.0.5:5000${path}`, ['http://10.0.0.5:5000']), {
    url: `http://10.0.0.5:5000${path}`,
    configured: true,
  })
})
