import { MatrixError } from '../matrix/errors.ts'
import type { RoomVersion } from '../matrix/room-version.ts'
import { openSequence, type Database, type Tx } from '../storage/index.ts'
import { append, type AppendDeps } from './append.ts'
import { openEvents, type Events } from './event-cache.ts'
import { roomMaker, type FirstDrafts } from './new-room.ts'
import { Recent } from './recent.ts'
import type { Room } from './room.ts'
import { openHeads } from './heads.ts'
import type { ReceivePorts } from './receive/deps.ts'
import { openReceiver, type Receiver } from './receive/receiver.ts'
import { openResets } from './resets.ts'
import type { Draft } from './stage.ts'
import { openRemoval, type Removal } from './removal.ts'
import { openStateKeys, type StateKeys } from './state-keys.ts'
import { openStateSets, type StateMap, type StateSets } from './state-sets.ts'
import type { StoredEvent } from './stored-event.ts'
import { readEverywhere, readMemberEvents, readTimeline, type Span } from './store/events.ts'
import { forgetRoom, readChangedRooms, setPublished } from './store/rooms.ts'
import { openUserRooms, type UserRoom } from './user-rooms.ts'

/** The rooms of this server: their heads, events and states, and the one way to add to them. */
export interface Rooms {
  readonly events: Events
  readonly stateKeys: Pick<StateKeys, 'peek' | 'find' | 'names'>
  readonly stateSets: Pick<StateSets, 'load'>
  byNid(nid: number): Promise<Room | undefined>
  find(roomId: string): Promise<Room | undefined>
  /** From memory alone. */
  peek(nid: number): Room | undefined
  /** The current state event in a place of the state. */
  stateEvent(room: Room, type: string, stateKey: string): Promise<StoredEvent | undefined>
  /** The state event in a place of the state before `stored`. */
  stateEventBefore(stored: StoredEvent, type: string, stateKey: string): Promise<StoredEvent | undefined>
  /** The whole state before an event. It is shared: it cannot be changed. */
  stateBefore(stored: StoredEvent): Promise<StateMap>
  /** The whole state after an event. */
  stateAfter(stored: StoredEvent): Promise<StateMap>
  /** The room's accepted events between two positions. */
  timeline(span: Span): Promise<StoredEvent[]>
  /** The accepted events of all rooms in `(since, until]`, in the order of the log: for who follows it, and was away. */
  everywhere(since: number, until: number): Promise<StoredEvent[]>
  /** Those of the rooms that have events after `since`. */
  changedSince(rooms: readonly number[], since: number): Promise<number[]>
  /** Places of a room's state that changed in `(since, until]`, although no event for them did it. See resets.ts. */
  resets(room: number, since: number, until: number): Promise<number[]>
  /** The member events of a room in `(since, until]`. */
  membersChanged(room: number, since: number, until: number): Promise<StoredEvent[]>
  /** Adds events of local users at the head of the room: all or none. See append.ts. */
  append(room: Room, drafts: readonly Draft[]): Promise<StoredEvent[]>
  /** Makes a room of its first events: all or none. The first of them is the create event. */
  make(version: RoomVersion, drafts: FirstDrafts): Promise<Room>
  /** Opens the door for events and rooms of other servers. See receive/. */
  openReceiver(ports: ReceivePorts): Promise<Receiver>
  /**
   * Waits until all that has been asked for until now is durable, or has failed: before something that `room` says is called done.
   * False when it did not come about.
   */
  isDurable(room: Room): Promise<boolean>
  /** Takes rooms and events away for good. */
  readonly removal: Removal
  /** The rooms a user has to do with, by nid, as of `log.now`. */
  of(user: number): Promise<ReadonlyMap<number, UserRoom>>
  /** Everyone who is joined to a room that the user is joined to, the user included. */
  sharers(user: number): Promise<Set<number>>
  forget(room: Room, user: number): Promise<void>
  /** Lists the room in the directory, or no longer. */
  publish(room: Room, published: boolean): Promise<void>
}

export type RoomsDeps = Pick<AppendDeps, 'log' | 'users' | 'serverName' | 'signingKey' | 'now' | 'randomId'> & {
  readonly database: Database
}

/** Keys the hashes of state sets; made once for each database. */
export async function stateSecret(database: Database, fresh: string): Promise<string> {
  return database.write(async (tx: Tx) => {
    const key = 'state_secret'
    await tx
      .insertInto('meta')
      .values({ key, value: fresh })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    return (await tx.selectFrom('meta').where('key', '=', key).select('value').executeTakeFirstOrThrow()).value
  })
}

