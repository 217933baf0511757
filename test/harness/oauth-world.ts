// What the tests of OAuth 2.0 share: a homeserver that is its own issuer, and what a client does, step by step.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { type Browser, type Landing, openBrowser } from './identity-provider.ts'
import { type Answer, type SsoOptions, type SsoWorld, withSso } from './sso-world.ts'

export const api = 'urn:matrix:client:api:*'
export const redirectUri = 'https://app.example.test/callback'
/** What the app of the tests says of itself. */
export const metadata = {
  client_name: 'Example App',
  client_uri: 'https://example.test/',
  redirect_uris: [redirectUri],
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
  token_endpoint_auth_method: 'none',
}
export const password = 'correct horse battery'

export interface Asked {
  readonly status: number
  readonly body: Answer
  readonly headers: Headers
}

/** A request of a client, with its secrets. */
export interface Flow {
  readonly url: string
  readonly verifier: string
  readonly state: string
  readonly deviceId: string
}

export interface OAuthWorld extends SsoWorld {
  /** A form, to an endpoint below /oauth2. */
  readonly post: (path: string, form: Record<string, string>, headers?: Record<string, string>) => Promise<Asked>
  /** Registers an app. Resolves to its id. */
  readonly register: (more?: object) => Promise<string>
  /** Makes an account with a password. */
  readonly account: (name: string) => Promise<void>
  readonly begin: (clientId: string, more?: Record<string, string>) => Flow
  /** Signs in on the page that a browser is sent to. */
  readonly signInOn: (browser: Browser, url: string, name?: string) => Promise<Landing>
  /** Agrees, and returns where the browser was sent. */
  readonly allow: (browser: Browser, landing: Landing) => Promise<URL>
  /** The whole way, by password. */
  readonly code: (clientId: string, name?: string, more?: Record<string, string>) => Promise<Flow & { code: string }>
  readonly exchange: (clientId: string, flow: Flow & { code: string }, more?: Record<string, string>) => Promise<Asked>
  /** The whole way: tokens of a new session. */
  readonly tokens: (clientId: string, name?: string, more?: Record<string, string>) => Promise<Answer>
  readonly whoami: (token: unknown) => Promise<{ status: number; body: Answer }>
}

export const newDevice = (): string => randomBytes(6).toString('hex').toUpperCase()
export const scopeFor = (deviceId: string): string => `${api} urn:matrix:client:device:${deviceId}`
export const s256 = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url')

/** Opens a world whose database is `database`, and hands it to `body`. */
export const withOAuth = (options: SsoOptions, body: (world: OAuthWorld) => Promise<void>): Promise<void> =>
  withSso(options, async (sso) => {
    const { home, ask } = sso
    const post: OAuthWorld['post'] = async (path, form, headers = {}) => {
      const reply = await fetch(`${home}/oauth2/${path}`, { method: 'POST', body: new URLSearchParams(form), headers })
      return { status: reply.status, body: (await reply.json()) as Answer, headers: reply.headers }
    }
    const world: OAuthWorld = {
      ...sso,
      post,
      register: async (more = {}) => {
        const reply = await fetch(`${home}/oauth2/register`, {
          method: 'POST',
          body: JSON.stringify({ ...metadata, ...more }),
          headers: { 'content-type': 'application/json' },
        })
        const answer = (await reply.json()) as { client_id: string }
        assert.equal(reply.status, 201, JSON.stringify(answer))
        return answer.client_id
      },
      account: async (name) => {
        const { status, body } = await ask('POST', '/register', {
          username: name,
          password,
          inhibit_login: true,
          auth: { type: 'm.login.dummy' },
        })
        assert.equal(status, 200, JSON.stringify(body))
      },
      begin: (clientId, more = {}) => {
        const [verifier, state, deviceId] = [
          randomBytes(32).toString('base64url'),
          randomBytes(8).toString('hex'),
          newDevice(),
        ]
        const query = new URLSearchParams({
          response_type: 'code',
          response_mode: 'fragment',
          client_id: clientId,
          redirect_uri: redirectUri,
          scope: scopeFor(deviceId),
          state,
          code_challenge: s256(verifier),
          code_challenge_method: 'S256',
          ...more,
        })
        return { url: `${home}/oauth2/authorize?${query.toString()}`, verifier, state, deviceId }
      },
      signInOn: async (browser, url, name = 'alice') => {
        const landing = await browser.go(url)
        assert.equal(landing.status, 200, landing.text)
        return browser.submit(landing, '/account/sign-in', { user: name, password })
      },
      allow: async (browser, landing) => {
        assert.match(landing.text, /action="[^"]*\/oauth2\/consent"/, landing.text)
        const { url } = await browser.submit(landing, '/oauth2/consent', { answer: 'allow' })
        return new URL(url)
      },
      code: async (clientId, name, more) => {
        const [browser, flow] = [openBrowser(), world.begin(clientId, more)]
        const url = await world.allow(browser, await world.signInOn(browser, flow.url, name))
        const answer = new URLSearchParams(url.hash === '' ? url.search : url.hash.slice(1))
        assert.equal(answer.get('state'), flow.state)
        return { ...flow, code: answer.get('code') ?? assert.fail(`no code in ${url.href}`) }
      },
      exchange: (clientId, { code, verifier }, more = {}) =>
        post('token', {
          grant_type: 'authorization_code',
          client_id: clientId,
          code,
          redirect_uri: redirectUri,
          code_verifier: verifier,
          ...more,
        }),
      tokens: async (clientId, name, more) => {
        const answer = await world.exchange(clientId, await world.code(clientId, name, more))
        assert.equal(answer.status, 200, JSON.stringify(answer.body))
        return answer.body
      },
      whoami: (token) => ask('GET', '/account/whoami', undefined, String(token)),
    }
    await body(world)
  })
