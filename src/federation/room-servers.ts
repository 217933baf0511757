import type { Rooms, StoredEvent } from '../events/index.ts'
import { membershipIn } from '../events/index.ts'
import { serverOf } from '../matrix/ids.ts'
import type { Memory } from '../storage/index.ts'
import type { Entry } from '../streams/index.ts'
import type { Users } from '../users/index.ts'

/** The other servers with joined members, each with the short ids of these. */
export type ServersInRoom = ReadonlyMap<string, ReadonlySet<number>>

/** Which other servers are in which room: counted once, and kept as members come and go. */
export interface RoomServers {
  /** Without a promise when it is in memory. */
  of(room: number): ServersInRoom | Promise<ServersInRoom>
  /** Whether a server has a joined member. */
  has(room: number, server: string): Promise<boolean>
  /** Members came or went otherwise than by events, as by resolution of state: they are counted anew. */
  forget(room: number): void
  /** To be called with every entry of the log. */
  hear(entry: Entry): void
}

export interface RoomServersDeps {
  readonly memory: Memory
  readonly rooms: Pick<Rooms, 'byNid'>
  readonly users: Pick<Users, 'namesOf'>
  readonly serverName: string
}

const memberBytes = 20
const serverBytes = 300

export function openRoomServers({ memory, rooms, users, serverName }: RoomServersDeps): RoomServers {
  const known = memory.cache<number, Map<string, Set<number>>>({
    name: 'servers in rooms',
    grows: true,
    weigh: (servers) => {
      let bytes = 100
      for (const members of servers.values()) bytes += serverBytes + memberBytes * members.size
      return bytes
    },
  })
  /** Counts what would make a count under way wrong. */
  let changes = 0

  const count = async (nid: number): Promise<Map<string, Set<number>>> => {
    for (;;) {
      const before = changes
      const room = await rooms.byNid(nid)
      const servers = new Map<string, Set<number>>()
      for (const [user, userId] of await users.namesOf(room?.joined ?? [])) {
        const server = serverOf(userId)
        if (server === serverName) continue
        const members = servers.get(server)
        if (members) members.add(user)
        else servers.set(server, new Set([user]))
      }
      if (before !== changes) continue
      known.set(nid, servers)
      return servers
    }
  }

  const of = (room: number): ServersInRoom | Promise<ServersInRoom> => known.get(room) ?? count(room)

  return {
    of,
    has: async (room, server) => (await of(room)).has(server),
    forget: (room) => {
      changes += 1
      known.delete(room)
    },
    hear: ({ kind, room, user, data }) => {
      if (kind !== 'event' || room === undefined || user === undefined) return
      const { event, standing } = data as StoredEvent // entries of this kind carry it
      if (event.type !== 'm.room.member' || standing !== 0) return
      const server = serverOf(event.stateKey ?? '')
      if (server === serverName) return
      changes += 1
      const servers = known.peek(room)
      if (!servers) return
      const members = servers.get(server)
      if (membershipIn(event) === 'join') {
        if (members) members.add(user)
        else servers.set(server, new Set([user]))
      } else if (members?.delete(user) && members.size === 0) servers.delete(server)
    },
  }
}
