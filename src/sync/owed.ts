import type { Session } from '../http/index.ts'
import type { Memory } from '../storage/index.ts'

/**
 * Rooms that were left out of an answer, since something failed while they were written down: one broken room must not keep all
 * others from a user. The next answer has them anew, in full. In memory alone.
 */
export interface Owed {
  /** The rooms that an answer to a sync with this token owes the client. */
  of(session: Session, since: number): readonly number[]
  /** The answer of the token `until` does not have the room. */
  owe(session: Session, room: number, until: number): void
  /** The answer of the token `until` has it; the debt is gone when the client comes with that token. */
  pay(session: Session, room: number, until: number): void
}

interface Debt {
  readonly owedAt: number
  readonly paidAt: number
}

export function createOwed(memory: Memory): Owed {
  const devices = memory.cache<number, Map<number, Debt>>({
    name: 'rooms owed',
    weigh: (rooms) => 100 * (rooms.size + 1),
  })
  const keyOf = ({ device, tokenId }: Session): number => device ?? -tokenId
  const change = (session: Session, room: number, by: (before: Debt | undefined) => Debt | undefined): void => {
    const rooms = new Map(devices.get(keyOf(session)))
    const debt = by(rooms.get(room))
    if (debt) rooms.set(room, debt)
    else rooms.delete(room)
    devices.set(keyOf(session), rooms)
  }
  return {
    of: (session, since) => {
      const rooms = devices.entries === 0 ? undefined : devices.get(keyOf(session))
      if (!rooms) return []
      for (const [room, { paidAt }] of rooms) if (since >= paidAt) rooms.delete(room)
      return [...rooms].flatMap(([room, { owedAt }]) => (since >= owedAt ? [room] : []))
    },
    owe: (session, room, until) =>
      change(session, room, (before) => ({ owedAt: Math.min(before?.owedAt ?? until, until), paidAt: Infinity })),
    pay: (session, room, until) => change(session, room, (before) => before && { ...before, paidAt: until }),
  }
}
