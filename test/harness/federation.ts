// Several homeservers in this process, which find each other by name over TLS; and servers of the tests' own, which may lie.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { createServer, request as httpsRequest, type Server } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { signRequest } from '../../src/federation/auth/sign.ts'
import { publishedKeys } from '../../src/federation/keys/index.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { signingKey, type SigningKey } from '../../src/matrix/signing.ts'
import { createHomeserver, type Homeserver } from '../../src/server/index.ts'
import { createAuthority } from './certificates.ts'
import { Client } from './client.ts'
import { jwtConfig } from './jwt.ts'
import type { TestDatabase } from './postgres.ts'
import { freePort } from './process.ts'
import type { ServerConfig } from './server.ts'

/** One homeserver of a network. */
export interface NetworkServer {
  /** `hs1.test` */
  readonly name: string
  /** Where clients reach it. */
  readonly url: string
  /** As it runs now. */
  readonly homeserver: Homeserver
  /** A client signed in by JWT as this user, who is made when not there. */
  login(name: string): Promise<Client>
  /** Stops it; others find nobody there. */
  stop(): Promise<void>
  /** Starts it again where it was, with the data that it had. Needs a database that is not in memory. */
  start(): Promise<void>
}

/** What came back from a homeserver. */
export interface Answer {
  readonly status: number
  readonly body: JsonObject
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly raw: Buffer
}

/** What a stranger answers: the JSON of a 200, or with another status. */
export type StrangerHandler = (request: {
  method: string
  /** With the query. */
  path: string
  content: unknown
}) => { status?: number; body?: unknown; headers?: Record<string, string>; raw?: Uint8Array } | undefined

/** A server of the test's own: it has a name, a key and a certificate, and says what the test has it say. */
export interface Stranger {
  readonly name: string
  readonly key: SigningKey
  /** What it was asked, keys left out. */
  readonly asked: { method: string; path: string; content: unknown; authorization: string | undefined }[]
  /** Answers what it is asked; undefined is 404 M_UNRECOGNIZED. Replaces the one before. */
  answer(handler: StrangerHandler): void
  /** What it is asked and never answers. */
  hang(isOne: (request: { method: string; path: string }) => boolean): void
  /** Asks a homeserver, signed. `as` overrides parts of what is signed, for lies. */
  ask(
    server: NetworkServer,
    method: 'GET' | 'PUT' | 'POST',
    path: string,
    content?: JsonObject,
    as?: { origin?: string; destination?: string; key?: SigningKey; authorization?: string | undefined },
  ): Promise<Answer>
  /** The same in short: `200`, or `404 M_NOT_FOUND`. */
  outcome(...request: Parameters<Stranger['ask']>): Promise<string>
  /** A transaction. */
  send(server: NetworkServer, transaction: { pdus?: unknown[]; edus?: unknown[] }, txnId?: string): Promise<Answer>
}

export interface Network extends AsyncDisposable {
  readonly servers: readonly NetworkServer[]
  /** The server of that name. */
  at(name: string): NetworkServer
  /** A server of the test's own. */
  stranger(name: string): Promise<Stranger>
}

export interface NetworkOptions {
  /** Opens a database for each; default: in memory. `databases` of `postgres.ts` has what fits. */
  readonly database?: () => Promise<TestDatabase>
  /** Settings of all. */
  readonly config?: Partial<ServerConfig>
  /** Settings of some, by name. */
  readonly configs?: Readonly<Record<string, Partial<ServerConfig>>>
  /** Names that strangers will have. */
  readonly strangers?: readonly string[]
}

let transactions = 0

/**
 * Starts homeservers of these names, which can reach each other and any stranger. To be had with `await using`:
 *
 *     await using net = await startNetwork(['hs1.test', 'hs2.test'])
 *     const alice = await net.at('hs1.test').login('alice')
 */
