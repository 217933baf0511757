// What an identity provider says of people, at work on a whole server: groups that are rooms, rights, and the end of an account.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createHomeserver, type Homeserver } from '../src/server/index.ts'
import { Client } from './harness/client.ts'
import { signJwt } from './harness/jwt.ts'
import { databases } from './harness/postgres.ts'

const secret = 'k'.repeat(32)
const seconds = (): number => Math.floor(Date.now() / 1000)
const token = (claims: Record<string, unknown>): string =>
  signJwt({ iss: 'https://k.example', aud: 'chat', iat: seconds(), exp: seconds() + 300, ...claims }, secret)

const provider = {
  id: 'k',
  type: 'jwt',
  secret: [secret],
  issuer: 'https://k.example',
  audiences: ['chat'],
  bearer: true,
  admin: 'roles contains boss',
  groups: {
    rooms: [
      { group: 'staff', room: '#staff:test', power_level: 0 },
      { group: 'leads', room: '#staff:test', power_level: 50 },
      { group: 'staff', room: '#space:test' },
      { group: 'guests', room: '#lobby:test', leave: false },
      { group: 'staff', room: '#nowhere:test' },
    ],
  },
} as const

interface Scene {
  server: Homeserver
  boss: Client
  signIn: (sub: string, claims?: Record<string, unknown>) => Promise<Client>
}

const scene = (name: string, body: (scene: Scene) => Promise<void>): void => {
  for (const db of databases) {
    test(`${name} (${db.name})`, async () => {
      const database = await db.open()
      try {
        await using server = await createHomeserver({
          server_name: 'test',
          database: database.url,
          listen: '127.0.0.1:0',
          rate_limits: 'off',
          log: { level: 'error' },
          identity_providers: [provider],
        })
        const signIn: Scene['signIn'] = async (sub, claims = {}) => {
          const client = new Client(server.url)
          const answer = await client.req<{ access_token: string; user_id: string }>('POST', '/login', {
            type: 'org.matrix.login.jwt',
            token: token({ sub, ...claims }),
          })
          client.token = answer.access_token
          client.userId = answer.user_id
          await server.identities.settled()
          return client
        }
        await body({ server, boss: await signIn('boss', { roles: ['boss'] }), signIn })
      } finally {
        await database.dispose()
      }
    })
  }
}

const membersOf = async (boss: Client, room: string): Promise<string[]> =>
  Object.keys(
    (await boss.req<{ joined: object }>('GET', `/rooms/${encodeURIComponent(room)}/joined_members`)).joined,
  ).sort()
const powerOf = async (boss: Client, room: string, user: string): Promise<number | undefined> =>
  (
    await boss.req<{ users: Record<string, number> }>(
      'GET',
      `/rooms/${encodeURIComponent(room)}/state/m.room.power_levels`,
    )
  ).users[user]

scene('groups are rooms: in by the group, out when it goes, and power with it', async ({ boss, signIn }) => {
  const staff = await boss.createRoom({ preset: 'private_chat', room_alias_name: 'staff' })
  const space = await boss.createRoom({
    preset: 'private_chat',
    room_alias_name: 'space',
    creation_content: { type: 'm.space' },
  })
  const lobby = await boss.createRoom({ preset: 'public_chat', room_alias_name: 'lobby' })
  const ann = (await signIn('ann', { groups: ['staff', 'guests', 'unheard of'] })).userId
  for (const room of [staff, space, lobby]) assert.deepEqual(await membersOf(boss, room), [ann, boss.userId])
  assert.equal(await powerOf(boss, staff, ann), 0)
  await signIn('ann', { groups: ['staff', 'leads'] })
  assert.equal(await powerOf(boss, staff, ann), 50)
  assert.deepEqual(await membersOf(boss, lobby), [ann, boss.userId], 'where "leave" is false people stay')
  await signIn('ann', { groups: ['staff'] })
  assert.equal(await powerOf(boss, staff, ann), 0)
  await signIn('ann', { groups: [] })
  assert.equal(await powerOf(boss, staff, ann), undefined)
  for (const room of [staff, space]) assert.deepEqual(await membersOf(boss, room), [boss.userId])
  await signIn('ann', { groups: ['leads'] })
  assert.deepEqual(await membersOf(boss, staff), [ann, boss.userId], 'and back in')
})

