import { MatrixError } from '../matrix/errors.ts'
import { parseRoomAlias } from '../matrix/ids.ts'
import { own } from '../matrix/json.ts'
import type { Room, Rooms } from '../events/index.ts'
import { type Aliases, maySetState } from '../rooms/index.ts'
import type { Database } from '../storage/index.ts'
import type { Users } from '../users/index.ts'
import { deleteAlias, insertAlias, moveAliases, readAlias, readAliases } from './store.ts'

/** Port to appservice/: those that have a say in aliases. */
export interface AliasServices {
  /** Whether one, other than `but`, keeps the alias for itself. */
  keeps(alias: string, but?: string): boolean
  /** Whether the alias is in the namespace of that service. */
  owns(service: string, alias: string): boolean
  /** Has one make a room of this alias, where one answers for it. True when it says that it did. */
  summon(alias: string): Promise<boolean>
}

export interface AliasesDeps {
  readonly database: Database
  readonly rooms: Rooms
  readonly users: Users
  readonly serverName: string
  readonly services?: AliasServices
}

interface Place {
  readonly room: number
  readonly creator: number
}

/** Names of rooms on this server: what rooms/ needs of them, and what the routes do. */
export interface RoomAliases extends Aliases {
  /** Where an alias of this server leads, and who made it. */
  find(alias: string): Promise<Place | undefined>
  /** The same, after whoever answers for an alias that leads nowhere had a chance to make its room. */
  findOrMake(alias: string): Promise<Place | undefined>
  /** All aliases of a room, in the order of the alphabet. */
  of(room: number): Promise<string[]>
  /**
   * `service` is the application service that asks, if one does.
   * @throws {MatrixError} M_UNKNOWN (409) when it is taken; M_INVALID_PARAM when it is no alias of this server; M_EXCLUSIVE when it is somebody
   * else's to make; M_FORBIDDEN when the room has too many
   */
  create(alias: string, room: number, creator: number, service: string | undefined): Promise<void>
  /** @throws {MatrixError} M_EXCLUSIVE when an alias is an application service's to decide on, and not that of `service` */
  mustBeFree(alias: string, service: string | undefined): void
  /** True when it led to the room and was removed. */
  remove(alias: string, room: number): Promise<boolean>
  /** Takes all aliases of this server from a room, and gives them to another where there is one. Resolves to them. */
  retire(room: number, to: number | undefined): Promise<string[]>
  /** Calls `listener` with a room whose aliases are not what they were. */
  onChange(listener: (room: number) => void): void
}

/** Bridges make one for each room; nobody needs this many for one. */
const mostPerRoom = 500

/**
 * Checks that an alias can be made here. Spaces and control characters are left out: a name that cannot be told from another one
 * on a screen helps only those who mean to deceive.
 * @throws {MatrixError} M_INVALID_PARAM
 */
function checkNewAlias(alias: string, serverName: string): void {
  const parts = parseRoomAlias(alias)
  if (!parts)
    throw new MatrixError(
      'M_INVALID_PARAM',
      `"${alias}" is not a room alias: write #name:${serverName}, with at most 255 bytes`,
    )
  if (parts.serverName !== serverName)
    throw new MatrixError(
      'M_INVALID_PARAM',
      `Aliases of ${parts.serverName} are made there; ours end in :${serverName}`,
    )
  if (/[\s\p{Cc}\p{Cf}]/u.test(parts.localpart))
    throw new MatrixError('M_INVALID_PARAM', 'A room alias has neither spaces nor invisible characters')
}

