// What the tests of directories share: a real slapd, and a server that asks it.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { after, before } from 'node:test'
import pino from 'pino'
import { type ConfigInput } from '../../../src/config/index.ts'
import { type Homeserver, createHomeserver } from '../../../src/server/index.ts'
import { type Answer, type Body, Client } from '../../harness/client.ts'
import { noSlapd, service, type Slapd, startSlapd, suffix } from './slapd.ts'

export const skip = noSlapd
/** The directory of this file of tests. */
export let slapd: Slapd
before(async () => {
  if (!skip) slapd = await startSlapd()
})
after(async () => {
  if (!skip) await slapd[Symbol.asyncDispose]()
})

export interface World {
  server: Homeserver
  said: Body[]
  clock: { now: number }
  login(user: string, password: string, more?: Body): Promise<Answer>
  client(user: string, password?: string): Promise<Client>
}

type Entry = Extract<NonNullable<ConfigInput['identity_providers']>, readonly unknown[]>[number] & { type: 'ldap' }
export const search = (more: Partial<Entry> = {}): Entry => ({
  id: 'corp',
  type: 'ldap',
  urls: slapd.url,
  ca: slapd.ca,
  bind_dn: service.dn,
  bind_password: service.password,
  base: `ou=people,${suffix}`,
  ...more,
})
export const byName = (more: Partial<Entry> = {}): Entry => ({
  id: 'corp',
  type: 'ldap',
  urls: slapd.url,
  ca: slapd.ca,
  user_dn: `uid={username},ou=people,${suffix}`,
  ...more,
})

export const withServer = async (
  entry: Entry,
  more: ConfigInput,
  body: (world: World) => Promise<void>,
): Promise<void> => {
  const said: Body[] = []
  const clock = { now: Date.now() }
  const logger = pino(
    { level: 'info' },
    {
      write: (line: string) => {
        said.push(JSON.parse(line) as Body)
      },
    },
  )
  await using server = await createHomeserver(
    {
      server_name: 'one.test',
      listen: '127.0.0.1:0',
      database: 'sqlite::memory:',
      rate_limits: 'off',
      identity_providers: [entry],
      registration: 'open',
      ...more,
    },
    { logger, now: () => clock.now },
  )
  // Not by the harness: it takes no 503.
  const login: World['login'] = async (user, password, rest = {}) => {
    const answer = await fetch(`${server.url}/_matrix/client/v3/login`, {
      method: 'POST',
      body: JSON.stringify({ type: 'm.login.password', identifier: { type: 'm.id.user', user }, password, ...rest }),
    })
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Body }
  }
  const client: World['client'] = async (user, password = `password of ${user}`) => {
    const { status, body } = await login(user, password)
    assert.equal(status, 200, JSON.stringify(body))
    const made = new Client(server.url)
    Object.assign(made, { token: body['access_token'], userId: body['user_id'], deviceId: body['device_id'] })
    return made
  }
  await body({ server, said, clock, login, client })
}

export const outcome = ({ status, body }: Answer): string =>
  status === 200 ? String(body['user_id']) : `${status} ${String(body['errcode'])} ${String(body['error'])}`
export const wrong = '403 M_FORBIDDEN Wrong user name or password'
export const until = async (what: string, is: () => unknown): Promise<void> => {
  for (let i = 0; !(await is()); i++) {
    if (i > 300) assert.fail(what)
    await delay(50)
  }
}
export const accountOf = async ({ server }: World, localpart: string) =>
  (await server.users.findByLocalpart(localpart)) ?? assert.fail(`no ${localpart}`)
