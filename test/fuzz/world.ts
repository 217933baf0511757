// A server with everything on, in a process of its own, and the people who ask it things.
import { spawn, type ChildProcess } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Route } from '../../src/http/index.ts'
import { createHomeserver } from '../../src/server/index.ts'
import { openBrowser } from '../harness/identity-provider.ts'
import { jwtConfig, signJwt } from '../harness/jwt.ts'
import { freePort } from '../harness/process.ts'
import { makeKey } from '../harness/saml-idp.ts'
import type { Pools } from './pools.ts'
import type { Asker } from './requests.ts'

const bridgeToken = 'the-token-of-the-bridge'
const scimToken = 'the-token-of-the-provider,-which-is-long-enough'
const password = 'correct horse battery staple'

const registration = `id: bridge
url: http://127.0.0.1:1
as_token: ${bridgeToken}
hs_token: the-other-token
sender_localpart: _bridge
namespaces: {users: [{exclusive: true, regex: "@_bridge_.*"}], aliases: [{exclusive: true, regex: "#_bridge_.*"}], rooms: []}
`

/** Settings with everything on that can be without reaching anybody. */
const settings = (home: string, folder: string): Record<string, unknown> => {
  const provider = {
    issuer: 'https://login.invalid',
    audiences: ['matrix'],
    secret: ['a secret of a provider, long enough'],
  }
  return {
    server_name: 'test',
    public_base_url: home,
    rate_limits: 'off',
    jwt_config: jwtConfig,
    registration: 'open',
    registration_shared_secret: 'a secret for making accounts',
    allow_guests: true,
    query_access_token: true,
    federation: {
      enabled: true,
      allow_domains: ['elsewhere.test'],
      hosts: { 'elsewhere.test': '127.0.0.1:1' },
      allow_addresses: ['127.0.0.1'],
    },
    identity_providers: [
      { id: 'idp', type: 'jwt', ...provider, bearer: true, scim: { token: [scimToken] } },
      { id: 'cas', type: 'cas', url: 'https://cas.invalid/cas' },
      {
        id: 'saml',
        type: 'saml',
        entity_id: 'https://saml.invalid',
        sign_on_url: 'https://saml.invalid/sso',
        certificate: makeKey().certificate,
      },
    ],
    app_service_config_files: [join(folder, 'bridge.yaml')],
    embed: { origins: ['https://app.invalid'] },
    // Small, so that what grows beside the caches is seen.
    memory: '48M',
    log: { level: 'warn', format: 'json' },
  }
}

/** What the server said on its standard error: lines of its log, and stalls. */
export interface Said {
  readonly level?: number
  readonly msg?: string
  readonly stall?: number
  readonly time?: number
  readonly [key: string]: unknown
}

export interface World extends AsyncDisposable {
  readonly port: number
  readonly routes: readonly Route[]
  readonly child: ChildProcess
  /** What whoever asks shows. */
  readonly headersOf: (asker: Asker) => readonly string[]
  readonly formToken: () => string | undefined
  /** Gives those a session who have none any more, and makes rooms for them: what a run destroys grows again. */
  readonly tend: () => Promise<void>
  /** Memory of the server's process in bytes. */
  readonly memory: () => number
}

type Reply = Record<string, unknown>

/** The routes, as the same settings make them. */
async function routesOf(config: Record<string, unknown>): Promise<readonly Route[]> {
  await using server = await createHomeserver({
    ...config,
    database: 'sqlite::memory:',
    listen: '127.0.0.1:0',
    log: { level: 'silent', format: 'json' },
  })
  return server.routes
}

/** A server that is told to stop has half a minute. */
const longestStopMs = 30_000

