// What the tests of this folder share: a homeserver and an identity provider, both of which listen.
import assert from 'node:assert/strict'
import { pino } from 'pino'
import { type IdentityProvider, type Landing, openBrowser, openIdentityProvider, send } from './identity-provider.ts'
import { freePort } from './process.ts'
import { createHomeserver, type Homeserver } from '../../src/server/index.ts'

export type Answer = Record<string, unknown>

export interface SsoWorld {
  readonly home: string
  readonly server: Homeserver
  readonly idp: IdentityProvider
  /** What was logged. */
  readonly said: { msg: string; [key: string]: unknown }[]
  readonly ask: (
    method: string,
    path: string,
    body?: object,
    token?: string,
  ) => Promise<{ status: number; body: Answer }>
  /** Signs in through the browser, and takes the login token to where it belongs. */
  readonly signIn: (browser?: ReturnType<typeof openBrowser>, more?: object) => Promise<Answer>
}

export const app = 'https://app.example.test'
export const jwtSecret = 'a secret of thirty-two characters and more'
export const startOf = (home: string, target = `${app}/#/home`): string =>
  `${home}/_matrix/client/v3/login/sso/redirect/idp?redirectUrl=${encodeURIComponent(target)}`
export const tokenOf = ({ url }: Pick<Landing, 'url'>): string =>
  new URL(url).searchParams.get('loginToken') ?? assert.fail(`no token in ${url}`)

/** Settings of the provider, and of the server. */
export interface SsoOptions {
  provider?: object
  config?: object
  second?: object
  port?: number
  /** Milliseconds since 1970; default: the time. */
  now?: () => number
}

export const withSso = async (options: SsoOptions, body: (world: SsoWorld) => Promise<void>): Promise<void> => {
  const port = options.port ?? (await freePort())
  const home = `http://127.0.0.1:${port}`
  await using idp = await openIdentityProvider(home)
  const said: SsoWorld['said'] = []
  const logger = pino(
    { level: 'info' },
    {
      write: (line: string) => {
        said.push(JSON.parse(line) as SsoWorld['said'][number])
      },
    },
  )
  const entry = {
    id: 'idp',
    type: 'oidc',
    name: 'Example Account',
    issuer: idp.issuer,
    client_id: 'matrix',
    client_secret: 'a secret of the client',
    mapping: { localpart: ['{preferred_username}'], display_name: ['{name}'] },
    ...options.provider,
  }
  await using server = await createHomeserver(
    {
      server_name: 'one.test',
      public_base_url: home,
      listen: [`127.0.0.1:${port}`],
      database: 'sqlite::memory:',
      rate_limits: 'off',
      registration: 'open',
      sso: { trusted_clients: [app] },
      identity_providers: [entry, ...(options.second ? [options.second] : [])],
      ...options.config,
    } as Parameters<typeof createHomeserver>[0],
    { logger, ...(options.now && { now: options.now }) },
  )
  const ask: SsoWorld['ask'] = async (method, path, payload, token) => {
    const reply = await send(`${home}${path.startsWith('/_') ? path : `/_matrix/client/v3${path}`}`, {
      method,
      headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      ...(payload && { body: JSON.stringify(payload) }),
    })
    return { status: reply.status, body: (await reply.json()) as Answer }
  }
  const signIn: SsoWorld['signIn'] = async (browser = openBrowser(), more = {}) => {
    const landing = await browser.go(startOf(home))
    const answer = await ask('POST', '/login', { type: 'm.login.token', token: tokenOf(landing), ...more })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    return answer.body
  }
  await body({ home, server, idp, said, ask, signIn })
}
