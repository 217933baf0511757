// A house with four people for the tests of this folder, behind the real HTTP layer. Dora is an administrator of the server.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { databases } from '../../test/harness/postgres.ts'
import { mount, sessionOf, type Mounted } from '../../test/harness/routes.ts'
import type { Session } from '../http/index.ts'
import { signingKey } from '../matrix/signing.ts'
import { openRooms, type Rooms } from '../events/index.ts'
import { createProfiles, createRoutes, membershipRoutes, sendRoutes } from '../rooms/index.ts'
import { openDatabase, type Database } from '../storage/index.ts'
import { openLog } from '../streams/index.ts'
import { createUsers, type Users } from '../users/index.ts'
import { directoryRoutes, openAliases, type RoomAliases } from './index.ts'

export const serverName = 'one.test'

export type Name = 'alice' | 'bob' | 'carol' | 'dora'

export interface World extends Pick<Mounted, 'ask' | 'outcome'> {
  readonly rooms: Rooms
  readonly users: Users
  readonly aliases: RoomAliases
  readonly sessions: Readonly<Record<Name, Session>>
  /** Makes a room and returns its id. */
  create(name: Name, wish?: object): Promise<string>
  join(name: Name, roomId: string): Promise<string>
  setState(name: Name, roomId: string, type: string, content: object, stateKey?: string): Promise<string>
  state(roomId: string, type: string, stateKey?: string): Promise<Record<string, unknown> | undefined>
}

export const enc = encodeURIComponent

async function build(database: Database, body: (world: World) => Promise<void>): Promise<void> {
  const log = await openLog(database, (error) => {
    throw error
  })
  const now = (): number => Date.now()
  const users = createUsers({ database, log, serverName, now })
  const base = {
    database,
    log,
    users,
    serverName,
    signingKey: signingKey('1', Buffer.alloc(32, 7)),
    now,
    randomId: () => randomBytes(32).toString('base64url'),
  }
  const rooms = await openRooms(base)
  const aliases = openAliases({ ...base, rooms })
  const session = async (localpart: string, admin = false): Promise<Session> => {
    const { nid, userId } = await database.write((tx) => users.create(tx, { localpart, createdBy: 'test', admin }))
    return sessionOf(nid, userId, { device: nid, deviceId: 'D', admin })
  }
  const sessions = {
    alice: await session('alice'),
    bob: await session('bob'),
    carol: await session('carol'),
    dora: await session('dora', true),
  }
  const deps = { ...base, rooms, aliases, profiles: createProfiles(users) }
  await using http = mount(
    [...createRoutes(deps), ...membershipRoutes(deps), ...sendRoutes(deps), ...directoryRoutes(deps)],
    sessions,
  )
  const { ask, outcome } = http
  await body({
    rooms,
    users,
    aliases,
    sessions,
    ask,
    outcome,
    create: async (name, wish = {}) => {
      const { status, body: reply } = await ask(name, 'POST', '/createRoom', wish)
      assert.equal(status, 200, JSON.stringify(reply))
      return String(reply['room_id'])
    },
    join: (name, roomId) => outcome(name, 'POST', `/rooms/${enc(roomId)}/join`, {}),
    setState: (name, roomId, type, content, stateKey = '') =>
      outcome(name, 'PUT', `/rooms/${enc(roomId)}/state/${enc(type)}/${enc(stateKey)}`, content),
    state: async (roomId, type, stateKey = '') => {
      const room = await rooms.find(roomId)
      return room && (await rooms.stateEvent(room, type, stateKey))?.event.content
    },
  })
  assert.deepEqual(http.errors, [])
}

/** Runs a test on each database. */
export function over(name: string, body: (world: World) => Promise<void>): void {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      {
        await using database = await openDatabase({ url, serverName })
        await build(database, body)
      }
      await dispose()
    })
  }
}