export async function openRooms(deps: RoomsDeps): Promise<Rooms> {
  const { database, log } = deps
  const [secret, eventIds, roomIds, stateKeyIds, stateSetIds] = await Promise.all([
    stateSecret(database, deps.randomId()),
    openSequence(database, 'events'),
    openSequence(database, 'rooms'),
    openSequence(database, 'state_keys'),
    openSequence(database, 'state_sets'),
  ])
  const events = openEvents(database)
  const stateKeys = openStateKeys(database, stateKeyIds)
  const stateSets = openStateSets(database, stateSetIds, secret)
  const heads = openHeads(database, events, stateSets)
  const userRooms = openUserRooms(database)
  const resets = openResets(database)
  log.listen((entry) => {
    userRooms.hear(entry)
    if (entry.kind === 'event' && entry.room !== undefined)
      heads.peek(entry.room)?.recent?.push(entry.data as StoredEvent) // entries of this kind carry it
  })
  const appendDeps: AppendDeps = { ...deps, events, stateKeys, stateSets, heads, eventIds }

  const eventAt = async (nid: number | undefined): Promise<StoredEvent | undefined> =>
    nid === undefined ? undefined : (events.peek(nid) ?? events.get(nid))

  const stateBefore = async ({ stateBefore: nid }: StoredEvent): Promise<StateMap> =>
    nid === null ? new Map() : stateSets.load(nid)

  const stateAfter = async (stored: StoredEvent): Promise<StateMap> => {
    const before = await stateBefore(stored)
    if (stored.event.stateKey === undefined) return before
    const key = await stateKeys.find(stored.event.type, stored.event.stateKey)
    return key === undefined ? before : new Map(before).set(key, stored.nid)
  }

  const timeline = async (span: Span): Promise<StoredEvent[]> => {
    const room = span.dir === 'b' ? heads.peek(span.room) : undefined
    if (room && !room.recent && room.pending === 0 && span.upTo >= room.latestPosition) {
      const before = room.latestPosition
      const newest = events.adopt(await readTimeline(database.read, Recent.span(room.nid)))
      if (room.latestPosition === before) room.recent ??= new Recent(newest.toReversed())
    }
    return room?.recent?.backwards(span) ?? events.adopt(await readTimeline(database.read, span))
  }

  return {
    events,
    stateKeys,
    stateSets,
    byNid: (nid) => heads.get(nid),
    find: (roomId) => heads.byId(roomId),
    peek: (nid) => heads.peek(nid),
    stateEvent: async (room, type, stateKey) => {
      const key = stateKeys.peek(type, stateKey) ?? (await stateKeys.find(type, stateKey))
      return eventAt(key === undefined ? undefined : room.state.get(key))
    },
    stateEventBefore: async (stored, type, stateKey) => {
      const key = await stateKeys.find(type, stateKey)
      return eventAt(
        key === undefined || stored.stateBefore === null ? undefined : await stateSets.find(stored.stateBefore, key),
      )
    },
    stateBefore,
    stateAfter,
    timeline,
    everywhere: async (since, until) => events.adopt(await readEverywhere(database.read, since, until)),
    changedSince: (nids, since) => readChangedRooms(database.read, nids, since),
    resets: (room, since, until) => resets.in(room, since, until),
    membersChanged: async (room, since, until) =>
      events.adopt(await readMemberEvents(database.read, room, since, until)),
    append: (room, drafts) => append(appendDeps, room, drafts),
    make: roomMaker(appendDeps, roomIds),
    removal: openRemoval({ database, log, events, heads, stateSets, userRooms }),
    openReceiver: (ports) => openReceiver({ ...appendDeps, database, userRooms, roomIds, resets, ...ports }),
    isDurable: async (room) => {
      await database.write(async () => {})
      return !room.dead
    },
    of: (user) => userRooms.get(user),
    sharers: async (user) => {
      const sharers = new Set([user])
      for (const [nid, { membership }] of await userRooms.get(user)) {
        if (membership !== 'join') continue
        for (const member of (await heads.get(nid))?.joined ?? []) sharers.add(member)
      }
      return sharers
    },
    publish: async (room, published) => {
      const head = await heads.get(room.nid)
      if (!head || head.published === published) return
      // Events that are stored meanwhile write the same row.
      head.published = published
      heads.hold(head)
      try {
        await database.write((tx) => setPublished(tx, head.nid, published))
      } catch (error) {
        head.published = !published
        throw error
      } finally {
        heads.settle(head)
      }
    },
    forget: async (room, user) => {
      const membership = room.members.get(user)?.membership
      if (membership === 'join' || membership === 'invite' || membership === 'knock') {
        throw new MatrixError('M_UNKNOWN', `You are in this room (${membership}): leave it before you forget it`, {
          status: 400,
        })
      }
      await database.write((tx) => forgetRoom(tx, room.nid, user))
      userRooms.forget(user, room.nid)
    },
  }
}
