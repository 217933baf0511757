import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type ClientEvent } from '../../../test/harness/client.ts'
import { jwtConfig } from '../../../test/harness/jwt.ts'
import { databases } from '../../../test/harness/postgres.ts'
import { createHomeserver } from '../../server/index.ts'

const unstable = '/_matrix/client/unstable/org.matrix.msc4140'
const enc = encodeURIComponent

interface Scheduled {
  delay_id: string
  delay_ms: number
  delayed_since_ts: number
  room_id: string
  type: string
  state_key?: string
  content: Record<string, unknown>
  finalised?: { finalised_ts: number; event_id?: string; error?: { errcode: string } }
}

interface World {
  readonly alice: Client
  readonly bob: Client
  readonly room: string
  /** Moves the server's clock on. */
  readonly pass: (ms: number) => void
  readonly restart: () => Promise<void>
  readonly schedule: (client: Client, delay: number, body: string, txn?: string) => Promise<string>
  readonly look: (client: Client, id: string) => Promise<Scheduled>
  readonly act: (id: string, action: string) => Promise<string>
  /** The room's texts, the newest first. */
  readonly texts: () => Promise<unknown[]>
}

let txn = 0

function over(name: string, body: (world: World) => Promise<void>): void {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      const folder = mkdtempSync(join(tmpdir(), 'latchkey-delayed-'))
      let ahead = 0
      const start = () =>
        createHomeserver(
          {
            server_name: 'test',
            database: url,
            listen: '127.0.0.1:0',
            rate_limits: 'off',
            jwt_config: jwtConfig,
            data_dir: folder,
            log: { level: 'fatal' },
          },
          { now: () => Date.now() + ahead },
        )
      let server = await start()
      try {
        const [alice, bob] = [await new Client(server.url).login('alice'), await new Client(server.url).login('bob')]
        const room = await alice.createRoom({ preset: 'public_chat' })
        await bob.join(room)
        const again = (client: Client): Client =>
          Object.assign(new Client(server.url), { token: client.token, userId: client.userId })
        const now = (client: Client): Client => (client.base === server.url ? client : again(client))
        await body({
          alice,
          bob,
          room,
          pass: (ms) => {
            ahead += ms
          },
          restart: async () => {
            await server.close()
            server = await start()
          },
          schedule: async (client, delay, text, id = `d${++txn}`) =>
            (
              await now(client).req<{ delay_id: string }>(
                'PUT',
                `/rooms/${enc(room)}/send/m.room.message/${id}?org.matrix.msc4140.delay=${delay}`,
                { msgtype: 'm.text', body: text },
              )
            ).delay_id,
          look: (client, id) => now(client).req<Scheduled>('GET', `${unstable}/delayed_events/${enc(id)}`),
          act: async (id, action) => {
            const { status, body: answer } = await new Client(server.url).ask<{ errcode?: string }>(
              'POST',
              `${unstable}/delayed_events/${enc(id)}/${action}`,
              {},
            )
            return answer.errcode === undefined ? String(status) : `${status} ${answer.errcode}`
          },
          texts: async () =>
            (await now(alice).req<{ chunk: ClientEvent[] }>('GET', `/rooms/${enc(room)}/messages?dir=b&limit=50`)).chunk
              .filter(({ type }) => type === 'm.room.message')
              .map(({ content }) => content['body']),
        })
      } finally {
        await server.close()
        await dispose()
        rmSync(folder, { recursive: true, force: true })
      }
    })
  }
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 400; turn++) {
    if (await holds()) return
    await sleep(25)
  }
  assert.fail('it did not happen')
}

