// A small application service, and a homeserver that knows it, for the tests of this folder.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Client, type Answer, type Body, type ClientEvent } from '../../test/harness/client.ts'
import { databases } from '../../test/harness/postgres.ts'
import { startServer, type ServerConfig, type TestServer } from '../../test/harness/server.ts'

/** What an application service was sent. */
export interface Transaction {
  readonly id: string
  readonly text: string
  readonly events: ClientEvent[]
  readonly body: Body
}

export interface Asked {
  readonly method: string
  readonly path: string
  readonly token: string | undefined
  readonly body: string
}

/** An application service that answers as it is told to. */
export class FakeService implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'latchkey-appservice-'))
  readonly #server = createServer((request, response) => {
    void this.#read(request).then(({ status, json }) => {
      response.writeHead(status, { 'content-type': typeof json === 'string' ? 'text/html' : 'application/json' })
      response.end(typeof json === 'string' ? json : JSON.stringify(json))
    })
  })
  readonly id: string
  /** Every request, in the order in which they came. */
  readonly asked: Asked[] = []
  /** Transactions that were taken. */
  readonly taken: Transaction[] = []
  /** What it answers; undefined for the usual. May be changed at any time. */
  answer: (
    asked: Asked,
  ) => { status: number; json: unknown } | undefined | Promise<{ status: number; json: unknown } | undefined> = () =>
    undefined
  port = 0

  constructor(id: string) {
    this.id = id
  }

  get asToken(): string {
    return `as_token_of_${this.id}_which_is_long`
  }

  get events(): ClientEvent[] {
    return this.taken.flatMap((one) => one.events)
  }

  /** Message bodies, in the order in which they came. */
  get texts(): string[] {
    return this.events.flatMap(({ content }) => (typeof content['body'] === 'string' ? [content['body']] : []))
  }

  async listen(): Promise<this> {
    this.#server.listen(this.port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.port = (this.#server.address() as AddressInfo).port
    return this
  }

  async deafen(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  /** Writes its registration, and says where. */
  registration(more: Record<string, unknown> = {}): string {
    const file = join(this.#folder, 'registration.yaml')
    writeFileSync(
      file,
      JSON.stringify({
        id: this.id,
        url: `http://127.0.0.1:${this.port}`,
        as_token: this.asToken,
        hs_token: `hs_token_of_${this.id}_which_is_long`,
        sender_localpart: `_${this.id}_bot`,
        namespaces: {
          users: [{ exclusive: true, regex: `@_${this.id}_.*` }],
          aliases: [{ exclusive: true, regex: `#_${this.id}_.*` }],
          rooms: [],
        },
        ...more,
      }),
    )
    return file
  }

  async #read(request: IncomingMessage): Promise<{ status: number; json: unknown }> {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const asked = { method: request.method ?? '', path: request.url ?? '', token: request.headers.authorization, body }
    this.asked.push(asked)
    const answer = await this.answer(asked)
    const [, id] = /\/transactions\/([^/?]+)$/.exec(asked.path) ?? []
    if (id !== undefined && (answer === undefined || answer.status === 200)) {
      const json = JSON.parse(body) as Body
      this.taken.push({ id, text: body, events: json['events'] as ClientEvent[], body: json })
    }
    return (
      answer ??
      (id !== undefined || asked.path.endsWith('/ping')
        ? { status: 200, json: {} }
        : { status: 404, json: { errcode: 'M_NOT_FOUND' } })
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    if (this.#server.listening) await this.deafen()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Waits until it holds; throws after a while, with what is told then. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  told: () => unknown = () => 'nothing came',
): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    if (await holds()) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`Waited in vain: ${JSON.stringify(told())}`)
}

/** A client that asks as users of the application service. */
export class Bridge {
  readonly client: Client

  constructor(url: string, service: FakeService) {
    this.client = new Client(url)
    this.client.token = service.asToken
  }

  ask<T = Body>(
    method: string,
    path: string,
    body?: unknown,
    as?: string,
    more: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const query = new URLSearchParams({ ...(as !== undefined && { user_id: as }), ...more })
    return this.client.ask<T>(method, query.size > 0 ? `${path}?${query.toString()}` : path, body)
  }

  async req<T = Body>(
    method: string,
    path: string,
    body?: unknown,
    as?: string,
    more?: Record<string, string>,
  ): Promise<T> {
    const answer = await this.ask<T>(method, path, body, as, more)
    if (answer.status !== 200)
      throw new Error(`${method} ${path} as ${as}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }

  async outcome(
    method: string,
    path: string,
    body?: unknown,
    as?: string,
    more?: Record<string, string>,
  ): Promise<string> {
    const { status, body: reply } = await this.ask(method, path, body, as, more)
    return status === 200 ? '200' : `${status} ${String(reply['errcode'])}`
  }

  /** Makes a user of its own; its user id. */
  async ghost(localpart: string): Promise<string> {
    const { user_id: userId } = await this.req<{ user_id: string }>('POST', '/register', {
      type: 'm.login.application_service',
      username: localpart,
      inhibit_login: true,
    })
    return userId
  }
}

export interface World {
  readonly server: TestServer
  readonly irc: FakeService
  readonly bridge: Bridge
}

/** Runs a test on every database, with one application service called `irc`. */
export function withService(
  name: string,
  registration: Record<string, unknown>,
  body: (world: World) => Promise<void>,
  config: Partial<ServerConfig> = {},
): void {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      {
        await using irc = await new FakeService('irc').listen()
        await using server = await startServer({
          database: url,
          app_service_config_files: [irc.registration(registration)],
          log: { level: 'silent' },
          ...config,
        })
        await body({ server, irc, bridge: new Bridge(server.url, irc) })
      }
      await dispose()
    })
  }
}

export const enc = encodeURIComponent
