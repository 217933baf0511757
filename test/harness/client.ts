// A small Matrix client for tests. Every answer it sees is held against the specification.
import { AssertionError } from 'node:assert/strict'
import { jwtSecret, signJwt } from './jwt.ts'
import { assertSpec } from './spec.ts'

/** A JSON object as it came over the wire. Tests say by the type argument of `req` what they expect of it. */
export type Body = Record<string, unknown>

/** What came back, refusals included. */
export interface Answer<T = Body> {
  status: number
  headers: Headers
  body: T
}

/** An event as clients see it. */
export interface ClientEvent {
  type: string
  sender: string
  event_id: string
  state_key?: string
  content: Body
  origin_server_ts: number
  unsigned?: Body & { transaction_id?: string; age?: number }
  room_id?: string
  redacts?: string
}

/** A room in a sync answer, as far as tests look into it. */
export interface SyncRoom {
  timeline: { events: ClientEvent[]; limited?: boolean; prev_batch?: string }
  state?: { events: ClientEvent[] }
  ephemeral?: { events: { type: string; content: Body }[] }
  account_data?: { events: { type: string; content: Body }[] }
  summary?: Body
  unread_notifications?: { notification_count: number; highlight_count: number }
  unread_thread_notifications?: Record<string, { notification_count: number; highlight_count: number }>
}

/** A sync answer, as far as tests look into it. */
export interface SyncBody {
  next_batch: string
  rooms?: {
    join?: Record<string, SyncRoom>
    invite?: Record<string, { invite_state: { events: ClientEvent[] } }>
    knock?: Record<string, { knock_state: { events: ClientEvent[] } }>
    leave?: Record<string, SyncRoom>
  }
  account_data?: { events: { type: string; content: Body }[] }
  presence?: { events: { type: string; sender: string; content: Body }[] }
  to_device?: { events: { type: string; sender: string; content: Body }[] }
  device_lists?: { changed?: string[]; left?: string[] }
  device_one_time_keys_count?: Record<string, number>
}

/** A client of one server, with at most one session. `since` is where its next `sync` goes on. */
export class Client {
  readonly base: string
  /** Signs this client's JWTs. */
  secret = jwtSecret
  token: string | undefined
  userId = ''
  deviceId = ''
  since: string | undefined
  #transactions = 0

  constructor(base: string) {
    this.base = base.replace(/\/$/, '')
  }

  /** One request; whatever the status, the answer comes back. A path without `/_` in front is one of the client API, `v3`. */
  async ask<T = Body>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const full = path.startsWith('/_') || path.startsWith('/.') ? path : `/_matrix/client/v3${path}`
    const response = await fetch(this.base + full, {
      method,
      headers: {
        ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const contentType = response.headers.get('content-type') ?? ''
    const reply: unknown = contentType.includes('json') ? JSON.parse(text) : text
    assertSpec({ method, path: full, request: body, status: response.status, reply, contentType })
    return { status: response.status, headers: response.headers, body: reply as T }
  }

  /** One request that has to succeed: its body. */
  async req<T = Body>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.ask<T>(method, path, body)
    if (answer.status < 300) return answer.body
    throw new AssertionError({
      message: `${method} ${path} -> ${answer.status} ${JSON.stringify(answer.body)}`,
      actual: answer.status,
      expected: 200,
    })
  }

  /** One request that has to be refused: `'403 M_FORBIDDEN'`, fit for `assert.equal`. */
  async refusal(method: string, path: string, body?: unknown): Promise<string> {
    const answer = await this.ask<{ errcode?: string }>(method, path, body)
    return answer.status < 300 ? `${answer.status} (not refused)` : `${answer.status} ${answer.body.errcode}`
  }

  /** Signs in with a JWT; an unknown user is created. Returns this client. */
  async login(name: string, extra: Body = {}): Promise<this> {
    const body = await this.req<{ access_token: string; user_id: string; device_id: string }>('POST', '/login', {
      type: 'org.matrix.login.jwt',
      token: signJwt({ sub: name }, this.secret),
      ...extra,
    })
    this.token = body.access_token
    this.userId = body.user_id
    this.deviceId = body.device_id
    return this
  }

  /** Creates a room and returns its id. */
  async createRoom(options: Body = {}): Promise<string> {
    return (await this.req<{ room_id: string }>('POST', '/createRoom', options)).room_id
  }

  async invite(roomId: string, userId: string): Promise<void> {
    await this.req('POST', `/rooms/${encodeURIComponent(roomId)}/invite`, { user_id: userId })
  }

  async join(roomIdOrAlias: string): Promise<string> {
    return (await this.req<{ room_id: string }>('POST', `/join/${encodeURIComponent(roomIdOrAlias)}`, {})).room_id
  }

  async leave(roomId: string): Promise<void> {
    await this.req('POST', `/rooms/${encodeURIComponent(roomId)}/leave`, {})
  }

  /** Sends a text, or any content, and returns the event id. Every call is a transaction of its own. */
  async send(roomId: string, content: string | Body, type = 'm.room.message'): Promise<string> {
    const body = typeof content === 'string' ? { msgtype: 'm.text', body: content } : content
    const path = `/rooms/${encodeURIComponent(roomId)}/send/${encodeURIComponent(type)}/t${++this.#transactions}`
    return (await this.req<{ event_id: string }>('PUT', path, body)).event_id
  }

  /** Sets a state event and returns its id. */
  async setState(roomId: string, type: string, content: Body, stateKey = ''): Promise<string> {
    const path = `/rooms/${encodeURIComponent(roomId)}/state/${encodeURIComponent(type)}/${encodeURIComponent(stateKey)}`
    return (await this.req<{ event_id: string }>('PUT', path, content)).event_id
  }

  /** The next sync after the last one; the first is an initial sync. Answers at once unless `timeout` (ms) is given. */
  async sync(query: Record<string, string | number | boolean> = {}): Promise<SyncBody> {
    const all: Record<string, string | number | boolean> = {
      ...(this.since === undefined ? {} : { since: this.since }),
      ...query,
    }
    const text = new URLSearchParams(Object.entries(all).map(([name, value]) => [name, String(value)])).toString()
    const body = await this.req<SyncBody>('GET', `/sync?${text}`)
    this.since = body.next_batch
    return body
  }

  /** Syncs until `found` returns something, for a generous while, and returns that. */
  async syncUntil<T>(
    found: (body: SyncBody) => T | undefined,
    query: Record<string, string | number | boolean> = {},
  ): Promise<T> {
    const until = Date.now() + 60_000
    do {
      const result = found(await this.sync({ timeout: 1000, ...query }))
      if (result !== undefined) return result
    } while (Date.now() < until)
    throw new AssertionError({ message: 'a minute of syncing has not brought what was waited for' })
  }
}
