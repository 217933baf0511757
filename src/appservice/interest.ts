import type { Room, Rooms, StoredEvent } from '../events/index.ts'
import type { Memory } from '../storage/index.ts'
import type { Users } from '../users/index.ts'
import { fitsAny, type Service } from './services.ts'

export interface InterestDeps {
  readonly memory: Memory
  readonly rooms: Pick<Rooms, 'peek' | 'byNid' | 'events' | 'of'>
  readonly users: Pick<Users, 'namesOf' | 'find' | 'peekNid'>
  readonly aliases: {
    of(room: number): Promise<string[]>
    onChange(listener: (room: number) => void): void
  }
}

/** What an application service is to be told of. */
export interface Interest {
  isOwn(userId: string): boolean
  /** Whether the event is of interest, as the room was when it was sent. Without a promise wherever that is known. */
  inEvent(stored: StoredEvent): boolean | Promise<boolean>
  /** Whether what happens in the room now is. */
  inRoom(room: number): Promise<boolean>
  /** Whether the user is one of its own, or in a room with one of these. */
  inUser(user: number, userId: string): Promise<boolean>
  /** Its own users in a room. */
  membersOf(room: number): Promise<readonly number[]>
}

/**
 * Follows what an application service is interested in: its users and what is done to them, rooms that these are in, and rooms of its
 * namespaces. Which of its users have to do with a room is found out once, when the room first comes up, and followed from then on.
 * @see https://spec.matrix.org/v1.19/application-service-api/#registration
 */
export function openInterest({ memory, rooms, users, aliases }: InterestDeps, service: Service): Interest {
  const own = memory.cache<string, boolean>({ name: 'users of bridges', weigh: (_, userId) => 2 * userId.length })
  /** Rooms of the namespaces of rooms and aliases. */
  const named = memory.cache<number, boolean>({ name: 'rooms of bridges', weigh: 10 })
  /** Its users who ever had to do with a room, by the head of the room. */
  const ghosts = new WeakMap<Room, Set<number>>()
  if (service.aliases.length > 0) aliases.onChange((room) => void named.delete(room))

  const isOwn = (userId: string): boolean => {
    const known = own.get(userId) ?? service.covers(userId)
    own.set(userId, known)
    return known
  }

  const ghostsOf = (room: Room): Set<number> | Promise<Set<number>> => {
    const known = ghosts.get(room)
    if (known) return known
    return users.namesOf(room.members.keys()).then((names) => {
      const found = new Set([...names].filter(([, userId]) => isOwn(userId)).map(([nid]) => nid))
      ghosts.set(room, found)
      return found
    })
  }

  const isNamed = (room: Room): boolean | Promise<boolean> => {
    if (service.rooms.length === 0 && service.aliases.length === 0) return false
    const known = named.get(room.nid)
    if (known !== undefined) return known
    if (fitsAny(service.rooms, room.id)) {
      named.set(room.nid, true)
      return true
    }
    return aliases.of(room.nid).then((list) => {
      const fits = list.some((alias) => fitsAny(service.aliases, alias))
      named.set(room.nid, fits)
      return fits
    })
  }

  /** Whether the user was in the room at that position of the log. What has come since is undone, change by change. */
  const wasIn = async (room: Room, user: number, position: number): Promise<boolean> => {
    for (let nid = room.members.get(user)?.event ?? null; nid !== null;) {
      const stored = await rooms.events.get(nid)
      if (!stored) return false
      if (stored.position !== 0 && stored.position <= position) return stored.event.content['membership'] === 'join'
      nid = stored.replaces
    }
    return false
  }

  const hadGhost = (room: Room, among: ReadonlySet<number>, position: number): boolean | Promise<boolean> => {
    const unsure: number[] = []
    for (const user of among) {
      const member = room.members.get(user)
      if (member && member.position !== 0 && member.position <= position) {
        if (member.membership === 'join') return true
      } else unsure.push(user)
    }
    return (
      unsure.length > 0 &&
      Promise.all(unsure.map((user) => wasIn(room, user, position))).then((all) => all.includes(true))
    )
  }

  const roomOf = (nid: number): Room | Promise<Room | undefined> => rooms.peek(nid) ?? rooms.byNid(nid)

  const inEventSlowly = async ({ room: nid, position }: StoredEvent): Promise<boolean> => {
    const room = await roomOf(nid)
    return room !== undefined && ((await hadGhost(room, await ghostsOf(room), position)) || isNamed(room))
  }

  /** Its users who are in the room now. */
  const membersOf = async (nid: number): Promise<number[]> => {
    const room = await roomOf(nid)
    return room ? [...(await ghostsOf(room))].filter((user) => room.joined.has(user)) : []
  }

  const inRoom = async (nid: number): Promise<boolean> => {
    const room = await roomOf(nid)
    if (!room) return false
    for (const user of await ghostsOf(room)) if (room.joined.has(user)) return true
    return isNamed(room)
  }

  return {
    isOwn,
    inEvent: (stored) => {
      const { event } = stored
      const room = rooms.peek(stored.room)
      const known = room && ghosts.get(room)
      if (event.type === 'm.room.member' && event.stateKey !== undefined && isOwn(event.stateKey)) {
        const target = users.peekNid(event.stateKey)
        if (known && target !== undefined) known.add(target)
        // Its short id is not at hand: whoever comes next finds the members out anew.
        else if (room) ghosts.delete(room)
        return true
      }
      if (isOwn(event.sender)) return true
      if (!room || !known) return inEventSlowly(stored)
      const there = hadGhost(room, known, stored.position)
      return there === true || (there === false ? isNamed(room) : there.then((was) => was || isNamed(room)))
    },
    inRoom,
    inUser: async (user, userId) => {
      if (isOwn(userId)) return true
      for (const [room, { membership }] of await rooms.of(user))
        if (membership === 'join' && (await inRoom(room))) return true
      return false
    },
    membersOf,
  }
}
