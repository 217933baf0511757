import type { Room, Rooms } from '../events/index.ts'
import type { Log } from '../streams/index.ts'

/** Who is typing where: in memory alone. */
export interface Typing extends Disposable {
  /** The user types in the room for so many ms (at most two minutes), or no longer (0). */
  set(room: Room, user: { readonly nid: number; readonly userId: string }, timeout: number): void
  /** User ids of those who type in the room now. */
  in(room: number): readonly string[]
}

const longest = 120_000
const nobody: readonly string[] = []

export function openTyping(deps: {
  log: Log
  rooms: Pick<Rooms, 'peek' | 'byNid'>
  onError: (error: unknown) => void
}): Typing {
  const { log, rooms, onError } = deps
  const typers = new Map<number, Map<number, { userId: string; timer: NodeJS.Timeout }>>()

  const stop = (room: number, user: number): boolean => {
    const here = typers.get(room)
    const typer = here?.get(user)
    if (!here || !typer) return false
    clearTimeout(typer.timer)
    here.delete(user)
    if (here.size === 0) typers.delete(room)
    return true
  }

  const tell = (room: Room): void => {
    log.publish({ kind: 'typing', room: room.nid, wake: room.joined })
  }

  const expire = async (nid: number, user: number): Promise<void> => {
    if (!stop(nid, user)) return
    const room = await rooms.byNid(nid)
    if (room) tell(room)
  }

  return {
    set: (room, { nid, userId }, timeout) => {
      const wasTyping = stop(room.nid, nid)
      if (timeout > 0) {
        const timer = setTimeout(() => void expire(room.nid, nid).catch(onError), Math.min(timeout, longest)).unref()
        const here = typers.get(room.nid) ?? new Map<number, { userId: string; timer: NodeJS.Timeout }>()
        here.set(nid, { userId, timer })
        typers.set(room.nid, here)
      }
      if (wasTyping !== timeout > 0) tell(room)
    },
    in: (room) => {
      const here = typers.get(room)
      if (!here) return nobody
      const joined = rooms.peek(room)?.joined
      return [...here].filter(([user]) => joined?.has(user) ?? true).map(([, { userId }]) => userId)
    },
    [Symbol.dispose]: () => {
      for (const here of typers.values()) for (const { timer } of here.values()) clearTimeout(timer)
      typers.clear()
    },
  }
}
