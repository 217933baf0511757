import type { JsonObject } from '../matrix/json.ts'
import type { Database } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import type { Blocks } from './blocks.ts'
import type { Profiles } from './profile.ts'
import type { Room, Rooms, StoredEvent } from '../events/index.ts'

/** Port, filled by directory/: names of rooms. */
export interface Aliases {
  /**
   * Takes the local part of an alias for a room that is being made; `service` is the application service that makes it, if one does.
   * @returns the whole alias
   * @throws {MatrixError} M_ROOM_IN_USE, M_INVALID_PARAM, M_EXCLUSIVE
   */
  reserve(localpart: string, service?: string): Promise<string>
  release(alias: string): void
  add(alias: string, room: number, creator: number): Promise<void>
  /** The room behind an alias of this server. */
  resolve(alias: string): Promise<number | undefined>
  publish(room: Room, published: boolean): Promise<void>
  /** Moves the aliases of this server that `user` may move, and the directory entry, from one room to its successor. */
  move(from: Room, to: Room, user: number): Promise<void>
}

/** What somebody here wants of a room elsewhere. */
export interface RemoteWish {
  readonly roomId: string
  readonly userId: string
  /** Servers that may be in it, the likeliest first. */
  readonly servers: readonly string[]
  /** Of the member event. */
  readonly content: JsonObject
}

/** Port, filled by federation/: rooms that are elsewhere. */
export interface RemoteRooms {
  /** Whether somebody of this server is in the room, or nobody at all, so that nobody else has to be asked. */
  isHere(room: Room): Promise<boolean>
  /** @throws {MatrixError} what another server said, as clients may be told */
  join(wish: RemoteWish): Promise<Room>
  /** Invites somebody of another server, who is asked first. @throws {MatrixError} */
  invite(room: Room, sender: string, target: string, content: JsonObject): Promise<StoredEvent>
  /** Asks to be let into a room that nobody here is in. @throws {MatrixError} what another server said, as clients may be told */
  knock(wish: RemoteWish): Promise<void>
  /** Ends the invitation to a room that nobody here is in, or the knock, by which somebody stands to it. */
  leave(room: Room, standing: StoredEvent, wish: Omit<RemoteWish, 'roomId'>): Promise<void>
  /** The room behind an alias of another server, and servers that are in it. */
  alias(alias: string): Promise<{ readonly roomId: string; readonly servers: readonly string[] } | undefined>
}

/** What the routes of this folder are made with. */
export interface RoomsRouteDeps {
  readonly rooms: Rooms
  readonly users: Users
  readonly profiles: Profiles
  readonly aliases: Aliases
  /** Absent: no room is blocked. */
  readonly blocks?: Blocks
  readonly database: Database
  readonly log: Log
  readonly serverName: string
  /** Absent: there are no other servers. */
  readonly remote?: RemoteRooms | undefined
  readonly now: () => number
  readonly defaultRoomVersion?: string
  /** Told of what is asked for in vain. A pino logger is one. */
  readonly logger?: { warn(details: object, message: string): void }
}
