// Where the driver's users come from: a JWT, the shared registration secret, or a file.
import { createHmac, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { signJwt } from '../test/harness/jwt.ts'
import type { Options } from './options.ts'
import { buildRequest, type Connection, type Origin } from './wire.ts'

/** A user with a session. */
export interface Account {
  userId: string
  token: string
}

/** Asks once and gives the parsed body back; throws on any refusal. */
export async function call<T = Record<string, unknown>>(
  connection: Connection,
  origin: Origin,
  method: string,
  path: string,
  token?: string,
  body?: unknown,
): Promise<T> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const answer = await connection.exchange(buildRequest(origin, method, path, { token, body: text }))
  if (answer.status >= 300)
    throw new Error(`${method} ${path} -> ${answer.status} ${answer.body.toString().slice(0, 300)}`)
  return JSON.parse(answer.body.toString()) as T
}

interface LoginAnswer {
  user_id: string
  access_token: string
}

const asAccount = (answer: LoginAnswer): Account => ({ userId: answer.user_id, token: answer.access_token })

/** The login request that signs `name` in by JWT. */
export const jwtLogin = (name: string, secret: string): Record<string, string> => ({
  type: 'org.matrix.login.jwt',
  token: signJwt({ sub: name, exp: Math.floor(Date.now() / 1000) + 86_400 }, secret),
})

async function register(connection: Connection, origin: Origin, name: string, secret: string): Promise<Account> {
  const path = '/_synapse/admin/v1/register'
  const { nonce } = await call<{ nonce: string }>(connection, origin, 'GET', path)
  const password = randomBytes(16).toString('hex')
  const mac = createHmac('sha1', secret).update([nonce, name, password, 'notadmin'].join('\0')).digest('hex')
  return asAccount(
    await call<LoginAnswer>(connection, origin, 'POST', path, undefined, {
      nonce,
      username: name,
      password,
      admin: false,
      mac,
    }),
  )
}

type FileEntry = { user_id: string; access_token: string } | { user: string; password: string }

/** A function that opens the session of user number `index` of a run; `name` is used where the user is to be created. */
export function accountSource(
  options: Options,
): (connection: Connection, origin: Origin, name: string, index: number) => Promise<Account> {
  const { jwtSecret, registrationSecret, accounts } = options
  if (jwtSecret !== undefined) {
    return async (connection, origin, name) =>
      asAccount(
        await call<LoginAnswer>(
          connection,
          origin,
          'POST',
          '/_matrix/client/v3/login',
          undefined,
          jwtLogin(name, jwtSecret),
        ),
      )
  }
  if (registrationSecret !== undefined)
    return (connection, origin, name) => register(connection, origin, name, registrationSecret)
  const entries = accounts === undefined ? [] : (JSON.parse(readFileSync(accounts, 'utf8')) as FileEntry[])
  return async (connection, origin, _name, index) => {
    const entry = entries[index]
    if (!entry) throw new Error(`${accounts} has ${entries.length} accounts, and more are needed`)
    if ('access_token' in entry) return asAccount(entry)
    return asAccount(
      await call<LoginAnswer>(connection, origin, 'POST', '/_matrix/client/v3/login', undefined, {
        type: 'm.login.password',
        identifier: { type: 'm.id.user', user: entry.user },
        password: entry.password,
      }),
    )
  }
}
