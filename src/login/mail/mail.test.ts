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
import { createHomeserver, type HomeserverOptions } from '../../server/index.ts'
import { parseAddress } from './address.ts'
import { validationMail } from './message.ts'
import { mailTexts } from './texts.ts'

interface World {
  client: () => Client
  sink: Awaited<ReturnType<typeof openMailServer>>
  clock: { ahead: number }
  /** The secret in the link of the mail of that number. */
  link: (index: number) => Promise<string>
  /** Follows a link and presses the button: the status of the answer. */
  follow: (token: string) => Promise<number>
}

const over = (
  name: string,
  email: { required_for_registration?: boolean },
  body: (world: World) => Promise<void>,
): void => {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      const sink = await openMailServer()
      const folder = mkdtempSync(join(tmpdir(), 'latchkey-mail-'))
      const clock = { ahead: 0 }
      const options: HomeserverOptions = { now: () => Date.now() + clock.ahead }
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
            public_base_url: 'http://localhost:8008',
            email: { smtp: sink.url, allow_plain: true, from: 'latchkey@test.example', ...email },
          },
          options,
        )
        await body({
          sink,
          clock,
          client: () => new Client(server.url),
          link: async (index) => {
            for (let turn = 0; turn < 500 && sink.mails.length <= index; turn++) await sleep(10)
            const [, token] =
              /_latchkey\/email\/confirm\?token=([\w-]+)/.exec(unquoted(sink.mails[index]?.data ?? '')) ?? []
            assert.ok(token, 'there is a link in the mail')
            return token
          },
          follow: async (token) => {
            const path = '/_latchkey/email/confirm'
            const opened = await server.inject({ method: 'GET', url: `${path}?token=${token}` })
            const pressed = await server.inject({
              method: 'POST',
              url: path,
              headers: { 'content-type': 'application/x-www-form-urlencoded' },
              payload: `token=${token}`,
            })
            assert.equal(opened.statusCode, pressed.statusCode)
            return pressed.statusCode
          },
        })
      } finally {
        sink.close()
        await dispose()
        rmSync(folder, { recursive: true })
      }
    })
  }
}

const password = 'correct horse battery'
let attempts = 0

/** Makes an account with a password, without an address. */
const account = async (world: World, username: string): Promise<Client> => {
  const client = world.client()
  const { session } = (await client.ask<{ session: string }>('POST', '/register', { username, password })).body
  const made = await client.req<{ access_token: string; user_id: string }>('POST', '/register', {
    username,
    password,
    auth: { type: 'm.login.dummy', session },
  })
  client.token = made.access_token
  client.userId = made.user_id
  return client
}

const asked = async (client: Client, path: string, email: string, secret: string): Promise<string> =>
  (
    await client.req<{ sid: string }>('POST', `${path}/email/requestToken`, {
      email,
      client_secret: secret,
      send_attempt: ++attempts,
    })
  ).sid

const login = async (world: World, user: string, word: string): Promise<number> =>
  (
    await world
      .client()
      .ask('POST', '/login', { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password: word })
  ).status

/** Asks, is told to confirm, and confirms. */
const confirmed = async (
  client: Client,
  path: string,
  body: Record<string, unknown>,
  auth: Record<string, unknown>,
): Promise<{ status: number; errcode: unknown }> => {
  const first = await client.ask<{ session: string }>('POST', path, body)
  assert.equal(first.status, 401, JSON.stringify(first.body))
  const { status, body: answer } = await client.ask('POST', path, {
    ...body,
    auth: { ...auth, session: first.body.session },
  })
  return { status, errcode: answer['errcode'] }
}

const ownPassword = (client: Client): Record<string, unknown> => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: client.userId },
  password,
})

const withAddress = async (world: World, name: string, email: string): Promise<Client> => {
  const client = await account(world, name)
  const before = world.sink.mails.length
  const sid = await asked(client, '/account/3pid', email, 'first')
  assert.equal(await world.follow(await world.link(before)), 200)
  assert.equal(
    (await confirmed(client, '/account/3pid/add', { sid, client_secret: 'first' }, ownPassword(client))).status,
    200,
  )
  return client
}