/** Starts it. @param database a URL of an empty database, or undefined for a file of its own */
export async function openWorld(
  { database, pools }: { database: string | undefined; pools: Pools },
  onSaid: (said: Said) => void,
): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-fuzz-'))
  writeFileSync(join(folder, 'bridge.yaml'), registration)
  const port = await freePort()
  const home = `http://127.0.0.1:${port}`
  const config = settings(home, folder)
  const file = join(folder, 'config.json')
  writeFileSync(
    file,
    JSON.stringify({ ...config, listen: `127.0.0.1:${port}`, data_dir: folder, ...(database && { database }) }),
  )
  const routes = await routesOf(config)
  const root = join(import.meta.dirname, '..', '..')
  const child = spawn(
    process.execPath,
    ['--import', join(import.meta.dirname, 'watch.ts'), join(root, 'src', 'cli', 'main.ts'), 'start', '--config', file],
    { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const gone = once(child, 'exit')
  const unread: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => {
    try {
      onSaid(JSON.parse(line) as Said)
    } catch {
      unread.push(line)
      onSaid({ level: 60, msg: line })
    }
  })
  await untilUp(home, child, unread)

  const tokens = new Map<Asker, string>([
    ['bridge', bridgeToken],
    ['scim', scimToken],
    ['garbage', 'garbage'],
  ])
  let cookie = ''
  let formToken: string | undefined
  const ask = async (
    method: string,
    path: string,
    token?: string,
    body?: object,
  ): Promise<{ ok: boolean; reply: Reply }> => {
    const answer = await fetch(`${home}${path.startsWith('/_') ? path : `/_matrix/client/v3${path}`}`, {
      method,
      headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    })
    const reply = (await answer.json()) as Reply
    if (answer.ok) pools.learn(reply)
    return { ok: answer.ok, reply }
  }
  let generation = 0
  const signIn = async (who: Asker): Promise<void> => {
    const held = tokens.get(who)
    if (held !== undefined && (await ask('GET', '/account/whoami', held)).ok) return
    // Whoever was deactivated or locked comes under another name.
    for (const name of [who, `${who}${++generation}`]) {
      const { ok, reply } =
        who === 'guest'
          ? await ask('POST', '/register?kind=guest', undefined, {})
          : await ask('POST', '/login', undefined, { type: 'org.matrix.login.jwt', token: signJwt({ sub: name }) })
      if (!ok) continue
      tokens.set(who, String(reply['access_token']))
      return
    }
    throw new Error(`${who} can no longer sign in`)
  }
  const makeAdmin = async (): Promise<void> => {
    const held = tokens.get('admin')
    if (held !== undefined && (await ask('GET', '/_synapse/admin/v2/users?limit=1', held)).ok) return
    const username = `admin${generation === 0 ? '' : generation}x${++generation}`
    const { reply } = await ask('GET', '/_synapse/admin/v1/register')
    const nonce = String(reply['nonce'])
    const mac = createHmac('sha1', 'a secret for making accounts')
      .update([nonce, username, password, 'admin'].join('\0'))
      .digest('hex')
    const made = await ask('POST', '/_synapse/admin/v1/register', undefined, {
      nonce,
      username,
      password,
      admin: true,
      mac,
    })
    if (!made.ok) throw new Error(`no administrator can be made: ${JSON.stringify(made.reply)}`)
    tokens.set('admin', String(made.reply['access_token']))
    const browser = openBrowser()
    const landing = await browser.submit(await browser.go(`${home}/account`), '/sign-in', { user: username, password })
    cookie = [...(browser.cookies.get(home) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ')
    formToken = /name="?token"? value="([^"]*)"/.exec(landing.text)?.[1]
  }
  const makeRooms = async (): Promise<void> => {
    const [alice, bob] = [tokens.get('alice'), tokens.get('bob')]
    const made = await ask('POST', '/createRoom', alice, {
      preset: 'public_chat',
      room_version: String(1 + (generation % 12)),
      initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } }],
    })
    const room = encodeURIComponent(String(made.reply['room_id']))
    await ask('POST', `/join/${room}`, bob, {})
    await ask('POST', `/join/${room}`, tokens.get('guest'), {})
    for (const text of ['hello', 'swordfish'])
      await ask('PUT', `/rooms/${room}/send/m.room.message/w${++generation}`, alice, { msgtype: 'm.text', body: text })
    await ask('POST', `/user/${encodeURIComponent('@alice:test')}/filter`, alice, { room: { timeline: { limit: 5 } } })
    await ask('POST', '/room_keys/version', alice, { algorithm: 'm.megolm_backup.v1', auth_data: {} })
    await ask('GET', '/sync?timeout=0', bob)
    await ask('GET', '/devices', alice)
  }
  const tend = async (): Promise<void> => {
    await makeAdmin()
    for (const who of ['alice', 'bob', 'guest'] as const) await signIn(who)
    await makeRooms()
  }
  await tend()
  return {
    port,
    routes,
    child,
    headersOf: (asker) => {
      const token = tokens.get(asker)
      return [
        ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
        ...(asker === 'admin' ? [`Cookie: ${cookie}`] : []),
      ]
    },
    formToken: () => formToken,
    tend,
    memory: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) * 1024,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM')
      const late = setTimeout(() => {
        onSaid({ level: 60, msg: 'the server did not stop' })
        child.kill('SIGKILL')
      }, longestStopMs)
      await gone
      clearTimeout(late)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function untilUp(home: string, child: ChildProcess, said: readonly string[]): Promise<void> {
  for (let left = 600; left > 0 && child.exitCode === null; left--) {
    const answer = await fetch(`${home}/_matrix/client/versions`).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`the server does not answer: ${said.join('\n')}`)
}
