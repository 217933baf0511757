// What the tests of this folder share: the routes of media/ on a real socket, over a real database and a folder of their own.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { databases } from '../../test/harness/postgres.ts'
import { sessionOf } from '../../test/harness/routes.ts'
import { assertSpec } from '../../test/harness/spec.ts'
import { type ConfigInput, defaultConfig } from '../config/index.ts'
import { createHttp, createOutgoing, type OutgoingOptions } from '../http/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import { type Database, openDatabase } from '../storage/index.ts'
import { mediaRoutes, openMedia, type Media } from './index.ts'

/** A test is a client: it asks this server, and so not by way of the outgoing fetch. */
export const { fetch: clientFetch } = globalThis

/** What it takes for a body. */
export type Payload = NonNullable<RequestInit['body']>

export interface World {
  readonly url: string
  readonly media: Media
  readonly database: Database
  readonly directory: string
  readonly clock: { now: number }
  /** What was told to the operator. */
  readonly errors: unknown[]
  /** One request; `token` is `alice`, `bob`, `guest`, `suspended` or nobody's. JSON is held against the specification. */
  ask(method: string, path: string, options?: Request): Promise<Answer>
  /** Uploads as Alice; the media id. */
  upload(body: Payload, type?: string, query?: string): Promise<string>
  /** Downloads as Alice. */
  download(mediaId: string, headers?: Record<string, string>): Promise<Answer>
  /** Every file in the folder, by its name. */
  files(): Promise<string[]>
}

export interface Request {
  token?: string | undefined
  body?: Payload
  headers?: Record<string, string>
  signal?: AbortSignal
  duplex?: 'half'
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Buffer
  /** The body, where it is JSON. */
  readonly json: Record<string, unknown>
  /** `403 M_FORBIDDEN`, or `200`. */
  readonly outcome: string
}

export type MediaSettings = NonNullable<ConfigInput['media']>
export interface WorldOptions {
  readonly media?: MediaSettings
  readonly resolve?: OutgoingOptions['resolve']
}

const sessions = {
  alice: sessionOf(1, '@alice:one.test'),
  bob: sessionOf(2, '@bob:one.test'),
  guest: sessionOf(3, '@guest:one.test', { guest: true }),
  suspended: sessionOf(4, '@suspended:one.test', { suspended: true }),
}

async function read(response: Response, method: string, path: string): Promise<Answer> {
  const bytes = Buffer.from(await response.arrayBuffer())
  const contentType = response.headers.get('content-type') ?? ''
  // An uploaded file may be JSON too; those have a disposition.
  const isOurs =
    contentType.startsWith('application/json') && !response.headers.has('content-disposition') && method !== 'HEAD'
  const json = isOurs ? (JSON.parse(bytes.toString()) as Record<string, unknown>) : {}
  // The checker takes every 5xx for a fault; the specification has one for what is still to come.
  if (isOurs && json['errcode'] !== 'M_NOT_YET_UPLOADED')
    assertSpec({ method, path, status: response.status, reply: json, contentType })
  return {
    status: response.status,
    headers: response.headers,
    bytes,
    json,
    outcome: [response.status, json['errcode']].filter(Boolean).join(' '),
  }
}

/** Opens a world on a database, and hands it to `body`. */
export async function withWorld(
  databaseUrl: string,
  options: WorldOptions,
  body: (world: World) => Promise<void>,
): Promise<void> {
  const config = defaultConfig({ server_name: 'one.test', media: options.media })
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-media-test-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(directory, { recursive: true }))
  const database = stack.use(await openDatabase({ url: databaseUrl, serverName: 'one.test' }))
  const clock = { now: Date.UTC(2030, 0, 1) }
  const errors: unknown[] = []
  const outgoing = stack.use(
    createOutgoing({ allow: ['127.0.0.1'], ...(options.resolve && { resolve: options.resolve }) }),
  )
  const now = (): number => clock.now
  const randomId = (): string => randomBytes(32).toString('base64url')
  const media = stack.use(
    await openMedia({
      database,
      serverName: 'one.test',
      config: structuredClone(config.media),
      directory,
      outgoing,
      now,
      randomId,
      onError: (error) => void errors.push(error),
    }),
  )
  const http = createHttp({
    routes: mediaRoutes(media),
    rateLimits: 'off',
    now,
    randomId,
    authenticate: (token) => {
      if (!Object.hasOwn(sessions, token)) throw new MatrixError('M_UNKNOWN_TOKEN', 'No such token')
      return sessions[token as keyof typeof sessions]
    },
    log: {
      error: (details) => void errors.push(details),
      info: () => {},
      debug: () => {},
      isLevelEnabled: () => false,
    },
  })
  stack.defer(() => http.close())
  const [url = ''] = await http.listen(['127.0.0.1:0'])
  const ask: World['ask'] = async (method, path, { token, headers = {}, ...rest } = {}) => {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
    return read(
      await clientFetch(url + path, { method, headers: { ...authorization, ...headers }, ...rest }),
      method,
      path,
    )
  }
  await body({
    url,
    media,
    database,
    directory,
    clock,
    errors,
    ask,
    upload: async (payload, type = 'application/octet-stream', query = '') => {
      const answer = await ask('POST', `/_matrix/media/v3/upload${query}`, {
        token: 'alice',
        body: payload,
        headers: { 'content-type': type },
      })
      assert.equal(answer.outcome, '200')
      return mediaIdOf(answer)
    },
    download: (mediaId, headers = {}) =>
      ask('GET', `/_matrix/client/v1/media/download/one.test/${mediaId}`, { token: 'alice', headers }),
    files: async () =>
      (await readdir(directory, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map((entry) => entry.name)
        .sort(),
  })
}

export const mediaIdOf = (answer: Answer): string => String(answer.json['content_uri']).replace('mxc://one.test/', '')

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
