import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jwtConfig, jwtSecret, signJwt } from '../../test/harness/jwt.ts'
import { send } from '../../test/harness/identity-provider.ts'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../../test/harness/person.ts'
import { databases } from '../../test/harness/postgres.ts'
import { createHomeserver, type Homeserver } from '../server/index.ts'
import { createRegistry } from './registry.ts'

const open = (metrics?: object): Promise<Homeserver> =>
  createHomeserver({
    server_name: 'one.test',
    database: 'sqlite::memory:',
    listen: '127.0.0.1:0',
    rate_limits: 'off',
    log: { level: 'silent' },
    identity_providers: [
      { id: 'corp', type: 'jwt', secret: jwtSecret, issuer: 'off', audiences: ['chat'], rules: ['ok equals true'] },
    ],
    ...metrics,
  })
const scrape = async (server: Homeserver): Promise<string[]> => {
  const reply = await send(server.metricsUrl ?? '')
  assert.equal(reply.status, 200)
  return (await reply.text()).split('\n')
}
const exp = Math.floor(Date.now() / 1000) + 600

test('they are off unless they are asked for, and never where clients are', async () => {
  await using off = await open()
  assert.equal(off.metricsUrl, undefined)
  await using on = await open({ metrics: { listen: '127.0.0.1:0' } })
  for (const server of [off, on]) assert.equal((await server.inject('/metrics')).statusCode, 404)
  assert.ok((await scrape(on)).some((line) => line.startsWith('nodejs_eventloop_lag_seconds ')))
})

test('sign-ins are counted by provider, key and rule, requests by route and status, and what is written', async () => {
  await using server = await open({ metrics: { listen: '127.0.0.1:0' } })
  const login = (claims: object, secret = jwtSecret) =>
    server.inject({
      method: 'POST',
      url: '/_matrix/client/v3/login',
      payload: {
        type: 'org.matrix.login.jwt',
        token: signJwt({ sub: 'alice', aud: 'chat', exp, ok: true, ...claims }, secret),
      },
    })
  assert.equal((await login({})).statusCode, 200)
  for (const [claims, secret] of [
    [{ exp: 1 }],
    [{ ok: false }],
    [{}, 'another secret of the same length as the other one'],
    [{ sub: '_x' }],
  ] as const)
    assert.notEqual((await login(claims, secret)).statusCode, 200)
  await server.inject({
    method: 'POST',
    url: '/_matrix/client/v3/login',
    payload: { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password: 'x' },
  })
  await server.inject('/nowhere')
  const lines = await scrape(server)
  const has = (line: string): void =>
    assert.ok(
      lines.includes(line),
      `${line} is not in\n${lines.filter((one) => one.startsWith('latchkey_')).join('\n')}`,
    )
  has(
    `latchkey_sign_ins_total{provider="corp",key="HMAC secret of ${jwtSecret.length} bytes",rule="",outcome="accepted"} 1`,
  )
  has(
    `latchkey_sign_ins_total{provider="corp",key="HMAC secret of ${jwtSecret.length} bytes",rule="times",outcome="refused"} 1`,
  )
  has(
    `latchkey_sign_ins_total{provider="corp",key="HMAC secret of ${jwtSecret.length} bytes",rule="ok equals true",outcome="refused"} 1`,
  )
  has(
    `latchkey_sign_ins_total{provider="corp",key="HMAC secret of ${jwtSecret.length} bytes",rule="M_INVALID_USERNAME",outcome="refused"} 1`,
  )
  has('latchkey_sign_ins_total{provider="password",key="",rule="password",outcome="refused"} 1')
  has('latchkey_http_requests_total{route="login",status="200"} 1')
  has('latchkey_http_requests_total{route="unrecognized",status="404"} 1')
  const commits = lines.find((line) => line.startsWith('latchkey_commit_changes_sum '))
  assert.match(commits ?? '', / [1-9]/)
})

test('what comes from outside makes no more than so many labels', async () => {
  const { registry, signIn, tally } = createRegistry()
  for (let key = 0; key < 1000; key++) signIn({ provider: 'corp', key: `key ${key}` })
  tally('sync')(200, 3)
  const text = await registry.metrics()
  assert.equal(text.split('\n').filter((line) => line.startsWith('latchkey_sign_ins_total{')).length, 11)
  assert.match(text, /key="other",rule="",outcome="accepted"} 990/)
  assert.match(text, /duration_seconds_bucket{le="0.005",route="sync"} 1/)
  registry.clear()
})

