// A house with three people in two rooms, for the tests of this folder.
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { databases } from '../../test/harness/postgres.ts'
import { mount, sessionOf, type Mounted } from '../../test/harness/routes.ts'
import type { Session } from '../http/index.ts'
import { signingKey } from '../matrix/signing.ts'
import { openRooms, type Room, type Rooms } from '../events/index.ts'
import {
  type Aliases,
  createProfiles,
  createRoutes,
  membershipRoutes,
  type RoomsRouteDeps,
  sendRoutes,
} from '../rooms/index.ts'
import { openDatabase, type Database } from '../storage/index.ts'
import { openLog, type Entry, type Log } from '../streams/index.ts'
import { createUsers, usersRoutes, type Users } from '../users/index.ts'
import { ephemeralRoutes, openEphemeral, type Ephemeral } from './index.ts'

const serverName = 'one.test'
const fail = (error: unknown): void => {
  throw error
}

/** Alice and bob are in `room`; carol is in none. */
export interface World extends Pick<Mounted, 'ask' | 'outcome'> {
  database: Database
  log: Log
  users: Users
  rooms: Rooms
  ephemeral: Ephemeral
  clock: { now: number }
  entries: Entry[]
  sessions: Record<'alice' | 'bob' | 'carol', Session>
  room: Room
  /** `/rooms/…` of the room, and of one that bob alone is in. */
  path: string
  other: string
  /** Sends a message to `path` and returns its event id. */
  say: (token: string, content?: object, path?: string) => Promise<string>
}

async function build(database: Database, body: (world: World) => Promise<void>, presence: boolean): Promise<void> {
  const log = await openLog(database, fail)
  const clock = { now: 1_000_000 }
  const now = (): number => clock.now
  const randomId = (): string => randomBytes(32).toString('base64url')
  const users = createUsers({ database, log, serverName, now })
  const base = { database, log, users, serverName, signingKey: signingKey('1', Buffer.alloc(32, 7)), now, randomId }
  const rooms = await openRooms(base)
  using ephemeral = openEphemeral({ ...base, rooms, onError: fail, presence })
  const session = async (localpart: string): Promise<Session> => {
    const { nid, userId } = await database.write((tx) => users.create(tx, { localpart, createdBy: 'test' }))
    return sessionOf(nid, userId, { device: nid, deviceId: 'D' })
  }
  const sessions = { alice: await session('alice'), bob: await session('bob'), carol: await session('carol') }
  const deps: RoomsRouteDeps = { ...base, rooms, profiles: createProfiles(users), aliases: {} as Aliases }
  await using http = mount(
    [
      ...createRoutes(deps),
      ...membershipRoutes(deps),
      ...sendRoutes(deps),
      ...ephemeralRoutes({ ephemeral, rooms, users, log }),
      ...usersRoutes({
        users,
        roomOf: async (roomId, user) =>
          await rooms.find(roomId).then((room) => (room?.members.has(user) ? room.nid : undefined)),
      }),
    ],
    sessions,
  )
  const create = async (token: string): Promise<string> =>
    String((await http.ask(token, 'POST', '/createRoom', { preset: 'public_chat' })).body['room_id'])
  const [roomId, otherId] = [await create('alice'), await create('bob')]
  await http.ask('bob', 'POST', `/rooms/${encodeURIComponent(roomId)}/join`, {})
  const room = await rooms.find(roomId)
  if (!room) throw new Error('no room')
  const entries: Entry[] = []
  log.listen((entry) => entries.push(entry))
  const path = `/rooms/${encodeURIComponent(roomId)}`
  let txn = 0
  await body({
    database,
    log,
    users,
    rooms,
    ephemeral,
    clock,
    entries,
    sessions,
    room,
    path,
    other: `/rooms/${encodeURIComponent(otherId)}`,
    ask: http.ask,
    outcome: http.outcome,
    say: async (token, content = { msgtype: 'm.text', body: 'x' }, where = path) =>
      String((await http.ask(token, 'PUT', `${where}/send/m.room.message/t${++txn}`, content)).body['event_id']),
  })
  if (http.errors.length > 0) throw new Error('unexpected errors were logged', { cause: http.errors })
}

/** Runs a test on each database. */
export function over(name: string, body: (world: World) => Promise<void>, presence = true): void {
  for (const kind of databases) {
    test(`${name} (${kind.name})`, async () => {
      const { url, dispose } = await kind.open()
      {
        await using database = await openDatabase({ url, serverName })
        await build(database, body, presence)
      }
      await dispose()
    })
  }
}
