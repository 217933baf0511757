// A client of sliding sync that keeps what it is told, and servers for it.
import { AssertionError } from 'node:assert/strict'
import { test } from 'node:test'
import type { Client, ClientEvent } from '../../../test/harness/client.ts'
import { databases } from '../../../test/harness/postgres.ts'
import { startServer, type ServerConfig, type TestServer } from '../../../test/harness/server.ts'

export interface RoomReply {
  name?: string | null
  avatar?: string | null
  heroes?: Array<{ user_id: string; displayname?: string; avatar_url?: string }>
  is_dm?: boolean
  initial?: boolean
  expanded_timeline?: boolean
  unstable_expanded_timeline?: boolean
  required_state?: ClientEvent[]
  timeline?: ClientEvent[]
  invite_state?: ClientEvent[]
  prev_batch?: string
  limited?: boolean
  num_live?: number
  joined_count?: number
  invited_count?: number
  notification_count?: number
  highlight_count?: number
  bump_stamp?: number
}

interface PlainEvent {
  type: string
  content: Record<string, unknown>
  sender?: string
}

/** By room id and event id of the root. */
export type ThreadUpdates = Record<string, Record<string, { thread_root?: ClientEvent; prev_batch?: string }>>

export interface Reply {
  pos: string
  txn_id?: string
  lists: Record<string, { count: number }>
  rooms: Record<string, RoomReply>
  extensions: {
    to_device?: { next_batch: string; events: PlainEvent[] }
    e2ee?: {
      device_lists?: { changed: string[]; left: string[] }
      device_one_time_keys_count: Record<string, number>
      device_unused_fallback_key_types: string[]
    }
    account_data?: { global: PlainEvent[]; rooms: Record<string, PlainEvent[]> }
    receipts?: { rooms: Record<string, PlainEvent> }
    typing?: { rooms: Record<string, PlainEvent> }
    'io.element.msc4360.threads'?: { updates: ThreadUpdates; prev_batch?: string }
  }
}

export interface Wish {
  conn_id?: string
  txn_id?: string
  lists?: Record<string, object>
  room_subscriptions?: Record<string, object>
  extensions?: object
}

/** A room as a client knows it that only applies answers. */
export interface KnownRoom {
  membership: string
  name: string | null
  avatar: string | null
  bump: number
  timeline: string[]
  /** Event ids by type and state key. */
  state: Map<string, string>
}

const endpoint = '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync'

/** A connection of a signed-in client: goes on from the `pos` of the last answer. */
export class Slider {
  readonly client: Client
  readonly connId: string
  pos: string | undefined
  readonly rooms = new Map<string, KnownRoom>()

  constructor(client: Client, connId = 'main') {
    this.client = client
    this.connId = connId
  }

  /** One request that is not gone on from, as if its answer had been lost. */
  peek(wish: Wish, timeout = 0): Promise<Reply> {
    return this.client.req<Reply>('POST', this.path(timeout), { conn_id: this.connId, ...wish })
  }

  async sync(wish: Wish, timeout = 0): Promise<Reply> {
    const reply = await this.peek(wish, timeout)
    this.pos = reply.pos
    for (const [id, room] of Object.entries(reply.rooms)) this.#apply(id, room)
    return reply
  }

  refusal(wish: Wish): Promise<string> {
    return this.client.refusal('POST', this.path(0), { conn_id: this.connId, ...wish })
  }

  path(timeout: number): string {
    return `${endpoint}?timeout=${timeout}${this.pos === undefined ? '' : `&pos=${this.pos}`}`
  }

  #apply(id: string, reply: RoomReply): void {
    const before = reply.initial ? undefined : this.rooms.get(id)
    const room = before ?? {
      membership: 'join',
      name: null,
      avatar: null,
      bump: 0,
      timeline: [],
      state: new Map<string, string>(),
    }
    this.rooms.set(id, room)
    room.bump = reply.bump_stamp ?? room.bump
    if (reply.invite_state)
      room.membership = membershipIn(reply.invite_state, this.client.userId)?.membership ?? 'invite'
    if (reply.name !== undefined) room.name = reply.name
    if (reply.avatar !== undefined) room.avatar = reply.avatar
    const texts = (reply.timeline ?? []).map((event) => event.event_id)
    if (reply.limited === true) room.timeline = texts
    else room.timeline = [...room.timeline.filter((event) => !texts.includes(event)), ...texts]
    for (const event of reply.required_state ?? []) room.state.set(`${event.type} ${event.state_key}`, event.event_id)
    const own = membershipIn(reply.required_state ?? [], this.client.userId)
    if (!own) return
    const wasIn = (room.membership !== 'invite' && room.membership !== 'knock') || reply.initial === true
    room.membership = own.membership
    if ((own.membership === 'leave' || own.membership === 'ban') && (own.sender === this.client.userId || !wasIn))
      this.rooms.delete(id)
  }
}

function membershipIn(
  events: readonly ClientEvent[],
  userId: string,
): { membership: string; sender: string } | undefined {
  const own = events.find((event) => event.type === 'm.room.member' && event.state_key === userId)
  return own && { membership: String(own.content['membership']), sender: own.sender }
}

/** A server that can be started again on the same database. */
export interface World extends TestServer {
  restart(): Promise<void>
}

/** Runs a test on every database. */
export const over = (name: string, body: (world: World) => Promise<void>): void => {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const database = await kind.open()
      const config: Partial<ServerConfig> = { database: database.url, listen: '127.0.0.1:0' }
      let server = await startServer(config)
      const { url } = server
      try {
        await body({
          ...server,
          restart: async () => {
            await server[Symbol.asyncDispose]()
            server = await startServer({ ...config, listen: new URL(url).host })
          },
        })
      } finally {
        await server[Symbol.asyncDispose]()
        await database.dispose()
      }
    })
  }
}

export const list = (last: number, more: object = {}): object => ({
  ranges: [[0, last]],
  timeline_limit: 1,
  required_state: [['m.room.member', '$ME']],
  ...more,
})

/** Room ids of an answer, the newest first. */
export const order = (reply: Reply): string[] =>
  Object.entries(reply.rooms)
    .sort(([, a], [, b]) => (b.bump_stamp ?? 0) - (a.bump_stamp ?? 0))
    .map(([id]) => id)

/** Bodies of the messages in a timeline. */
export const bodies = (room: RoomReply | undefined): unknown[] =>
  (room?.timeline ?? []).map((event) => event.content['body'] ?? event.type)

/** What an answer has to be, or a failing assertion that says so. */
export function there<T>(value: T | undefined, what = 'it'): T {
  if (value === undefined) throw new AssertionError({ message: `${what} is not there` })
  return value
}