over('an address is added once its owner has confirmed it, and taken out again', {}, async (world) => {
  const { sink, link, follow } = world
  const alice = await account(world, 'alice')
  const sid = await asked(alice, '/account/3pid', ' Alice@Mail.Example', 'secret')
  assert.equal(
    await alice.refusal('POST', '/account/3pid/add', { sid, client_secret: 'secret' }),
    '400 M_THREEPID_AUTH_FAILED',
  )
  const token = await link(0)
  assert.match(sink.mails[0]?.to ?? '', /<alice@mail\.example>/)
  assert.match(sink.mails[0]?.data ?? '', /text\/plain[^]*text\/html/)
  assert.equal(await follow(token), 200)
  assert.equal(await follow(token), 400, 'a link is good once')
  assert.equal(
    await alice.refusal('POST', '/account/3pid/add', { sid, client_secret: 'other' }),
    '400 M_THREEPID_AUTH_FAILED',
  )
  assert.equal(
    (await confirmed(alice, '/account/3pid/add', { sid, client_secret: 'secret' }, ownPassword(alice))).status,
    200,
  )
  assert.equal(
    await alice.refusal('POST', '/account/3pid/add', { sid, client_secret: 'secret' }),
    '400 M_THREEPID_AUTH_FAILED',
    'and so is a confirmation',
  )
  const { threepids } = await alice.req<{ threepids: Array<{ address: string; medium: string }> }>(
    'GET',
    '/account/3pid',
  )
  assert.deepEqual(
    threepids.map(({ address, medium }) => [medium, address]),
    [['email', 'alice@mail.example']],
  )
  assert.equal(
    await alice.refusal('POST', '/account/3pid/email/requestToken', {
      email: 'alice@mail.example',
      client_secret: 'x',
      send_attempt: 1,
    }),
    '400 M_THREEPID_IN_USE',
  )
  await alice.req('POST', '/account/3pid/delete', { medium: 'email', address: 'alice@mail.example' })
  assert.deepEqual(await alice.req('GET', '/account/3pid'), { threepids: [] })
  assert.equal(
    await alice.refusal('POST', '/account/3pid/bind', {
      id_server: 'x',
      id_access_token: 'y',
      sid,
      client_secret: 'secret',
    }),
    '400 M_SERVER_NOT_TRUSTED',
  )
  assert.deepEqual(await alice.req('POST', '/account/3pid/unbind', { medium: 'email', address: 'x@y' }), {
    id_server_unbind_result: 'no-support',
  })
})

over('a confirmation that one user asked for is of no use to another, nor for anything else', {}, async (world) => {
  const { link, follow } = world
  const [alice, mallory] = [await account(world, 'alice'), await account(world, 'mallory')]
  const sid = await asked(alice, '/account/3pid', 'a@mail.example', 'secret')
  await follow(await link(0))
  assert.equal(
    await mallory.refusal('POST', '/account/3pid/add', { sid, client_secret: 'secret' }),
    '400 M_THREEPID_AUTH_FAILED',
  )
  const creds = { type: 'm.login.email.identity', threepid_creds: { sid, client_secret: 'secret' } }
  const nobody = world.client()
  assert.deepEqual(await confirmed(nobody, '/account/password', { new_password: 'another good one' }, creds), {
    status: 401,
    errcode: 'M_THREEPID_AUTH_FAILED',
  })
  assert.deepEqual(await confirmed(nobody, '/register', { username: 'x', password }, creds), {
    status: 401,
    errcode: 'M_THREEPID_AUTH_FAILED',
  })
  assert.equal(
    (await confirmed(alice, '/account/3pid/add', { sid, client_secret: 'secret' }, ownPassword(alice))).status,
    200,
  )
})

