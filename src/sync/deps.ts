import type { KeyCounts } from '../devices/index.ts'
import type { Filter, RoomEventFilter } from '../matrix/filter.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Room, Rooms, StoredEvent } from '../events/index.ts'
import type { EventReader } from '../history/index.ts'
import type { Session } from '../http/index.ts'
import type { Memory } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'

/** Notifications of one room that a user has not seen. */
export interface Unread {
  readonly notification: number
  readonly highlight: number
}

/** Of a room: outside of all threads, in each thread, and in all. */
export interface RoomCounts {
  readonly main: Unread
  readonly threads: ReadonlyMap<string, Unread>
  readonly total: Unread
}

/** An event of a client's own making: `type` and `content`. */
export interface PlainEvent {
  readonly type: string
  readonly content: JsonObject
}

/** What a sync reads, of everyone else's streams. `server.ts` fills it. */
export interface SyncDeps {
  readonly rooms: Rooms
  readonly users: Users
  readonly log: Log
  readonly now: () => number
  readonly memory: Memory
  /** Port to metrics/: a sync that waited has its answer, so many ms after what it waited for came. */
  readonly onWoken?: ((ms: number) => void) | undefined
  /** A room could not be told of, and is left out of an answer. */
  readonly onRoomError: (error: unknown, where: { readonly room: number; readonly user: number }) => void
  /** Those of the room's events that the user may see. */
  readonly visible: (user: Session, room: Room, events: readonly StoredEvent[]) => Promise<readonly StoredEvent[]>
  /** Those of the events that others relate to as the filter asks for. */
  readonly related: (filter: RoomEventFilter, events: readonly StoredEvent[]) => Promise<readonly StoredEvent[]>
  /** Events as clients get them, as JSON texts; `lean`: without what takes a look at other events. */
  readonly serialise: (
    events: readonly StoredEvent[],
    reader: EventReader & { readonly session: Session; readonly lean?: boolean },
  ) => Promise<string[]>
  /** The filter behind an id of the user's own. @throws MatrixError M_NOT_FOUND */
  readonly filter: (user: number, id: string) => Promise<Filter>
  readonly accountData: {
    /** Of the user, and of rooms by nid, changed in `(since, until]`; since 0: all. */
    since(
      user: number,
      since: number,
      until: number,
    ): Promise<{ readonly global: readonly PlainEvent[]; readonly rooms: ReadonlyMap<number, readonly PlainEvent[]> }>
    ignored(user: number): Promise<ReadonlySet<string>>
  }
  readonly receipts: {
    /** Contents of `m.receipt` events by room, of what the user may know and is new in `(since, until]`. */
    since(
      user: number,
      rooms: readonly number[],
      since: number,
      until: number,
    ): Promise<ReadonlyMap<number, readonly JsonObject[]>>
  }
  /** Who types in a room. */
  readonly typing: (room: number) => readonly string[]
  readonly presence: {
    /** `m.presence` events of the users that share a room with this one. */
    since(user: number, since: number, until: number): Promise<ReadonlyArray<PlainEvent & { readonly sender: string }>>
    /** A sync is a sign of life, for as long as it waits. Resolves when what it changes has been told. */
    seen(session: Session, state: 'online' | 'offline' | 'unavailable', lastsMs?: number): Promise<void>
  }
  readonly toDevice: {
    take(
      device: number,
      since: number | undefined,
      until: number,
      limit?: number,
    ): Promise<readonly JsonObject[]> | readonly JsonObject[]
  }
  readonly deviceLists: {
    /** Users, of all that there are, whose devices or keys changed in `(since, until]`, and those whose keys the viewer has signed. */
    changed(since: number, until: number, viewer: number): Promise<readonly number[]> | readonly number[]
    /** Numbers of unclaimed one-time keys by algorithm, and the algorithms with an unused fallback key. */
    keys(device: number): KeyCounts | Promise<KeyCounts>
  }
  readonly unread: {
    counts(user: number, room: Room): Promise<RoomCounts>
    /** The same for many rooms with few queries, by the room's nid. */
    countsOfMany(user: number, rooms: readonly Room[]): Promise<ReadonlyMap<number, RoomCounts>>
  }
}
