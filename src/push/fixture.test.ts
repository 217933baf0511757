// What the tests of this folder share: rooms and people on a database, with nothing of HTTP.
import { randomBytes } from 'node:crypto'
import { openEphemeral, type ReceiptType } from '../ephemeral/index.ts'
import { signingKey } from '../matrix/signing.ts'
import { openRooms, type Room, type Rooms, type StoredEvent } from '../events/index.ts'
import { createProfiles, createRoom, setMembership } from '../rooms/index.ts'
import { openDatabase, type Database } from '../storage/index.ts'
import { openLog } from '../streams/index.ts'
import { createUsers } from '../users/index.ts'
import { createCounts, openPushRules, type NotificationCounts } from './index.ts'

export const serverName = 'one.test'

export interface Who {
  readonly nid: number
  readonly userId: string
}

/** Everything on one database; `again` counts anew, as after a restart. */
export async function openStage(url: string) {
  const database = await openDatabase({ url, serverName })
  const stage = await over(database)
  return { ...stage, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() }
}

export type Stage = Awaited<ReturnType<typeof openStage>>

async function over(database: Database) {
  const log = await openLog(database, (error) => {
    throw error
  })
  const now = () => Date.now()
  const users = createUsers({ database, log, serverName, now })
  const randomId = () => randomBytes(32).toString('base64url')
  const base = { database, log, users, serverName, signingKey: signingKey('1', Buffer.alloc(32, 7)), now, randomId }
  const rooms = await openRooms(base)
  const rules = openPushRules({ database, log, users })
  const { receipts } = openEphemeral({
    database,
    log,
    users,
    rooms,
    now,
    onError: (error) => {
      throw error
    },
    presence: false,
  })
  const deps = {
    database,
    log,
    rooms,
    users,
    rules,
    receipts,
    ignored: (user: number) => users.accountData.ignored(user),
  }
  const counting = createCounts(deps)

  const person = async (name: string): Promise<Who> => {
    const userId = `@${name}:${serverName}`
    return { nid: await users.intern(userId), userId }
  }
  const send = async (
    room: Room,
    sender: Who,
    content: Record<string, unknown> | string,
    type = 'm.room.message',
  ): Promise<StoredEvent> => {
    const body = typeof content === 'string' ? { msgtype: 'm.text', body: content } : content
    const [stored] = await rooms.append(room, [{ type, sender, content: body as StoredEvent['event']['content'] }])
    if (!stored) throw new Error('nothing was sent')
    return stored
  }
  const inThread = (root: StoredEvent, body = 'in a thread') => ({
    msgtype: 'm.text',
    body,
    'm.relates_to': { rel_type: 'm.thread', event_id: root.event.id },
  })
  /** `thread` empty: a receipt that knows no threads. */
  const receipt = (room: Room, who: Who, at: StoredEvent, thread = '', type: ReceiptType = 'm.read') =>
    receipts.send(room, who.nid, type, at, thread)
  const redact = async (room: Room, sender: Who, target: StoredEvent): Promise<void> => {
    await rooms.append(room, [{ type: 'm.room.redaction', sender, content: {}, redacts: target }])
  }
  const become = (room: Room, who: Who, membership: 'join' | 'leave', extra: Record<string, string> = {}) =>
    setMembership({ rooms, users, serverName, profiles: createProfiles(users) }, who, room, who.userId, membership, {
      extra,
    })
  /** A public room that all of them are in; the first made it. */
  const roomOf = async (creator: Who, ...others: Who[]): Promise<Room> => {
    const room = await createRoom({ ...base, rooms, profiles: createProfiles(users) }, creator, {
      preset: 'public_chat',
    })
    for (const who of others) await become(room, who, 'join')
    return room
  }
  return {
    ...deps,
    ...counting,
    roomOf,
    person,
    send,
    inThread,
    receipt,
    redact,
    become,
    again: () => rebuild(database),
  }
}

/** Counts by somebody who has seen nothing of the log: all comes from the database. */
async function rebuild(database: Database): Promise<NotificationCounts & { rooms: Rooms }> {
  const { rooms, counts, countsOfMany } = await over(database)
  return { rooms, counts, countsOfMany }
}