over(
  'a password is reset by mail, once, for the account of the address alone, and ends all sessions',
  {},
  async (world) => {
    const { link, follow, clock, sink } = world
    const alice = await withAddress(world, 'alice', 'alice@mail.example')
    const mallory = await withAddress(world, 'mallory', 'mallory@mail.example')
    const nobody = world.client()
    assert.equal(
      await nobody.refusal('POST', '/account/password/email/requestToken', {
        email: 'nobody@mail.example',
        client_secret: 'x',
        send_attempt: 1,
      }),
      '400 M_THREEPID_NOT_FOUND',
    )
    const before = sink.mails.length
    const sid = await asked(nobody, '/account/password', 'alice@mail.example', 'reset')
    const auth = { type: 'm.login.email.identity', threepid_creds: { sid, client_secret: 'reset' } }
    const token = await link(before)
    assert.deepEqual(await confirmed(nobody, '/account/password', { new_password: 'another good one' }, auth), {
      status: 401,
      errcode: 'M_THREEPID_AUTH_FAILED',
    })
    assert.equal(await follow(token), 200)
    assert.equal((await confirmed(nobody, '/account/password', { new_password: 'another good one' }, auth)).status, 200)
    assert.deepEqual(await confirmed(nobody, '/account/password', { new_password: 'a third one, good' }, auth), {
      status: 401,
      errcode: 'M_THREEPID_AUTH_FAILED',
    })
    assert.deepEqual(
      [await login(world, 'alice', password), await login(world, 'alice', 'another good one')],
      [403, 200],
    )
    assert.equal(await login(world, 'mallory', password), 200)
    assert.equal((await alice.ask('GET', '/account/whoami')).status, 401)
    assert.equal((await mallory.ask('GET', '/account/whoami')).status, 200)

    const late = await asked(nobody, '/account/password', 'mallory@mail.example', 'late')
    assert.equal(await follow(await link(before + 1)), 200)
    clock.ahead += 61 * 60_000
    assert.deepEqual(
      await confirmed(
        nobody,
        '/account/password',
        { new_password: 'too late by now' },
        { type: 'm.login.email.identity', threepid_creds: { sid: late, client_secret: 'late' } },
      ),
      { status: 401, errcode: 'M_THREEPID_AUTH_FAILED' },
    )
  },
)

over(
  'an account is made with a confirmed address, where one is required',
  { required_for_registration: true },
  async (world) => {
    const { link, follow } = world
    const nobody = world.client()
    const { body } = await nobody.ask<{ flows: Array<{ stages: string[] }>; session: string }>('POST', '/register', {
      username: 'alice',
      password,
    })
    assert.deepEqual(body.flows, [{ stages: ['m.login.email.identity'] }])
    assert.equal(
      (
        await nobody.ask('POST', '/register', {
          username: 'alice',
          password,
          auth: { type: 'm.login.dummy', session: body.session },
        })
      ).status,
      401,
    )
    const sid = await asked(nobody, '/register', 'alice@mail.example', 'new')
    await follow(await link(0))
    const auth = {
      type: 'm.login.email.identity',
      threepid_creds: { sid, client_secret: 'new' },
      session: body.session,
    }
    const made = await nobody.req<{ access_token: string }>('POST', '/register', { username: 'alice', password, auth })
    const alice = Object.assign(world.client(), { token: made.access_token })
    assert.equal((await alice.req<{ threepids: unknown[] }>('GET', '/account/3pid')).threepids.length, 1)
    await alice.ask('POST', '/account/deactivate', {
      auth: { ...ownPassword(alice), identifier: { type: 'm.id.user', user: 'alice' } },
    })
    assert.match(await asked(nobody, '/register', 'alice@mail.example', 'again'), /^[0-9a-zA-Z.=_-]+$/)
  },
)

