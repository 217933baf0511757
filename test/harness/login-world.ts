// What the tests of this folder share: a server of users/, devices/ and login/ over HTTP, whose clock stands still until it is moved.
import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { databases } from './postgres.ts'
import { assertSpec } from './spec.ts'
import { type ConfigInput, defaultConfig } from '../../src/config/index.ts'
import { openDevices, type Devices } from '../../src/devices/index.ts'
import { createHttp, createOutgoing, type Route } from '../../src/http/index.ts'
import { openDatabase } from '../../src/storage/index.ts'
import { type Log, openLog } from '../../src/streams/index.ts'
import { createUsers, type Users, usersRoutes } from '../../src/users/index.ts'
import type { Identities, PeoplePorts } from '../../src/identity/index.ts'
import type { Login } from '../../src/login/index.ts'
import { openWaysIn } from '../../src/server/sign-in.ts'
import type { Sessions } from '../../src/sessions/index.ts'

export type Body = Record<string, unknown>
export interface Answer {
  status: number
  body: Body
  headers: Body
}

export interface World {
  readonly users: Users
  readonly devices: Devices
  readonly log: Log
  readonly sessions: Sessions
  readonly identities: Identities
  readonly login: Login
  readonly clock: { now: number }
  /** What was said to the operator. */
  readonly said: { level: string; details: Body; message: string }[]
  /** One request of the client API, held against the specification. A path without `/_` in front is one of v3. */
  ask(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: unknown,
    token?: string,
    ip?: string,
  ): Promise<Answer>
  /** A POST that has to succeed: the answer's body. */
  post(path: string, body: unknown, token?: string): Promise<Body>
  /** A POST that has to be refused: `403 M_FORBIDDEN text`. */
  refused(path: string, body: unknown, token?: string): Promise<string>
  /** Signs in with a JWT of that subject. */
  jwt(sub: unknown, more?: Body): Promise<Body>
}

export const secret = 'my-secret-token'
/** Made by PyJWT: --key=my-secret-token --alg=HS256 encode sub=test-user */
export const pyJwt =
  'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0ZXN0LXVzZXIifQ.Ag71GT8v01UO3w80aqRPTeuVPBIBZkYhNTJJ-_-zQIc'
export const block = { enabled: true, secret, algorithm: 'HS256' } as const
const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A rightly signed token. */
export const sign = (claims: unknown, header: unknown = { alg: 'HS256', typ: 'JWT' }, key = secret): string => {
  const input = `${part(header)}.${part(claims)}`
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`
}

/** `403 M_FORBIDDEN text` */
export const refusal = ({ status, body }: Answer): string =>
  `${status} ${String(body['errcode'])} ${String(body['error'])}`

export interface WorldOptions extends ConfigInput {
  isExclusive?: (userId: string) => boolean
  routes?: (login: Login) => Route[]
  people?: PeoplePorts
  /** Addresses that may be asked although they are not public. */
  allow?: readonly string[]
}

export const cheap = { memory: 64, passes: 1 }

/** Opens a world on a database, and hands it to `body`. */
export const withWorld = async (
  url: string,
  options: WorldOptions,
  body: (world: World) => Promise<void>,
): Promise<void> => {
  const { isExclusive = () => false, routes = () => [], people, allow = [], ...input } = options
  const config = defaultConfig({ server_name: 'one.test', jwt_config: block, rate_limits: 'off', ...input })
  await using database = await openDatabase({ url, serverName: 'one.test' })
  const fail = (error: unknown): void => {
    throw error
  }
  const log = await openLog(database, fail)
  const clock = { now: Date.UTC(2030, 0, 1) }
  const now = (): number => clock.now
  const randomId = (): string => randomBytes(32).toString('base64url')
  const users = createUsers({ database, log, serverName: 'one.test', now })
  await using devices = await openDevices({
    database,
    log,
    users,
    serverName: 'one.test',
    now,
    randomId,
    sharers: () => [],
    onError: fail,
  })
  const said: World['said'] = []
  const logger = {
    info: (details: object, message: string) => void said.push({ level: 'info', details: { ...details }, message }),
    warn: (details: object, message: string) => void said.push({ level: 'warn', details: { ...details }, message }),
  }
  await using outgoing = createOutgoing({ allow })
  await using stack = new AsyncDisposableStack()
  const { sessions, identities, login } = await openWaysIn(
    stack,
    {
      outgoing,
      database,
      log,
      users,
      devices,
      config,
      now,
      randomId,
      randomBytes,
      logger,
      isExclusive,
      ...(people && { people }),
    },
    cheap,
  )
  await using http = createHttp({
    routes: [
      ...sessions.routes,
      ...login.routes,
      ...identities.routes,
      ...usersRoutes({ users, roomOf: () => Promise.resolve(undefined), lockedBy: identities.lockedBy }),
      ...routes(login),
    ],
    authenticate: sessions.authenticate,
    now,
    randomId,
    rateLimits: 'off',
    trustedProxies: ['127.0.0.1'],
    log: {
      error: (details, message) => void said.push({ level: 'error', details: { ...details }, message }),
      info: () => {},
      debug: () => {},
      isLevelEnabled: () => false,
    },
  })
  const ask: World['ask'] = async (method, path, payload, token, ip) => {
    const full = path.startsWith('/_') ? path : `/_matrix/client/v3${path}`
    const answer = await http.inject({
      method,
      url: full,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(ip !== undefined && { 'x-forwarded-for': ip }),
      },
      ...(payload !== undefined && { payload: typeof payload === 'string' ? payload : JSON.stringify(payload) }),
    })
    const reply = answer.json<Body>()
    assertSpec({
      method,
      path: full,
      request: payload,
      status: answer.statusCode,
      reply,
      contentType: String(answer.headers['content-type']),
    })
    return { status: answer.statusCode, body: reply, headers: answer.headers }
  }
  const post: World['post'] = async (path, payload, token) => {
    const answer = await ask('POST', path, payload, token)
    assert.equal(answer.status, 200, refusal(answer))
    return answer.body
  }
  const refused: World['refused'] = async (path, payload, token) => refusal(await ask('POST', path, payload, token))
  const jwt: World['jwt'] = (sub, more = {}) =>
    post('/login', { type: 'org.matrix.login.jwt', token: sign({ sub }), ...more })
  await body({ users, devices, log, sessions, identities, login, clock, said, ask, post, refused, jwt })
}

/** A test in a world of its own, on SQLite in memory. */
export const inWorld = (name: string, options: WorldOptions, body: (world: World) => Promise<void>): void => {
  test(name, () => withWorld('sqlite::memory:', options, body))
}

/** A test in a world of its own, on every database. */
export const inEveryWorld = (name: string, options: WorldOptions, body: (world: World) => Promise<void>): void => {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      try {
        await withWorld(url, options, body)
      } finally {
        await dispose()
      }
    })
  }
}
