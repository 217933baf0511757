import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { Client } from '../../../test/harness/client.ts'
import { openMailServer, unquoted } from '../../../test/harness/mail-server.ts'
import { databases } from '../../../test/harness/postgres.ts'
import { createHomeserver, type Homeserver } from '../../server/index.ts'
import { unreadMail } from './message.ts'
import { afterMail, dueAt, type Throttle } from './throttle.ts'

const password = 'correct horse battery'
const minute = 60_000

interface World {
  readonly server: Homeserver
  readonly clock: { ahead: number }
  readonly alice: Client
  readonly bob: Client
  /** The mails about unread messages, once there are so many. */
  readonly mails: (count: number) => Promise<string[]>
  readonly pusher: (more?: object) => object
}

async function account(server: Homeserver, username: string): Promise<Client> {
  const client = new Client(server.url)
  const { session } = (await client.ask<{ session: string }>('POST', '/register', { username, password })).body
  const made = await client.req<{ access_token: string; user_id: string }>('POST', '/register', {
    username,
    password,
    auth: { type: 'm.login.dummy', session },
  })
  return Object.assign(client, { token: made.access_token, userId: made.user_id })
}

const over = (name: string, body: (world: World) => Promise<void>): void => {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      const sink = await openMailServer()
      const folder = mkdtempSync(join(tmpdir(), 'latchkey-push-mail-'))
      const clock = { ahead: 0 }
      try {
        await using server = await createHomeserver(
          {
            server_name: 'test',
            database: url,
            data_dir: folder,
            listen: '127.0.0.1:0',
            rate_limits: 'off',
            log: { level: 'silent' },
            registration: 'open',
            access_token_lifetime: 'off',
            public_base_url: 'http://localhost:8008',
            email: { smtp: sink.url, allow_plain: true, from: 'latchkey@test.example' },
          },
          { now: () => Date.now() + clock.ahead },
        )
        const alice = await account(server, 'alice')
        const { sid } = await alice.req<{ sid: string }>('POST', '/account/3pid/email/requestToken', {
          email: 'alice@mail.example',
          client_secret: 'first',
          send_attempt: 1,
        })
        for (let turn = 0; turn < 500 && sink.mails.length === 0; turn++) await sleep(10)
        const [, token] = /confirm\?token=([\w-]+)/.exec(unquoted(sink.mails[0]?.data ?? '')) ?? []
        await server.inject({
          method: 'POST',
          url: '/_latchkey/email/confirm',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          payload: `token=${token}`,
        })
        const asked = await alice.ask<{ session: string }>('POST', '/account/3pid/add', { sid, client_secret: 'first' })
        await alice.req('POST', '/account/3pid/add', {
          sid,
          client_secret: 'first',
          auth: {
            session: asked.body.session,
            type: 'm.login.password',
            identifier: { type: 'm.id.user', user: 'alice' },
            password,
          },
        })
        sink.mails.length = 0
        await body({
          server,
          clock,
          alice,
          bob: await account(server, 'bob'),
          mails: async (count) => {
            for (let turn = 0; turn < 3000 && sink.mails.length < count; turn++) await sleep(10)
            await sleep(1100)
            assert.equal(sink.mails.length, count)
            return sink.mails.map(({ data }) => unquoted(data))
          },
          pusher: (more = {}) => ({
            kind: 'email',
            app_id: 'm.email',
            pushkey: 'alice@mail.example',
            app_display_name: 'Mail',
            device_display_name: 'Mail',
            lang: 'en',
            data: { brand: 'Teahouse' },
            ...more,
          }),
        })
      } finally {
        sink.close()
        await dispose()
        rmSync(folder, { recursive: true })
      }
    })
  }
}

const roomOf = async (creator: Client, other: Client, name: string): Promise<string> => {
  const room = await creator.createRoom({ preset: 'public_chat', name })
  await other.join(room)
  return room
}

const read = (client: Client, room: string, event: string): Promise<unknown> =>
  client.req('POST', `/rooms/${encodeURIComponent(room)}/receipt/m.read/${encodeURIComponent(event)}`, {})

