// Guests: put out where they are not wanted any more, and made users of. Names are small, whoever writes them large.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createHomeserver } from '../src/server/index.ts'
import { type Body, Client } from './harness/client.ts'
import { jwtConfig, signJwt } from './harness/jwt.ts'
import { databases } from './harness/postgres.ts'

interface World {
  readonly server: Awaited<ReturnType<typeof createHomeserver>>
  readonly register: (body: Body, query?: string) => Promise<Client>
}
const password = 'correct horse battery'

const over = (name: string, body: (world: World) => Promise<void>): void => {
  for (const kind of databases)
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      try {
        await using server = await createHomeserver({
          server_name: 'test',
          database: url,
          listen: '127.0.0.1:0',
          rate_limits: 'off',
          log: { level: 'silent' },
          registration: 'open',
          registration_shared_secret: 'a shared secret for tools',
          allow_guests: true,
          jwt_config: jwtConfig,
        })
        const register: World['register'] = async (fields, query = '') => {
          const client = new Client(server.url)
          const auth = query === '' ? { auth: { type: 'm.login.dummy' } } : {}
          const made = await client.req<{ access_token: string; user_id: string }>('POST', `/register${query}`, {
            ...fields,
            ...auth,
          })
          return Object.assign(client, { token: made.access_token, userId: made.user_id })
        }
        await body({ server, register })
      } finally {
        await dispose()
      }
    })
}

over('guests leave a room that takes none any more, and others stay', async ({ register }) => {
  const [alice, bob] = [await register({ username: 'alice', password }), await register({ username: 'bob', password })]
  const guests = [await register({}, '?kind=guest'), await register({}, '?kind=guest')]
  const { room_id: room } = await alice.req<{ room_id: string }>('POST', '/createRoom', {
    preset: 'public_chat',
    initial_state: [{ type: 'm.room.guest_access', content: { guest_access: 'can_join' } }],
  })
  for (const one of [bob, ...guests]) await one.req('POST', `/rooms/${encodeURIComponent(room)}/join`, {})
  const joined = async (): Promise<string[]> => {
    const { joined: all } = await alice.req<{ joined: Body }>(
      'GET',
      `/rooms/${encodeURIComponent(room)}/joined_members`,
    )
    return Object.keys(all).sort()
  }
  assert.equal((await joined()).length, 4)
  const access = `/rooms/${encodeURIComponent(room)}/state/m.room.guest_access`
  await alice.req('PUT', access, { guest_access: 'forbidden' })
  while ((await joined()).length > 2) await delay(10)
  assert.deepEqual(await joined(), [alice.userId, bob.userId])
  const member = `/rooms/${encodeURIComponent(room)}/state/m.room.member/${encodeURIComponent(guests[0]!.userId)}`
  assert.equal((await alice.req('GET', member))['membership'], 'leave', 'by themselves, not kicked')
  assert.equal(
    await guests[0]!.refusal('POST', `/rooms/${encodeURIComponent(room)}/join`, {}),
    '403 M_GUEST_ACCESS_FORBIDDEN',
  )
})

over('a guest becomes a user, and keeps name and rooms', async ({ server, register }) => {
  const guest = await register({}, '?kind=guest')
  const name = guest.userId.slice(1).split(':')[0]
  assert.equal(await guest.refusal('POST', '/createRoom', {}), '403 M_GUEST_ACCESS_FORBIDDEN')
  const client = new Client(server.url)
  const auth = { type: 'm.login.dummy' }
  const ask = (more: Body): Promise<string> => client.refusal('POST', '/register', { password, auth, ...more })
  assert.equal(await ask({ guest_access_token: 'x' }), '401 M_UNKNOWN_TOKEN')
  const other = await register({ username: 'other', password })
  assert.equal(await ask({ guest_access_token: other.token }), '403 M_FORBIDDEN')
  assert.equal(await ask({ guest_access_token: guest.token, username: 'somebody' }), '403 M_FORBIDDEN')
  assert.equal(await ask({ username: name }), '400 M_USER_IN_USE', 'nobody else becomes them')
  const made = await register({ guest_access_token: guest.token, username: name, password })
  assert.equal(made.userId, guest.userId)
  for (const one of [made, guest]) await one.req('POST', '/createRoom', {})
  assert.equal(await ask({ guest_access_token: guest.token }), '403 M_FORBIDDEN', 'once')
  const again = await client.req('POST', '/login', {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: name },
    password,
  })
  assert.equal(again['user_id'], guest.userId)
})