test('a server with jwt_config counts it by that name', async () => {
  await using server = await open({ identity_providers: [], jwt_config: jwtConfig, metrics: { listen: '127.0.0.1:0' } })
  await server.inject({
    method: 'POST',
    url: '/_matrix/client/v3/login',
    payload: { type: 'org.matrix.login.jwt', token: signJwt({ sub: 'bob' }) },
  })
  assert.ok(
    (await scrape(server)).some(
      (line) =>
        line.startsWith('latchkey_sign_ins_total{provider="jwt_config"') && line.endsWith('outcome="accepted"} 1'),
    ),
  )
})

test('what waits for other servers is told of the longest queues, and of the rest together', async () => {
  const { registry, follow, count } = createRegistry()
  const servers = Array.from({ length: 1000 }, (_, index) => ({
    server: `s${index}.test`,
    waiting: { events: index, edus: 1 },
  }))
  follow({ destinations: () => servers, failing: () => 7 })
  for (const { server } of servers) count(server, 'pdus', 2)
  const lines = (await registry.metrics()).split('\n')
  const queues = lines.filter((line) => line.startsWith('latchkey_federation_waiting{'))
  assert.equal(queues.length, 21)
  assert.equal(queues[0], 'latchkey_federation_waiting{destination="s999.test"} 1000')
  const rest = (979 * 980) / 2 + 980
  assert.ok(queues.includes(`latchkey_federation_waiting{destination="others"} ${rest}`))
  assert.ok(lines.includes('latchkey_federation_sent_total{what="pdus"} 2000'))
  assert.ok(lines.includes('latchkey_federation_failing 7'))
  registry.clear()
})

for (const kind of databases)
  test(`a sync that is woken, commits, caches, connections and a bridge are counted (${kind.name})`, async (t) => {
    const { url, dispose } = await kind.open()
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-metrics-'))
    const registration = join(folder, 'bridge.yaml')
    writeFileSync(
      registration,
      JSON.stringify({
        id: 'bridge',
        url: 'http://127.0.0.1:9',
        as_token: 'as',
        hs_token: 'hs',
        sender_localpart: 'bridge',
        namespaces: { users: [{ exclusive: false, regex: '.*' }] },
      }),
    )
    t.after(() => rmSync(folder, { recursive: true }))
    {
      await using server = await open({
        database: url,
        app_service_config_files: [registration],
        metrics: { listen: '127.0.0.1:0' },
      })
      const client = `${server.url}/_matrix/client/v3`
      let token: string | undefined
      const ask = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
        const reply = await send(`${client}${path}`, {
          method,
          headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
          ...(body && { body: JSON.stringify(body) }),
        })
        assert.equal(reply.status, 200)
        return (await reply.json()) as Record<string, unknown>
      }
      const credential = { type: 'org.matrix.login.jwt', token: signJwt({ sub: 'alice', aud: 'chat', exp, ok: true }) }
      token = String((await ask('POST', '/login', credential))['access_token'])
      const room = String((await ask('POST', '/createRoom', {}))['room_id'])
      let since = String((await ask('GET', '/sync'))['next_batch'])
      const value = async (name: string): Promise<number> =>
        Number(
          (await scrape(server))
            .find((line) => line.startsWith(`${name} `))
            ?.split(' ')
            .at(-1),
        )
      let [sent, seen] = [0, 0]
      await until('a sync was woken', async () => {
        const waiting = ask('GET', `/sync?since=${since}&timeout=30000`)
        seen = Math.max(seen, await value('latchkey_syncs'))
        await ask('PUT', `/rooms/${encodeURIComponent(room)}/send/m.room.message/${(sent += 1)}`, { body: 'x' })
        since = String((await waiting)['next_batch'])
        return seen === 1 && (await value('latchkey_sync_wake_duration_seconds_count')) > 0
      })
      assert.ok((await value('latchkey_commit_duration_seconds_count')) > 2)
      assert.ok((await value('latchkey_commit_changes_sum')) > 2)
      assert.ok((await value('latchkey_http_connections')) >= 1)
      await until(
        'the bridge is behind',
        async () => (await value('latchkey_appservice_waiting{appservice="bridge"}')) > 0,
      )
      await until('it failed', async () => (await value('latchkey_appservice_failures{appservice="bridge"}')) > 0)
      const lines = await scrape(server)
      assert.ok(lines.some((line) => /^latchkey_cache_hits_total\{cache="\w+/.test(line) && !line.endsWith(' 0')))
      assert.ok(lines.some((line) => /^latchkey_cache_misses_total\{cache="\w+/.test(line) && !line.endsWith(' 0')))
      if (kind.name === 'postgres') assert.ok((await value('latchkey_database_connections{state="idle"}')) > 0)
    }
    await dispose()
  })
