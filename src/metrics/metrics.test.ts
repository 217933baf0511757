import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jwtConfig, jwtSecret, signJwt } from '../../test/harness/jwt.ts'
import { send } from '../../test/harness/identity-provider.ts'
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
  const commits = lines.find((line) => line.startsWith('latchkey_commits_total '))
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
