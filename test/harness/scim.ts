// A server with one provider that manages accounts by SCIM, and what is asked of it.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import pino from 'pino'
import { type Homeserver, createHomeserver } from '../../src/server/index.ts'
import { type Body, Client } from './client.ts'
import { jwtConfig, signJwt } from './jwt.ts'
import { databases } from './postgres.ts'

export const token = 'the-token-of-the-provider,-which-is-long-enough'
export const secret = 'a secret of the provider that is long enough'
export const issuer = 'https://login.example.org'
export const user = 'urn:ietf:params:scim:schemas:core:2.0:User'
export const group = 'urn:ietf:params:scim:schemas:core:2.0:Group'
export const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
export const patchOp = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'

export interface Scim {
  status: number
  headers: Headers
  body: Body
}
export interface World {
  server: Homeserver
  said: Body[]
  scim(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Scim>
  /** A request that has to succeed. */
  done(method: string, path: string, body?: unknown): Promise<Body>
  patch(path: string, ...operations: Body[]): Promise<Scim>
  signIn(sub: string): Promise<Client>
}

const withServer = async (database: string, more: Body, body: (world: World) => Promise<void>): Promise<void> => {
  const said: Body[] = []
  const entry = {
    id: 'corp',
    type: 'jwt' as const,
    secret: [secret],
    issuer,
    audiences: ['matrix'],
    bearer: true,
    mapping: { localpart: ['{preferred_username|before @}'], email: ['{email}'] },
    scim: { token: [token], ...more },
    groups: { rooms: [{ group: 'staff', room: '#staff:test', power_level: 50 }] },
  }
  await using server = await createHomeserver(
    {
      server_name: 'test',
      database,
      listen: '127.0.0.1:0',
      rate_limits: 'off',
      jwt_config: jwtConfig,
      registration: 'open',
      presence: false,
      identity_providers: [entry],
    },
    {
      logger: pino(
        { level: 'info' },
        {
          write: (line: string) => {
            said.push(JSON.parse(line) as Body)
          },
        },
      ),
    },
  )
  const scim: World['scim'] = async (method, path, payload, headers = {}) => {
    const answer = await fetch(`${server.url}/_latchkey/scim/v2/corp${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json', ...headers },
      ...(payload !== undefined && { body: JSON.stringify(payload) }),
    })
    const text = await answer.text()
    if (text !== '') assert.match(answer.headers.get('content-type') ?? '', /^application\/scim\+json/)
    return { status: answer.status, headers: answer.headers, body: text === '' ? {} : (JSON.parse(text) as Body) }
  }
  const done: World['done'] = async (method, path, payload) => {
    const { status, body } = await scim(method, path, payload)
    assert.ok(status < 300, `${method} ${path} -> ${status} ${JSON.stringify(body)}`)
    return body
  }
  const patch: World['patch'] = (path, ...operations) =>
    scim('PATCH', path, { schemas: [patchOp], Operations: operations })
  const signIn: World['signIn'] = async (sub) => {
    const client = new Client(server.url)
    const body = await client.req<{ access_token: string; user_id: string; device_id: string }>('POST', '/login', {
      type: 'org.matrix.login.jwt',
      token: tokenOf(sub),
    })
    return Object.assign(client, { token: body.access_token, userId: body.user_id, deviceId: body.device_id })
  }
  await body({ server, said, scim, done, patch, signIn })
}

let count = 0
export const tokenOf = (sub: string, more: Body = {}): string => {
  const now = Math.floor(Date.now() / 1000)
  return signJwt({ iss: issuer, aud: 'matrix', sub, iat: now, exp: now + 300, jti: `t${++count}`, ...more }, secret)
}

export const scene = (name: string, more: Body, body: (world: World) => Promise<void>): void => {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      try {
        await withServer(url, more, body)
      } finally {
        await dispose()
      }
    })
  }
}

export const ann = {
  schemas: [user],
  externalId: 'a-1',
  userName: 'ann@example.org',
  displayName: 'Ann',
  active: true,
  name: { givenName: 'Ann', familyName: 'Example' },
  emails: [{ value: 'ann@example.org', type: 'work', primary: true }],
}
export const idOf = (body: Body): string => String(body['id'])
export const until = async (what: string, is: () => Promise<boolean>): Promise<void> => {
  for (let i = 0; !(await is()); i++) {
    if (i > 200) assert.fail(what)
    await delay(25)
  }
}
export const refusalOf = ({ status, body }: Scim): unknown[] => [
  status,
  body['scimType'],
  (body['schemas'] as string[])[0] === 'urn:ietf:params:scim:api:messages:2.0:Error' &&
    body['status'] === String(status),
]
