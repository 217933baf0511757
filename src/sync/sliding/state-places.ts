import type { Room, Rooms, StoredEvent } from '../../events/index.ts'
import type { Entry } from '../../streams/index.ts'
import { loadingCache, type Memory } from '../../storage/index.ts'

/** The places of a room's state that are not members: short ids of state keys by event type and state key. */
export type StatePlaces = Map<string, Map<string, number>>

export interface StatePlacesCache {
  /** Every place that there is or ever was something in since the room was read; members have none here. */
  of(room: Room): Promise<ReadonlyMap<string, ReadonlyMap<string, number>>>
  /** Reads what these rooms need at once, for what is asked next. */
  prepare(rooms: readonly Room[]): Promise<void>
  /** To be called with every entry of the log. */
  hear(entry: Entry): void
}

/** In memory, of a place. */
const placeBytes = 200

/** So that what a client wants of a room's state is found without walking through the room's members. */
export function openStatePlaces(rooms: Rooms, memory: Memory): StatePlacesCache {
  const load = async (nid: number): Promise<StatePlaces | undefined> => {
    const room = await rooms.byNid(nid)
    if (!room) return undefined
    const places: StatePlaces = new Map()
    for (const [key, { type, stateKey }] of await rooms.stateKeys.names(otherKeys(room)))
      if (type !== 'm.room.member') add(places, type, stateKey, key)
    return places
  }
  const cache = loadingCache(memory, { name: 'places of state', weigh: bytesOf }, load)
  return {
    of: async ({ nid }) => (await cache.get(nid)) ?? (await load(nid)) ?? new Map(),
    prepare: async (list) => {
      const keys = list.filter(({ nid }) => !cache.peek(nid)).flatMap(otherKeys)
      if (keys.length > 0) await rooms.stateKeys.names(keys)
    },
    hear: ({ kind, room, data }) => {
      if (kind === 'room_gone' && room !== undefined) cache.drop(room)
      if (kind !== 'event' || room === undefined) return
      const { event } = data as StoredEvent // entries of this kind carry it
      if (event.stateKey === undefined || event.type === 'm.room.member') return
      const places = cache.peek(room)
      const key = rooms.stateKeys.peek(event.type, event.stateKey)
      if (places && key !== undefined) add(places, event.type, event.stateKey, key)
      else cache.drop(room)
    },
  }
}

/** The state keys of a room that are not members. */
function otherKeys({ members, state }: Room): number[] {
  const memberEvents = new Set<number>()
  for (const member of members.values()) memberEvents.add(member.event)
  const keys: number[] = []
  for (const [key, event] of state) if (!memberEvents.has(event)) keys.push(key)
  return keys
}

function bytesOf(places: StatePlaces): number {
  let count = 1
  for (const ofType of places.values()) count += 1 + ofType.size
  return placeBytes * count
}

function add(places: StatePlaces, type: string, stateKey: string, key: number): void {
  const ofType = places.get(type) ?? new Map<string, number>()
  places.set(type, ofType.set(stateKey, key))
}
