import type { Memory } from '../storage/index.ts'
import type { StoredEvent } from '../events/index.ts'
import type { SyncRequest } from './request.ts'

/**
 * Which members a client that loads them lazily has been sent. In memory alone: forgetting costs the client a member event that
 * it has already.
 */
export interface LazyLoading {
  /** Those member events that the client has not had, as far as its token proves. */
  unsent(request: SyncRequest, room: number, members: readonly StoredEvent[]): readonly StoredEvent[]
  /** Notes what an answer of the token `until` carries; `anew`: the client forgets what it had of the room. */
  note(request: SyncRequest, room: number, until: number, events: readonly StoredEvent[], anew: boolean): void
}

/** In memory, of a member that was sent. */
const memberBytes = 200

/** A member event, and the token of the answer that it was sent with first: one who comes with an older token may not have got it. */
interface Sent {
  readonly event: number
  readonly token: number
}

export function createLazyLoading(memory: Memory): LazyLoading {
  /** By device and room, then by the member's user id. */
  const sent = memory.cache<string, Map<string, Sent>>({
    name: 'members sent',
    weigh: (members) => memberBytes * (members.size + 1),
  })
  const keyOf = ({ session }: SyncRequest, room: number): string => `${session.device ?? `u${session.user}`}:${room}`
  return {
    unsent: (request, room, members) => {
      const had = request.filter.room.state.includeRedundantMembers ? undefined : sent.get(keyOf(request, room))
      if (!had) return members
      return members.filter(({ event, nid }) => {
        const before = had.get(event.stateKey ?? '')
        return before?.event !== nid || before.token > (request.since ?? 0)
      })
    },
    note: (request, room, until, events, anew) => {
      const key = keyOf(request, room)
      const had = (anew ? undefined : sent.get(key)) ?? new Map<string, Sent>()
      const before = had.size
      for (const { event, nid } of events) {
        if (event.type !== 'm.room.member' || event.stateKey === undefined) continue
        const known = had.get(event.stateKey)
        if (known?.event !== nid || known.token > until) had.set(event.stateKey, { event: nid, token: until })
      }
      if (anew || had.size !== before) sent.set(key, had)
    },
  }
}