over('names that are written large are small, and the names of the server are nobody else’s', async (world) => {
  const { server, register } = world
  const client = new Client(server.url)
  assert.equal((await register({ username: 'Alice', password })).userId, '@alice:test')
  assert.equal(await client.refusal('GET', '/register/available?username=ALICE'), '400 M_USER_IN_USE')
  assert.deepEqual(await client.req('GET', '/register/available?username=Bob'), { available: true })
  assert.equal(
    await server.login.createAccount({
      localpart: 'Carol',
      password: null,
      admin: false,
      displayName: null,
      createdBy: 'cli',
    }),
    '@carol:test',
  )
  const taken = async (): Promise<unknown[]> => [
    await client.refusal('POST', '/register', {
      username: 'Server-Notices',
      password,
      auth: { type: 'm.login.dummy' },
    }),
    await client.refusal('GET', '/register/available?username=server-notices'),
    await client.refusal('POST', '/login', {
      type: 'org.matrix.login.jwt',
      token: signJwt({ sub: 'server-notices' }),
    }),
    await client.refusal('POST', '/login', {
      type: 'org.matrix.login.jwt',
      token: signJwt({ sub: 'SERVER-notices' }),
    }),
    await server.login
      .createAccount({
        localpart: 'server-notices',
        password: null,
        admin: false,
        displayName: null,
        createdBy: 'cli',
      })
      .catch((error: { errcode: string }) => error.errcode),
  ]
  const refusals = [...Array.from({ length: 4 }, () => '400 M_EXCLUSIVE'), 'M_EXCLUSIVE']
  assert.deepEqual(await taken(), refusals)
  const alice = (await server.users.findByLocalpart('alice'))!
  await server.notices.send({ nid: alice.nid, userId: alice.userId }, 'hello')
  assert.deepEqual(await taken(), refusals, 'nor when the account is there')
})

over('a guest comes into a room that takes none by no way', async ({ register }) => {
  const alice = await register({ username: 'alice', password })
  const guest = await register({}, '?kind=guest')
  const room = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'closed' })
  const at = `/rooms/${encodeURIComponent(room)}`
  const member = `${at}/state/m.room.member/${encodeURIComponent(guest.userId)}`
  const refused = '403 M_GUEST_ACCESS_FORBIDDEN'
  assert.equal(await guest.refusal('POST', `${at}/join`, {}), refused)
  assert.equal(await guest.refusal('POST', `/join/${encodeURIComponent('#closed:test')}`, {}), refused)
  assert.equal(await guest.refusal('POST', `/knock/${encodeURIComponent(room)}`, {}), refused)
  assert.equal(await guest.refusal('PUT', member, { membership: 'join' }), refused)
  // Nor after an invitation, nor later.
  await alice.invite(room, guest.userId)
  assert.equal(await guest.refusal('PUT', member, { membership: 'join' }), refused)
  const later = await guest.ask<{ delay_id?: string }>('PUT', `${member}?org.matrix.msc4140.delay=1`, {
    membership: 'join',
  })
  if (later.status === 200) {
    const ended = '/_matrix/client/unstable/org.matrix.msc4140/delayed_events?status=finalised'
    for (let turn = 0; turn < 2000; turn++) {
      const { finalised = [] } = await guest.req<{ finalised?: unknown[] }>('GET', ended)
      if (finalised.length > 0) break
      await delay(5)
    }
  }
  const { joined } = await alice.req<{ joined: object }>('GET', `${at}/joined_members`)
  assert.deepEqual(Object.keys(joined), [alice.userId])
})
