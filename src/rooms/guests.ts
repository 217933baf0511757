import type { Log } from '../streams/index.ts'
import type { StoredEvent } from '../events/index.ts'
import { leave, type MembershipDeps } from './membership.ts'

interface GuestsDeps extends MembershipDeps {
  readonly log: Log
  /** For work that nobody waits for. */
  readonly onError: (error: unknown) => void
}

/** Takes the guests of this server out of a room that takes none any more. */
const putOut = async (deps: GuestsDeps, nid: number): Promise<void> => {
  const room = await deps.rooms.byNid(nid)
  for (const user of room?.joined ?? []) {
    // It may have been opened again meanwhile.
    if (!room || room.summary.guestAccess === 'can_join') return
    const account = await deps.users.account(user)
    if (!account?.guest) continue
    try {
      await leave(deps, { nid: user, userId: account.userId }, room)
    } catch (error) {
      if (room.joined.has(user)) deps.onError(error)
    }
  }
}

/**
 * Sees to it that guests leave where they are not wanted any more, whoever of whatever server has said so.
 * @see https://spec.matrix.org/v1.19/client-server-api/#guest-access
 */
export function openGuests(deps: GuestsDeps): AsyncDisposable {
  const underWay = new Set<Promise<void>>()
  deps.log.listen((entry) => {
    const { room, kind, data } = entry
    // Entries of this kind carry an event.
    if (room === undefined || kind !== 'event' || (data as StoredEvent).event.type !== 'm.room.guest_access') return
    const work: Promise<void> = putOut(deps, room)
      .catch(deps.onError)
      .finally(() => underWay.delete(work))
    underWay.add(work)
  })
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(underWay)
    },
  }
}