over(
  'an event is sent when its delay is over, and its sender learns which',
  async ({ alice, bob, room, pass, schedule, look, texts }) => {
    const id = await schedule(alice, 60_000, 'later')
    const waiting = await look(alice, id)
    assert.equal(waiting.delay_ms, 60_000)
    assert.equal(waiting.room_id, room)
    assert.deepEqual(waiting.content, { msgtype: 'm.text', body: 'later' })
    assert.equal(waiting.finalised, undefined)
    pass(59_000)
    await sleep(50)
    assert.deepEqual(await texts(), [])
    pass(1100)
    await until(async () => (await texts()).length === 1)
    await until(async () => (await look(alice, id)).finalised !== undefined)
    const { finalised } = await look(alice, id)
    const seenBy = (client: Client) =>
      client.req<ClientEvent>('GET', `/rooms/${enc(room)}/event/${enc(finalised?.event_id ?? '')}`)
    assert.equal((await seenBy(alice)).unsigned?.['org.matrix.msc4140.delay_id'], id)
    assert.equal((await seenBy(bob)).unsigned?.['org.matrix.msc4140.delay_id'], undefined)
    assert.equal(await bob.refusal('GET', `${unstable}/delayed_events/${enc(id)}`), '404 M_NOT_FOUND')
    const versions = await alice.req<{ unstable_features: Record<string, boolean> }>('GET', '/_matrix/client/versions')
    assert.equal(versions.unstable_features['org.matrix.msc4140'], true)
  },
)

over('whoever knows the id cancels, restarts or sends', async ({ alice, pass, schedule, look, act, texts }) => {
  const [cancelled, restarted, sent] = [
    await schedule(alice, 10_000, 'cancelled'),
    await schedule(alice, 10_000, 'restarted'),
    await schedule(alice, 10_000, 'sent'),
  ]
  assert.equal(await act(cancelled, 'cancel'), '200')
  assert.equal(await act(cancelled, 'cancel'), '200')
  assert.equal(await act(cancelled, 'send'), '409 M_UNKNOWN')
  assert.equal(await act(cancelled, 'restart'), '409 M_UNKNOWN')
  assert.equal(await act(sent, 'send'), '200')
  assert.equal(await act(sent, 'send'), '200')
  assert.equal(await act(sent, 'cancel'), '409 M_UNKNOWN')
  assert.equal(await act('nothing', 'cancel'), '404 M_NOT_FOUND')
  assert.deepEqual(await texts(), ['sent'])
  pass(9000)
  assert.equal(await act(restarted, 'restart'), '200')
  pass(5000)
  await sleep(1200)
  assert.deepEqual(await texts(), ['sent'])
  assert.ok((await look(alice, restarted)).finalised === undefined)
  pass(6000)
  await until(async () => (await texts()).length === 2)
  assert.deepEqual(await texts(), ['restarted', 'sent'])
})

over('the forms of earlier drafts are understood too', async ({ alice, room, texts }) => {
  const { delay_id: id } = await alice.req<{ delay_id: string }>(
    'PUT',
    `${unstable}/rooms/${enc(room)}/delayed_event/m.room.topic/x1`,
    { delay: 5000, state_key: '', content: { topic: 'late' } },
  )
  const { delay_id: other } = await alice.req<{ delay_id: string }>(
    'PUT',
    `/rooms/${enc(room)}/state/m.room.name?org.matrix.msc4140.delay=5000`,
    { name: 'late' },
  )
  const list = await alice.req<{ scheduled: Scheduled[]; delayed_events: Scheduled[]; finalised: unknown[] }>(
    'GET',
    `${unstable}/delayed_events`,
  )
  assert.deepEqual(list.scheduled.map(({ delay_id }) => delay_id).toSorted(), [id, other].toSorted())
  assert.deepEqual(list.delayed_events, list.scheduled)
  await alice.req('POST', `${unstable}/delayed_events/${enc(id)}`, { action: 'send' })
  await alice.req('POST', `${unstable}/delayed_events/${enc(other)}`, { action: 'cancel' })
  assert.deepEqual(await alice.req('GET', `/rooms/${enc(room)}/state/m.room.topic`), { topic: 'late' })
  assert.equal(await alice.refusal('GET', `/rooms/${enc(room)}/state/m.room.name`), '404 M_NOT_FOUND')
  const finalised = await alice.req<{
    finalised: Array<{ outcome: string; reason: string; delayed_event: Scheduled }>
  }>('GET', `${unstable}/delayed_events?status=finalised&delay_id=${enc(id)}`)
  assert.deepEqual(
    finalised.finalised.map(({ outcome, reason, delayed_event: { delay_id } }) => [outcome, reason, delay_id]),
    [['send', 'action', id]],
  )
  assert.equal(await alice.refusal('GET', `${unstable}/delayed_events?status=x`), '400 M_INVALID_PARAM')
  assert.deepEqual(await texts(), [])
})