export function openAliases(deps: AliasesDeps): RoomAliases {
  const { database, rooms, serverName } = deps
  const listeners: Array<(room: number) => void> = []
  const changed = (...rooms: readonly number[]): void =>
    rooms.forEach((room) => listeners.forEach((listener) => listener(room)))
  /** Taken for rooms that are being made. */
  const reserved = new Set<string>()

  const find: RoomAliases['find'] = async (alias) => {
    const row = await readAlias(database.read, alias)
    return row && { room: row.room_nid, creator: row.creator_nid }
  }

  const insert = async (alias: string, room: number, creator: number, taken: () => MatrixError): Promise<void> => {
    const made = await database.write((tx) => insertAlias(tx, { alias, room_nid: room, creator_nid: creator }))
    if (!made) throw taken()
    changed(room)
  }

  const findOrMake: RoomAliases['find'] = async (alias) =>
    (await find(alias)) ?? ((await deps.services?.summon(alias)) ? find(alias) : undefined)

  const mustBeFree: RoomAliases['mustBeFree'] = (alias, service) => {
    if (service !== undefined && deps.services?.owns(service, alias) !== true)
      throw new MatrixError('M_EXCLUSIVE', `The alias ${alias} is not in the namespace of the application service`)
    if (deps.services?.keeps(alias, service))
      throw new MatrixError('M_EXCLUSIVE', `The alias ${alias} is kept for an application service`)
  }

  return {
    find,
    findOrMake,
    mustBeFree,
    of: async (room) => (await readAliases(database.read, room)).map((row) => row.alias),
    resolve: async (alias) => (await findOrMake(alias))?.room,
    reserve: async (localpart, service) => {
      const alias = `#${localpart}:${serverName}`
      checkNewAlias(alias, serverName)
      if (parseRoomAlias(alias)?.localpart !== localpart)
        throw new MatrixError('M_INVALID_PARAM', 'The local part of an alias has no colon')
      mustBeFree(alias, service)
      const taken = new MatrixError('M_ROOM_IN_USE', `The alias ${alias} is taken`)
      if (reserved.has(alias)) throw taken
      reserved.add(alias)
      try {
        if (await find(alias)) throw taken
      } catch (error) {
        reserved.delete(alias)
        throw error
      }
      return alias
    },
    release: (alias) => void reserved.delete(alias),
    add: (alias, room, creator) =>
      insert(alias, room, creator, () => new MatrixError('M_ROOM_IN_USE', `The alias ${alias} is taken`)),
    create: async (alias, room, creator, service) => {
      checkNewAlias(alias, serverName)
      mustBeFree(alias, service)
      const taken = (): MatrixError =>
        new MatrixError('M_UNKNOWN', `The alias ${alias} exists already`, { status: 409 })
      if (reserved.has(alias)) throw taken()
      if ((await readAliases(database.read, room)).length >= mostPerRoom) {
        throw new MatrixError('M_FORBIDDEN', `This room has ${mostPerRoom} aliases already; delete one first`)
      }
      await insert(alias, room, creator, taken)
    },
    remove: async (alias, room) => {
      const removed = await database.write((tx) => deleteAlias(tx, alias, room))
      if (removed) changed(room)
      return removed
    },
    retire: async (room, to) => {
      const all = (await readAliases(database.read, room)).map((row) => row.alias)
      if (all.length === 0) return all
      await database.write(async (tx) => {
        if (to !== undefined) await moveAliases(tx, all, room, to)
        else for (const alias of all) await deleteAlias(tx, alias, room)
      })
      changed(room, ...(to === undefined ? [] : [to]))
      return all
    },
    onChange: (listener) => void listeners.push(listener),
    publish: (room, published) => rooms.publish(room, published),
    move: async (from, to, user) => {
      if (!(await isSuccessor(rooms, from, to)))
        throw new MatrixError('M_FORBIDDEN', `${to.id} is not the room that took the place of ${from.id}`)
      const all = await mayRename(deps, from, user)
      const movable = (await readAliases(database.read, from.nid))
        .filter((row) => all || row.creator_nid === user)
        .map((row) => row.alias)
      if (movable.length > 0) await database.write((tx) => moveAliases(tx, movable, from.nid, to.nid))
      changed(from.nid, to.nid)
      if (all && from.published) {
        await rooms.publish(to, true)
        await rooms.publish(from, false)
      }
    },
  }
}

/** Whether a user decides on what a room is called outside of it: its aliases, and its place in the directory. */
export async function mayRename(
  { rooms, users }: Pick<AliasesDeps, 'rooms' | 'users'>,
  room: Room,
  user: number,
): Promise<boolean> {
  if ((await users.account(user))?.admin) return true
  return room.joined.has(user) && maySetState(rooms, room, await users.nameOf(user), 'm.room.canonical_alias')
}

/** Whether each of two rooms says of the other that it came before, or after: what one alone says proves nothing. */
async function isSuccessor(rooms: Rooms, from: Room, to: Room): Promise<boolean> {
  const create = await rooms.stateEvent(to, 'm.room.create', '')
  return from.summary.successor === to.id && own(own(create?.event.content, 'predecessor'), 'room_id') === from.id
}
