import { membershipIn, standings, type Room, type Rooms, type StoredEvent } from '../../events/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { serverOf } from '../../matrix/ids.ts'
import { serverAcl } from '../../matrix/server-acl.ts'
import { historyVisibility } from '../../matrix/visibility.ts'
import { mustRest, rest } from '../../storage/index.ts'
import type { Users } from '../../users/index.ts'
import type { RoomServers } from '../room-servers.ts'

export interface SightDeps {
  readonly rooms: Pick<Rooms, 'find' | 'byNid' | 'stateEvent' | 'stateEventBefore' | 'events'>
  readonly users: Pick<Users, 'namesOf'>
  readonly roomServers: RoomServers
}

/** What a server gets of an event: all of it, its redacted form (it is in the room, and was not when that was said), or nothing. */
export type Share = 'whole' | 'redacted' | 'none'

/** What a server may read of a room. */
export interface ServerSight {
  readonly room: Room
  /** Whether somebody of it is in the room now. */
  readonly isIn: boolean
  of(stored: StoredEvent): Promise<Share>
}

/** The one answer to what is not there and to what is not for this server: byte for byte the same. */
export const notForYou = (): MatrixError =>
  new MatrixError('M_NOT_FOUND', 'There is no such room or event, or it is not for your server to see')

/** So many of a server's people are looked at to find out whether one was there. */
const mostPeople = 500

/**
 * Decides what a server may read of a room; every endpoint that reads asks here.
 * @throws {MatrixError} M_NOT_FOUND when it may not know of the room at all
 * @see https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events
 */
export async function sightOf(deps: SightDeps, origin: string, room: Room | undefined): Promise<ServerSight> {
  const { rooms, users, roomServers } = deps
  if (!room) throw notForYou()
  const acl = await rooms.stateEvent(room, 'm.room.server_acl', '')
  if (!serverAcl(acl?.event)(origin)) throw notForYou()
  const isIn = await roomServers.has(room.nid, origin)
  let people: readonly string[] | undefined

  const peopleOf = async (): Promise<readonly string[]> =>
    (people ??= [...(await users.namesOf(room.members.keys())).values()]
      .filter((userId) => serverOf(userId) === origin)
      .slice(0, mostPeople))

  /** The memberships that its people had in the state before an event, and right after it. */
  const membershipsAt = async (stored: StoredEvent): Promise<Set<string>> => {
    const found = new Set<string>()
    for (const userId of await peopleOf()) {
      if (mustRest()) await rest()
      const before = await rooms.stateEventBefore(stored, 'm.room.member', userId)
      if (before) found.add(membershipIn(before.event))
      if (stored.event.type === 'm.room.member' && stored.event.stateKey === userId)
        found.add(membershipIn(stored.event))
    }
    return found
  }

  const share = async (stored: StoredEvent): Promise<Share> => {
    // Of an outlier nobody knows where in the room it stands; what was rejected is nobody's to see.
    if (stored.room !== room.nid || stored.position === 0 || stored.standing === standings.rejected) return 'none'
    const visibility = historyVisibility((await rooms.stateEventBefore(stored, 'm.room.history_visibility', ''))?.event)
    if (visibility === 'world_readable' || (visibility === 'shared' && isIn)) return 'whole'
    const memberships = await membershipsAt(stored)
    if (memberships.has('join')) return 'whole'
    if (!isIn) return 'none'
    return visibility === 'invited' && memberships.has('invite') ? 'whole' : 'redacted'
  }
  const known = new Map<number, Promise<Share>>()
  return {
    room,
    isIn,
    of: (stored) => {
      const before = known.get(stored.nid)
      if (before) return before
      const fresh = share(stored)
      known.set(stored.nid, fresh)
      return fresh
    },
  }
}

/**
 * The event and what a server may read of its room. Who is in the room may have the state of any time, which it was given when it came;
 * `least` is then `redacted`.
 * @throws {MatrixError} M_NOT_FOUND unless the server may see that much
 */
export async function eventInSight(
  deps: SightDeps,
  origin: string,
  eventId: string,
  { roomId, least = 'whole' }: { readonly roomId?: string; readonly least?: Exclude<Share, 'none'> } = {},
): Promise<{ stored: StoredEvent; sight: ServerSight }> {
  const stored = await deps.rooms.events.byId(eventId)
  const room = stored && (await deps.rooms.byNid(stored.room))
  if (!stored || (roomId !== undefined && room?.id !== roomId)) throw notForYou()
  const sight = await sightOf(deps, origin, room)
  const share = await sight.of(stored)
  if (share !== 'whole' && share !== least) throw notForYou()
  return { stored, sight }
}