over(
  'a request that is repeated schedules once, and there are limits',
  async ({ alice, bob, room, schedule, pass }) => {
    const [one, two, other] = [
      await schedule(alice, 5000, 'once', 'same'),
      await schedule(alice, 5000, 'once', 'same'),
      await schedule(bob, 5000, 'once', 'same'),
    ]
    assert.equal(one, two)
    assert.notEqual(one, other)
    const put = (delay: string) =>
      alice.ask('PUT', `/rooms/${enc(room)}/send/m.room.message/l${++txn}?org.matrix.msc4140.delay=${delay}`, {
        body: 'x',
        msgtype: 'm.text',
      })
    for (const bad of ['0', '-1', 'x', '1.5']) assert.equal((await put(bad)).body['errcode'], 'M_INVALID_PARAM', bad)
    const tooLong = await put('9999999999')
    assert.equal(tooLong.status, 400)
    assert.equal(tooLong.body['org.matrix.msc4140.errcode'], 'M_MAX_DELAY_EXCEEDED')
    assert.equal(tooLong.body['org.matrix.msc4140.max_delay'], 604_800_000)
    for (let index = 0; index < 99; index++) assert.equal((await put('90000')).status, 200)
    const full = await put('90000')
    assert.equal(`${full.status} ${String(full.body['errcode'])}`, '429 M_LIMIT_EXCEEDED')
    assert.ok(Number(full.headers.get('retry-after')) <= 5)
    pass(6000)
    await until(async () => (await put('90000')).status === 200)
    const outside = await alice.createRoom({})
    assert.equal(
      await bob.refusal('PUT', `/rooms/${enc(outside)}/send/m.room.message/o1?org.matrix.msc4140.delay=1000`, {
        body: 'x',
      }),
      '403 M_FORBIDDEN',
    )
  },
)

over(
  'what may not be sent when its time comes is not sent, and says why',
  async ({ alice, bob, room, schedule, look, act, pass, texts }) => {
    const [kicked, mine] = [await schedule(bob, 5000, 'no more'), await schedule(bob, 5000, 'cancelled')]
    await alice.req('POST', `/rooms/${enc(room)}/kick`, { user_id: bob.userId })
    assert.equal(await act(kicked, 'send'), '403 M_FORBIDDEN')
    assert.equal((await look(bob, kicked)).finalised, undefined)
    assert.equal(await act(mine, 'cancel'), '200')
    pass(6000)
    await until(async () => (await look(bob, kicked)).finalised !== undefined)
    assert.equal((await look(bob, kicked)).finalised?.error?.errcode, 'M_FORBIDDEN')
    assert.equal((await look(bob, mine)).finalised?.error, undefined)
    assert.deepEqual(await texts(), [])
  },
)

over('a restart loses nothing and sends nothing twice', async ({ alice, schedule, look, pass, restart, texts }) => {
  const ids = [await schedule(alice, 5000, 'one'), await schedule(alice, 60_000, 'two')]
  await restart()
  pass(6000)
  await until(async () => (await texts()).length === 1)
  await restart()
  pass(60_000)
  await until(async () => (await texts()).length === 2)
  assert.deepEqual(await texts(), ['two', 'one'])
  for (const id of ids) await until(async () => (await look(alice, id)).finalised?.event_id !== undefined)
})
