import type { Database } from '../storage/index.ts'
import type { Events } from './event-cache.ts'
import type { Head, Member } from './room.ts'
import { flatten, type StateSets } from './state-sets.ts'
import { memberFromRow, readMembers, readRoom, readRoomNid, roomFromRow } from './store/rooms.ts'

/** The heads of rooms, in memory while they are in use. */
export interface Heads {
  get(nid: number): Promise<Head | undefined>
  byId(roomId: string): Promise<Head | undefined>
  /** From memory alone. */
  peek(nid: number): Head | undefined
  /** A room that is just being made. */
  add(room: Head): void
  /** Marks that a change of the room is on its way to the database; until it is settled the room stays in memory. */
  hold(room: Head): void
  settle(room: Head): void
  /** Forgets a head that got ahead of a database which refused to follow. */
  kill(room: Head): void
  /** Never gives out the room again: it is being removed. */
  retire(nid: number): void
  /** The newest events that the head keeps are read anew when they are asked for. */
  forgetRecent(nid: number): void
}

/** In memory: of a room by itself, and of each member and each entry of its state. */
const [roomBytes, memberBytes, stateBytes] = [4000, 300, 50]

export function openHeads(database: Database, events: Events, stateSets: StateSets): Heads {
  const busy = new Map<number, Head>()
  const rooms = database.memory.cache<number, Head>({
    name: 'rooms',
    weigh: ({ members, state, recent }) =>
      roomBytes + memberBytes * members.size + stateBytes * state.size + (recent?.bytes ?? 0),
    grows: true,
    share: 1 / 2,
    dispose: (room) => {
      if (nids.get(room.id) === room.nid && !busy.has(room.nid)) nids.delete(room.id)
    },
  })
  const nids = new Map<string, number>()
  const loading = new Map<number, Promise<Head | undefined>>()
  const retired = new Set<number>()

  const load = async (nid: number): Promise<Head | undefined> => {
    const dying = busy.get(nid)
    if (dying) await new Promise<void>((resolve) => dying.whenSettled.push(resolve))
    const row = retired.has(nid) ? undefined : await readRoom(database.read, nid)
    if (!row) return undefined
    // Of a room that is known by an invitation alone there is no state.
    const chain = row.state_nid === 0 ? [] : await stateSets.chain(row.state_nid)
    const members = new Map<number, Member>()
    const joined = new Set<number>()
    let invited = 0
    for (const member of await readMembers(database.read, nid)) {
      members.set(member.user_nid, memberFromRow(member))
      if (member.membership === 'join') joined.add(member.user_nid)
      else if (member.membership === 'invite') invited += 1
    }
    const extremities = (await events.many(JSON.parse(row.extremities) as number[])).map((stored) => ({
      nid: stored.nid,
      id: stored.event.id,
      depth: stored.event.depth,
    }))
    if (retired.has(nid)) return undefined
    const room: Head = {
      ...roomFromRow(row),
      chain,
      state: flatten(chain),
      members,
      joined,
      invited,
      extremities,
      pending: 0,
      dead: false,
      whenSettled: [],
    }
    nids.set(room.id, nid)
    rooms.set(nid, room)
    return room
  }

  const peek = (nid: number): Head | undefined => {
    const held = rooms.get(nid) ?? busy.get(nid)
    return held?.dead ? undefined : held
  }

  const get = (nid: number): Promise<Head | undefined> => {
    const room = peek(nid)
    if (room) return Promise.resolve(room)
    const under = loading.get(nid)
    if (under) return under
    const load_ = load(nid).finally(() => loading.delete(nid))
    loading.set(nid, load_)
    return load_
  }

  return {
    get,
    peek,
    byId: async (roomId) => {
      const nid = nids.get(roomId) ?? (await readRoomNid(database.read, roomId))
      return nid === undefined ? undefined : get(nid)
    },
    add: (room) => {
      nids.set(room.id, room.nid)
      rooms.set(room.nid, room)
    },
    hold: (room) => {
      room.pending += 1
      busy.set(room.nid, room)
    },
    settle: (room) => {
      room.pending -= 1
      if (room.pending > 0) return
      if (busy.get(room.nid) === room) busy.delete(room.nid)
      for (const resolve of room.whenSettled.splice(0)) resolve()
    },
    kill: (room) => {
      room.dead = true
      if (rooms.peek(room.nid) === room) rooms.delete(room.nid)
      nids.delete(room.id)
    },
    retire: (nid) => {
      retired.add(nid)
      const room = peek(nid)
      if (!room) return
      room.dead = true
      if (rooms.peek(nid) === room) rooms.delete(nid)
      nids.delete(room.id)
    },
    forgetRecent: (nid) => {
      const room = peek(nid)
      if (room) delete room.recent
    },
  }
}
