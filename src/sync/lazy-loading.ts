import { LruCache } from '../storage/lru.ts'
import type { StoredEvent } from '../rooms/index.ts'
import type { SyncRequest } from './request.ts'

/**
 * Which members a client that loads them lazily has been sent. In memory alone: forgetting costs the client a member event that
 * it has already.
 */
export interface LazyLoading {
  /** The members that go with the events shown. */
  membersFor(request: SyncRequest, shown: readonly StoredEvent[], full: boolean): ReadonlySet<string>
  /** Those events that the client has not had. */
  unsent(request: SyncRequest, room: number, events: readonly StoredEvent[], keepAll: boolean): readonly StoredEvent[]
  note(request: SyncRequest, room: number, events: readonly StoredEvent[]): void
}

const rememberedRooms = 20_000
const rememberedMembers = 500_000

export function createLazyLoading(): LazyLoading {
  /** State key to event nid, by device and room. */
  const sent = new LruCache<string, Map<string, number>>({ max: rememberedRooms, maxSize: rememberedMembers, sizeCalculation: (members) => members.size + 1 })
  const keyOf = ({ session }: SyncRequest, room: number): string => `${session.device ?? `u${session.user}`}:${room}`
  return {
    membersFor: ({ session }, shown, full) => {
      const members = new Set<string>()
      for (const { event } of shown) members.add(event.sender)
      if (full) members.add(session.userId)
      return members
    },
    unsent: (request, room, events, keepAll) => {
      if (keepAll || request.filter.room.state.includeRedundantMembers) return events
      const had = sent.get(keyOf(request, room))
      return had ? events.filter(({ event, nid }) => event.type !== 'm.room.member' || had.get(event.stateKey ?? '') !== nid) : events
    },
    note: (request, room, events) => {
      const key = keyOf(request, room)
      const had = sent.get(key) ?? new Map<string, number>()
      for (const { event, nid } of events) if (event.type === 'm.room.member' && event.stateKey !== undefined) had.set(event.stateKey, nid)
      sent.set(key, had)
    },
  }
}