over(
  'what is left unread for a while is written about, once, with a way out',
  async ({ server, clock, alice, bob, mails, pusher }) => {
    const [tea, cake] = [await roomOf(bob, alice, 'Tea'), await roomOf(bob, alice, 'Cake')]
    await bob.send(tea, 'said before there was a pusher')
    await alice.req('POST', '/pushers/set', pusher())
    const { pushers } = await alice.req<{ pushers: Array<{ kind: string; data: unknown }> }>('GET', '/pushers')
    assert.deepEqual(
      pushers.map(({ kind, data }) => [kind, data]),
      [['email', { brand: 'Teahouse' }]],
    )
    await bob.send(tea, 'one lump or two?')
    await bob.send(tea, '<b>and</b> milk?')
    await read(alice, cake, await bob.send(cake, 'already read'))
    const left = await bob.createRoom({ name: 'Party', invite: [alice.userId] })
    await mails(0)
    clock.ahead += 11 * minute
    const [mail = ''] = await mails(1)
    for (const part of [
      'one lump or two?',
      '&lt;b&gt;and&lt;/b&gt; milk?',
      'Teahouse',
      'Party',
      'has invited you',
      'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
    ])
      assert.ok(mail.includes(part), part)
    for (const part of ['said before', 'already read']) assert.ok(!mail.includes(part), part)
    clock.ahead += 11 * minute
    await mails(1)

    await bob.send(left, 'not for who is not in')
    await bob.send(tea, 'sugar?')
    clock.ahead += 11 * minute
    const [, second = ''] = await mails(2)
    assert.ok(second.includes('sugar?') && !second.includes('lump'))
    await bob.send(tea, 'honey?')
    clock.ahead += 11 * minute
    await mails(2)
    clock.ahead += 60 * minute
    assert.ok((await mails(3))[2]?.includes('honey?'))

    const [, link = ''] =
      /<http:\/\/localhost:8008(\/_latchkey\/push\/unsubscribe\?[^>\s]+)>/.exec(mail.replaceAll(/\r\n\s+/g, '')) ?? []
    assert.match((await server.inject({ method: 'GET', url: link })).body, /<button>/)
    assert.equal((await alice.req<{ pushers: unknown[] }>('GET', '/pushers')).pushers.length, 1)
    assert.equal(
      (await server.inject({ method: 'POST', url: link.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')) }))
        .statusCode,
      200,
    )
    assert.equal((await alice.req<{ pushers: unknown[] }>('GET', '/pushers')).pushers.length, 1)
    assert.equal(
      (
        await server.inject({
          method: 'POST',
          url: link,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          payload: 'List-Unsubscribe=One-Click',
        })
      ).statusCode,
      200,
    )
    assert.equal((await alice.req<{ pushers: unknown[] }>('GET', '/pushers')).pushers.length, 0)
    await bob.send(tea, 'nobody there')
    clock.ahead += 24 * 60 * minute
    await mails(3)
  },
)

over('what has been read in time is not written about', async ({ clock, alice, bob, mails, pusher }) => {
  const room = await roomOf(bob, alice, 'Tea')
  await alice.req('POST', '/pushers/set', pusher())
  const event = await bob.send(room, 'hello')
  clock.ahead += 5 * minute
  await read(alice, room, event)
  clock.ahead += 10 * minute
  await mails(0)
})

over("mail goes to addresses that were shown to be the user's alone", async ({ clock, alice, bob, mails, pusher }) => {
  assert.equal(await bob.refusal('POST', '/pushers/set', pusher()), '400 M_THREEPID_NOT_FOUND')
  assert.equal(
    await alice.refusal('POST', '/pushers/set', pusher({ pushkey: 'other@mail.example' })),
    '400 M_THREEPID_NOT_FOUND',
  )
  assert.equal(await alice.refusal('POST', '/pushers/set', pusher({ app_id: 'x' })), '400 M_INVALID_PARAM')
  assert.equal(await alice.refusal('POST', '/pushers/set', pusher({ kind: 'http' })), '400 M_INVALID_PARAM')
  assert.equal(await alice.refusal('POST', '/pushers/set', pusher({ data: { brand: 1 } })), '400 M_INVALID_PARAM')
  await alice.req('POST', '/pushers/set', pusher({ pushkey: 'Alice@mail.example', lang: 'de-AT', data: {} }))
  const room = await roomOf(bob, alice, 'Tee')
  await bob.send(room, 'hallo')
  await alice.req('POST', '/account/3pid/delete', { medium: 'email', address: 'alice@mail.example' })
  clock.ahead += 11 * minute
  const left = async () => (await alice.req<{ pushers: unknown[] }>('GET', '/pushers')).pushers.length
  for (let turn = 0; turn < 3000 && (await left()) > 0; turn++) await sleep(10)
  assert.equal(await left(), 0)
  await mails(0)
})

test('the more a room is written about, the longer the next mail waits; a quiet day starts over', () => {
  let throttle: Throttle | undefined
  let now = 1_000_000_000
  const waits: number[] = []
  for (let turn = 0; turn < 6; turn++) {
    now = Math.max(now, dueAt(now, throttle))
    throttle = afterMail(throttle, now, turn)
    waits.push(throttle.waitMs / minute)
  }
  assert.deepEqual(waits, [10, 60, 360, 1440, 1440, 1440])
  assert.equal(afterMail(throttle, now + 25 * 60 * minute, 7).waitMs, 10 * minute)
})

test('a subject is one line, and a page shows what was said as text', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.string({ unit: 'binary', maxLength: 300 }),
      (name, line) => {
        const mail = unreadMail({
          to: 'a@b.example',
          brand: name,
          lang: 'en',
          rooms: [{ name, link: 'https://matrix.to/#/x', lines: [line], more: 1 }],
          unsubscribe: 'https://x.example/y',
        })
        assert.doesNotMatch(mail.subject, /[\r\n\0]/)
        assert.ok(mail.subject.isWellFormed())
        assert.doesNotMatch(mail.html, /<script|<img/)
      },
    ),
  )
})