over(
  'the same request sends no second mail, an address is not flooded, and mail waits for its server',
  {},
  async (world) => {
    const { sink, clock, link } = world
    const nobody = world.client()
    const request = (secret: string, attempt: number) =>
      nobody.ask<{ sid: string }>('POST', '/register/email/requestToken', {
        email: 'a@mail.example',
        client_secret: secret,
        send_attempt: attempt,
      })
    sink.state.down = true
    const {
      body: { sid },
    } = await request('s', 1)
    assert.equal((await request('s', 1)).body.sid, sid)
    await sleep(100)
    sink.state.down = false
    clock.ahead += 5 * 60_000
    await link(0)
    await sleep(50)
    assert.equal(sink.mails.length, 1)
    for (const attempt of [2, 3, 4]) assert.equal((await request('s', attempt)).body.sid, sid)
    assert.equal((await request('other', 1)).status, 200)
    assert.equal((await request('third', 1)).status, 429)
    assert.equal(
      (
        await nobody.ask('POST', '/register/email/requestToken', {
          email: 'a@mail.example, b@mail.example',
          client_secret: 's',
          send_attempt: 1,
        })
      ).status,
      400,
    )
    assert.equal(
      (
        await nobody.ask('POST', '/register/email/requestToken', {
          email: 'c@mail.example',
          client_secret: 's p a c e',
          send_attempt: 1,
        })
      ).status,
      400,
    )
  },
)

test('an address is one address, whatever it looks like', () => {
  assert.equal(parseAddress(' Ann+tag@Example.ORG '), 'ann+tag@example.org')
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', '@', '@a', ',b@c', '\r\nBcc: x@y', '<x@y>', '"'),
      (text, more) => {
        try {
          assert.match(parseAddress(text + more), /^[^\s@<>,;"]+@[^\s@<>,;"]+$/)
        } catch (error) {
          assert.match((error as Error).message, /not a mail address/)
        }
      },
    ),
  )
})

test('what stands in a mail is text, not markup', () => {
  const mail = validationMail(mailTexts('de'), {
    to: 'a@b',
    server: '<b>&"x',
    purpose: 'add',
    link: 'https://x/?a=1&b="',
  })
  assert.ok(mail.html.includes('&lt;b&gt;&amp;&quot;x') && !mail.html.includes('<b>'))
  assert.ok(mail.text.includes('<b>&"x') && mail.text.includes('https://x/?a=1&b="'))
})

over('an address is added in the way of old clients too', {}, async (world) => {
  const client = await account(world, 'alice')
  const sid = await asked(client, '/account/3pid', 'alice@mail.example', 'first')
  assert.equal(await world.follow(await world.link(0)), 200)
  const creds = { three_pid_creds: { sid, client_secret: 'first', id_server: 'vector.im' }, bind: false }
  assert.equal((await confirmed(client, '/account/3pid', creds, ownPassword(client))).status, 200)
  const { threepids } = await client.req<{ threepids: Array<{ address: string }> }>('GET', '/account/3pid')
  assert.deepEqual(
    threepids.map(({ address }) => address),
    ['alice@mail.example'],
  )
})

over('whoever has shown an address to be theirs signs in by it', {}, async (world) => {
  const client = await withAddress(world, 'alice', 'alice@mail.example')
  const by = async (identifier: object, word = password): Promise<string> => {
    const { status, body } = await world.client().ask<{ user_id?: string; errcode?: string }>('POST', '/login', {
      type: 'm.login.password',
      identifier,
      password: word,
    })
    return body.user_id ?? `${status} ${body.errcode}`
  }
  const email = (address: unknown): object => ({ type: 'm.id.thirdparty', medium: 'email', address })
  assert.equal(await by(email('Alice@Mail.example')), client.userId)
  assert.equal(await by(email('alice@mail.example'), 'wrong'), '403 M_FORBIDDEN')
  assert.equal(await by(email('bob@mail.example')), '403 M_FORBIDDEN')
  assert.equal(await by(email('nobody')), '400 M_INVALID_PARAM')
  assert.equal(await by({ type: 'm.id.thirdparty', medium: 'msisdn', address: '123' }), '400 M_UNKNOWN')
  const old = await world.client().req<{ user_id: string }>('POST', '/login', {
    type: 'm.login.password',
    medium: 'email',
    address: 'alice@mail.example',
    password,
  })
  assert.equal(old.user_id, client.userId)
  assert.equal(
    (
      await confirmed(
        client,
        '/account/password',
        { new_password: 'another fine horse' },
        { type: 'm.login.password', identifier: email('alice@mail.example'), password },
      )
    ).status,
    200,
  )
  assert.equal(await by(email('alice@mail.example'), 'another fine horse'), client.userId)
})