scene(
  'what people did by themselves is theirs: other rooms, power given by hand, and a ban',
  async ({ boss, signIn }) => {
    const staff = await boss.createRoom({ preset: 'private_chat', room_alias_name: 'staff' })
    const other = await boss.createRoom({ preset: 'public_chat' })
    const ann = await signIn('ann', { groups: ['leads'] })
    await ann.join(other)
    const path = `/rooms/${encodeURIComponent(staff)}/state/m.room.power_levels`
    const levels = await boss.req<{ users: Record<string, number> }>('GET', path)
    await boss.req('PUT', path, { ...levels, users: { ...levels.users, [ann.userId]: 75 } })
    await signIn('ann', { groups: ['staff'] })
    assert.equal(await powerOf(boss, staff, ann.userId), 75)
    await signIn('ann', {})
    assert.deepEqual(await membersOf(boss, other), [ann.userId, boss.userId])
    assert.deepEqual(await membersOf(boss, staff), [boss.userId])
    const bob = await signIn('bob', { groups: ['staff'] })
    await boss.req('POST', `/rooms/${encodeURIComponent(staff)}/ban`, { user_id: bob.userId })
    await signIn('bob', { groups: ['staff'] })
    assert.deepEqual(await membersOf(boss, staff), [boss.userId], 'nobody is brought back against a ban')
  },
)

scene(
  'deactivation reaches every token path within five seconds, waiting syncs included',
  async ({ server, boss, signIn }) => {
    const room = await boss.createRoom({ preset: 'public_chat' })
    const sub = 'leaver'
    const opaque = await signIn(sub)
    await opaque.join(room)
    const refreshing = await opaque.req<{ refresh_token: string; access_token: string }>('POST', '/login', {
      type: 'org.matrix.login.jwt',
      token: token({ sub }),
      refresh_token: true,
    })
    const loginToken = await opaque.req<{ login_token: string }>('POST', '/_matrix/client/v1/login/get_token', {
      auth: { type: 'org.matrix.login.jwt', token: token({ sub, jti: 'x' }) },
    })
    const bearer = new Client(server.url)
    bearer.token = token({ sub, sid: 's1' })
    await bearer.req('GET', '/account/whoami')
    await opaque.sync()
    await bearer.sync()
    const waiting = [opaque, bearer].map((client) => client.ask('GET', `/sync?timeout=30000&since=${client.since}`))
    const start = performance.now()
    const { nid } = (await server.users.findByLocalpart(sub))!
    await server.identities.deactivate(nid, false)
    const refused = async (client: Client, method: string, path: string, body?: unknown): Promise<void> =>
      assert.match(await client.refusal(method, path, body), /^40[13] M_(UNKNOWN_TOKEN|USER_DEACTIVATED|FORBIDDEN)$/)
    const nobody = new Client(server.url)
    for (const client of [opaque, bearer]) {
      await refused(client, 'GET', '/account/whoami')
      await refused(client, 'GET', '/sync')
      await refused(client, 'POST', '/account/password', {
        new_password: 'battery staple',
        auth: { type: 'org.matrix.login.jwt', token: token({ sub, jti: 'y' }) },
      })
    }
    await refused(nobody, 'POST', '/refresh', { refresh_token: refreshing.refresh_token })
    await refused(nobody, 'POST', '/login', { type: 'm.login.token', token: loginToken.login_token })
    await refused(nobody, 'POST', '/login', { type: 'org.matrix.login.jwt', token: token({ sub }) })
    nobody.token = token({ sub, sid: 's2' })
    await refused(nobody, 'GET', '/account/whoami')
    await Promise.all(waiting)
    const took = performance.now() - start
    assert.ok(took < 5000, `${Math.round(took)} ms`)
  },
)

scene(
  'who is an administrator by a claim can use what is for administrators, until the claim is gone',
  async ({ server, signIn }) => {
    const ann = await signIn('ann', { roles: ['boss'] })
    assert.equal((await server.users.findByLocalpart('ann'))?.admin, true)
    const admin = (client: Client): Promise<number> =>
      client.ask('GET', `/admin/whois/${client.userId}`).then(({ status }) => status)
    const other = (client: Client): Promise<number> =>
      client.ask('GET', '/admin/whois/@boss:test').then(({ status }) => status)
    assert.deepEqual([await admin(ann), await other(ann)], [200, 200])
    await signIn('ann', { roles: [] })
    assert.equal(await other(ann), 403)
  },
)
