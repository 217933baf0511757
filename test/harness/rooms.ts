// All routes of rooms/ over real databases, for the tests beside them.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { databases } from './postgres.ts'
import { mount, sessionOf, type Mounted } from './routes.ts'
import type { Session } from '../../src/http/index.ts'
import { signingKey } from '../../src/matrix/signing.ts'
import { openDatabase, type Database } from '../../src/storage/index.ts'
import { openLog, type Log } from '../../src/streams/index.ts'
import { createUsers, type Users, usersRoutes } from '../../src/users/index.ts'
import { openRooms, type Rooms } from '../../src/events/index.ts'
import {
  type History,
  historyRoutes,
  type Indexer,
  openHistory,
  searchRoutes,
  startIndexer,
} from '../../src/history/index.ts'
import { createProfiles, createRoutes, membershipRoutes, sendRoutes } from '../../src/rooms/index.ts'

export interface Shown {
  event_id: string
  type: string
  sender: string
  state_key?: string
  content: Record<string, unknown>
  origin_server_ts: number
  room_id?: string
  unsigned: Record<string, unknown>
}

export interface World extends Mounted {
  users: Users
  rooms: Rooms
  history: History
  indexer: Indexer
  log: Log
  database: Database
  sessions: Record<Name, Session>
  /** SELECT statements so far. */
  reads: () => number
  /** Milliseconds that the next events are sent at; the real time while undefined. */
  clock: { now: number | undefined }
  get: <T = Record<string, unknown>>(name: Name | undefined, path: string) => Promise<T>
  create: (name: Name, wish?: object) => Promise<string>
  act: (name: Name, roomId: string, what: 'join' | 'leave' | 'forget') => Promise<void>
  on: (name: Name, roomId: string, what: 'invite' | 'kick' | 'ban' | 'unban', target: Name) => Promise<void>
  send: (name: Name, roomId: string, content?: object | string, type?: string) => Promise<string>
  state: (name: Name, roomId: string, type: string, content: object, key?: string) => Promise<string>
  redact: (name: Name, roomId: string, eventId: string) => Promise<string>
  ignore: (name: Name, ...ignored: Name[]) => Promise<void>
}

const names = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace'] as const
export type Name = (typeof names)[number]
export const idOf = (name: Name): string => `@${name}:one.test`
export const path = (roomId: string, rest: string, version = 'v3'): string =>
  `/_matrix/client/${version}/rooms/${encodeURIComponent(roomId)}${rest}`

/** Runs a test on every database. At its end nothing unexpected may have been logged. */
export const over = (name: string, body: (world: World) => Promise<void>): void => {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      try {
        await using database = await openDatabase({ url, serverName: 'one.test' })
        await using world = await openWorld(database)
        await body(world)
        assert.deepEqual(world.errors, [])
      } finally {
        await dispose()
      }
    })
  }
}

/** A server's worth of rooms. Opened twice over one database, the second is what a restart finds. */
export async function openWorld(database: Database): Promise<World> {
  const serverName = 'one.test'
  const log = await openLog(database, (error) => {
    throw error
  })
  const clock: World['clock'] = { now: undefined }
  const now = (): number => clock.now ?? Date.now()
  const randomId = (): string => randomBytes(32).toString('base64url')
  let reads = 0
  const counted: Database = new Proxy(database, {
    get: (target, key) => {
      if (key === 'read') reads += 1
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const users = createUsers({ database, log, serverName, now })
  const base = {
    database: counted,
    log,
    users,
    serverName,
    signingKey: signingKey('1', Buffer.alloc(32, 7)),
    now,
    randomId,
  }
  const rooms = await openRooms(base)
  const history = openHistory({ ...base, rooms })
  const aliases = {
    reserve: async (name: string) => `#${name}:one.test`,
    release: () => {},
    add: async () => {},
    resolve: async () => undefined,
    publish: async () => {},
    move: async () => {},
  }
  const indexer = await startIndexer({
    ...base,
    rooms,
    onError: (error) => {
      throw error
    },
  })
  const deps = { ...base, rooms, history, indexer, profiles: createProfiles(users), aliases }
  const sessions = {} as Record<Name, Session> // every name is filled in below
  for (const [index, name] of names.entries())
    sessions[name] = sessionOf(await users.intern(idOf(name)), idOf(name), {
      device: index + 1,
      deviceId: name.toUpperCase(),
    })
  const http = mount(
    [
      ...createRoutes(deps),
      ...membershipRoutes(deps),
      ...sendRoutes(deps),
      ...historyRoutes(deps),
      ...searchRoutes(deps),
      ...usersRoutes({ users, roomOf: async () => undefined }),
    ],
    sessions,
  )

  let txn = 0
  const must = async (
    name: string | undefined,
    method: 'GET' | 'PUT' | 'POST',
    at: string,
    body?: object,
  ): Promise<Record<string, unknown>> => {
    const answer = await http.ask(name, method, at, body)
    assert.equal(answer.status, 200, `${method} ${at}: ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const idIn = (body: Record<string, unknown>): string => String(body['event_id'] ?? body['room_id'])
  return {
    ...http,
    users,
    rooms,
    history,
    indexer,
    log,
    database,
    clock,
    sessions,
    reads: () => reads,
    [Symbol.asyncDispose]: async () => {
      await http[Symbol.asyncDispose]()
      await indexer[Symbol.asyncDispose]()
      log.close()
    },
    get: async <T>(name: Name | undefined, at: string) => (await must(name, 'GET', at)) as T,
    create: async (name, wish = {}) => idIn(await must(name, 'POST', '/createRoom', wish)),
    act: async (name, roomId, what) => void (await must(name, 'POST', path(roomId, `/${what}`), {})),
    on: async (name, roomId, what, target) =>
      void (await must(name, 'POST', path(roomId, `/${what}`), { user_id: idOf(target) })),
    send: async (name, roomId, content = 'hello', type = 'm.room.message') =>
      idIn(
        await must(
          name,
          'PUT',
          path(roomId, `/send/${type}/t${++txn}`),
          typeof content === 'string' ? { msgtype: 'm.text', body: content } : content,
        ),
      ),
    state: async (name, roomId, type, content, key = '') =>
      idIn(await must(name, 'PUT', path(roomId, `/state/${type}/${encodeURIComponent(key)}`), content)),
    redact: async (name, roomId, eventId) =>
      idIn(await must(name, 'PUT', path(roomId, `/redact/${encodeURIComponent(eventId)}/t${++txn}`), {})),
    ignore: async (name, ...ignored) =>
      void (await must(name, 'PUT', `/user/${encodeURIComponent(idOf(name))}/account_data/m.ignored_user_list`, {
        ignored_users: Object.fromEntries(ignored.map((one) => [idOf(one), {}])),
      })),
  }
}
