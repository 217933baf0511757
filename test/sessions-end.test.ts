// A request that sleeps ends with its session: a client that is signed out hears of it at once, not at its next sync.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import { createHomeserver } from '../src/server/index.ts'
import { Client } from './harness/client.ts'
import { jwtConfig, signJwt } from './harness/jwt.ts'

const start = () =>
  createHomeserver({
    server_name: 'test',
    database: 'sqlite::memory:',
    listen: '127.0.0.1:0',
    rate_limits: 'off',
    jwt_config: jwtConfig,
    log: { level: 'silent' },
    presence: false,
  })

/** A sync and a sliding sync that have nothing to tell for half a minute; what they are answered, and after which time. */
const sleep = async (client: Client) => {
  const { next_batch: since } = await client.sync()
  const path = '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?timeout=30000'
  const { pos } = await client.req<{ pos: string }>('POST', path, {})
  const began = performance.now()
  const timed = async (
    answer: Promise<{ status: number; body: { errcode?: string; soft_logout?: boolean } }>,
  ): Promise<string> => {
    const { status, body } = await answer
    const soft = body.soft_logout ? ' soft' : ''
    return `${status} ${body.errcode ?? ''}${soft}${performance.now() - began > 5000 ? ' late' : ''}`
  }
  const answers = Promise.all([
    timed(client.ask('GET', `/sync?timeout=30000&since=${since}`)),
    timed(client.ask('POST', `${path}&pos=${pos}`, {})),
  ])
  // Both are asleep: neither has been answered after a while.
  assert.equal(await Promise.race([answers, delay(200, 'asleep')]), 'asleep')
  return { answers }
}

// That a device is gone is news, too, and may be told before its session is looked at again.
const gone = /^(401 M_UNKNOWN_TOKEN|200 )$/
const ways: Record<
  string,
  { end: (own: Client, other: Client, server: Awaited<ReturnType<typeof start>>) => Promise<unknown>; answer: RegExp }
> = {
  'signing out': { end: (own) => own.req('POST', '/logout', {}), answer: gone },
  'signing out everywhere': { end: (_, other) => other.req('POST', '/logout/all', {}), answer: gone },
  'a new sign-in on the same device': {
    end: (own) => new Client(own.base).login('ann', { device_id: own.deviceId }),
    answer: /^401 M_UNKNOWN_TOKEN$/,
  },
  locking: {
    end: async (own, _, { users }) => users.setLocked(await users.intern(own.userId), true),
    answer: /^401 M_USER_LOCKED soft$/,
  },
  deactivation: {
    end: async (own, _, { users, identities }) => identities.deactivate(await users.intern(own.userId), false),
    answer: gone,
  },
}

for (const [name, { end, answer }] of Object.entries(ways)) {
  test(`${name} ends a sync and a sliding sync that sleep`, async () => {
    await using server = await start()
    const own = await new Client(server.url).login('ann')
    const other = await new Client(server.url).login('ann')
    const { answers } = await sleep(own)
    await end(own, other, server)
    for (const one of await answers) assert.match(one, answer)
    assert.match(await own.refusal('GET', '/sync'), /^401 /)
  })
}

test('a sync that sleeps goes on while its session does, whatever else changes', async () => {
  await using server = await start()
  const own = await new Client(server.url).login('ann')
  const eve = await new Client(server.url).login('eve')
  const { answers } = await sleep(own)
  await own.req('PUT', `/profile/${own.userId}/displayname`, { displayname: 'Ann' })
  await server.users.setAdmin(await server.users.intern(own.userId), true)
  await eve.req('POST', '/logout', {})
  await new Client(server.url).login('eve', { device_id: eve.deviceId })
  assert.equal(await Promise.race([answers, delay(300, 'asleep')]), 'asleep')
  await server.users.setLocked(await server.users.intern(own.userId), true)
  assert.deepEqual(await answers, ['401 M_USER_LOCKED soft', '401 M_USER_LOCKED soft'])
})

test('a sync that sleeps outlives the exchange of its token', async () => {
  await using server = await start()
  const own = new Client(server.url)
  const opened = await own.req<{ access_token: string; refresh_token: string }>('POST', '/login', {
    type: 'org.matrix.login.jwt',
    token: signJwt({ sub: 'ann' }),
    refresh_token: true,
  })
  own.token = opened.access_token
  const { answers } = await sleep(own)
  const later = new Client(server.url)
  later.token = (
    await later.req<{ access_token: string }>('POST', '/refresh', { refresh_token: opened.refresh_token })
  ).access_token
  await later.req('GET', '/account/whoami')
  assert.equal(
    await own.refusal('GET', '/account/whoami'),
    '401 M_UNKNOWN_TOKEN',
    'its first use has ended the token before',
  )
  assert.equal(await Promise.race([answers, delay(300, 'asleep')]), 'asleep')
  await later.req('POST', '/logout', {})
  for (const one of await answers) assert.match(one, gone)
})