export async function startNetwork(names: readonly string[], options: NetworkOptions = {}): Promise<Network> {
  await using stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-federation-'))
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const authority = createAuthority()
  const caFile = join(folder, 'ca.pem')
  writeFileSync(caFile, authority.cert)
  const everybody = [...names, ...(options.strangers ?? [])]
  const ports = new Map<string, number>()
  for (const name of everybody) ports.set(name, await freePort())
  const hosts = Object.fromEntries([...ports].map(([name, port]) => [name, `127.0.0.1:${port}`]))

  const start = async (name: string): Promise<NetworkServer> => {
    const files = join(folder, name)
    const { cert, key } = authority.issue([name])
    writeFileSync(`${files}.cert.pem`, cert)
    writeFileSync(`${files}.key.pem`, key)
    const database = await options.database?.()
    if (database) stack.defer(() => database.dispose())
    const begin = (): Promise<Homeserver> =>
      createHomeserver({
        server_name: name,
        database: database?.url ?? 'sqlite::memory:',
        data_dir: files,
        listen: ['127.0.0.1:0', `${hosts[name]} tls`],
        tls: { certificate_file: `${files}.cert.pem`, key_file: `${files}.key.pem` },
        rate_limits: 'off',
        jwt_config: jwtConfig,
        log: { level: process.env['LATCHKEY_TEST_LOG'] === undefined ? 'silent' : 'info' },
        ...options.config,
        ...options.configs?.[name],
        federation: {
          enabled: true,
          ca_file: caFile,
          hosts,
          allow_addresses: ['127.0.0.0/8'],
          notaries: [],
          ...options.config?.federation,
          ...options.configs?.[name]?.federation,
        },
      })
    let homeserver = await begin()
    let isRunning = true
    const stop = async (): Promise<void> => {
      if (isRunning) await homeserver.close()
      isRunning = false
    }
    stack.defer(stop)
    return {
      name,
      get url() {
        return homeserver.url
      },
      get homeserver() {
        return homeserver
      },
      login: (user) => new Client(homeserver.url).login(user),
      stop,
      start: async () => {
        homeserver = await begin()
        isRunning = true
      },
    }
  }
  const servers: NetworkServer[] = []
  for (const name of names) servers.push(await start(name))

  const at = (name: string): NetworkServer => {
    const server = servers.find((one) => one.name === name)
    if (!server) throw new Error(`${name} is none of ${names.join(', ')}`)
    return server
  }
  const portOf = (name: string): number => {
    const port = ports.get(name)
    if (port === undefined) throw new Error(`name ${name} under "strangers", so that it can be found`)
    return port
  }
  const openStranger = async (name: string): Promise<Stranger> => {
    const key = signingKey('test', randomBytes(32))
    const { server, stranger } = await makeStranger(name, key, authority.issue([name]), authority.cert, portOf)
    server.listen(portOf(name), '127.0.0.1')
    await once(server, 'listening')
    closers.push(() => {
      server.closeAllConnections()
      server.close()
    })
    return stranger
  }
  const closers: Array<() => void> = []
  stack.defer(() => {
    for (const close of closers) close()
  })
  const owned = stack.move()
  return { servers, at, stranger: openStranger, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function makeStranger(
  name: string,
  key: SigningKey,
  certificate: { cert: string; key: string },
  ca: string,
  portOf: (name: string) => number,
): Promise<{ server: Server; stranger: Stranger }> {
  const asked: Stranger['asked'] = []
  let handler: StrangerHandler = () => undefined
  let hangs: (request: { method: string; path: string }) => boolean = () => false
  const server = createServer(certificate, (request, response) => {
    void buffer(request).then((bytes) => {
      const path = request.url ?? ''
      const method = request.method ?? 'GET'
      const content: unknown = bytes.length > 0 ? JSON.parse(bytes.toString()) : undefined
      if (hangs({ method, path })) return
      const isKeys = path.startsWith('/_matrix/key/v2/server')
      if (!isKeys) asked.push({ method, path, content, authorization: request.headers.authorization })
      const usual: ReturnType<StrangerHandler> = isKeys
        ? { body: publishedKeys({ signingKey: key, old: [] }, name, Date.now()) }
        : undefined
      const answer = handler({ method, path, content }) ??
        usual ?? { status: 404, body: { errcode: 'M_UNRECOGNIZED', error: 'Not known here' } }
      response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers })
      response.end(answer.raw ?? JSON.stringify(answer.body ?? {}))
    })
  })
  const ask: Stranger['ask'] = async (to, method, path, content, as = {}) => {
    const parts = { method, uri: path, origin: as.origin ?? name, destination: as.destination ?? to.name, content }
    const authorization = 'authorization' in as ? as.authorization : signRequest(parts, as.key ?? key)
    const sent = httpsRequest({
      host: '127.0.0.1',
      port: portOf(to.name),
      servername: to.name,
      ca,
      method,
      path,
      headers: {
        host: to.name,
        ...(authorization !== undefined && { authorization }),
        ...(content !== undefined && { 'content-type': 'application/json' }),
      },
    })
    sent.end(content === undefined ? undefined : JSON.stringify(content))
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    const raw = await buffer(response)
    const isJson = (response.headers['content-type'] ?? '').includes('json')
    return {
      status: response.statusCode ?? 0,
      body: isJson ? (JSON.parse(raw.toString()) as JsonObject) : {},
      headers: response.headers,
      raw,
    }
  }
  return {
    server,
    stranger: {
      name,
      key,
      asked,
      answer: (next) => {
        handler = next
      },
      hang: (next) => {
        hangs = next
      },
      ask,
      outcome: async (...request) => {
        const { status, body } = await ask(...request)
        const code = body['errcode']
        return typeof code === 'string' ? `${status} ${code}` : String(status)
      },
      send: (to, { pdus = [], edus = [] }, txnId = `t${++transactions}`) =>
        ask(to, 'PUT', `/_matrix/federation/v1/send/${encodeURIComponent(txnId)}`, {
          origin: name,
          origin_server_ts: Date.now(),
          pdus: pdus as JsonObject[],
          edus: edus as JsonObject[],
        }),
    },
  }
}
