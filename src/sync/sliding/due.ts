import type { UserRoom } from '../../events/index.ts'
import { knownLive, live, type Connection, type Known } from './connection.ts'
import { covers } from './required-state.ts'
import type { RoomContext } from './room-task.ts'
import type { Wanted, WantedRooms } from './wanted.ts'

/** Up to where the client knows a room. */
export const knownUpTo = (known: Known, since: number | undefined): number =>
  known.upTo === live ? (since ?? 0) : known.upTo

/**
 * The rooms that the client knows and that the user has gone from, or been put out of, since: forgotten ones too, as another device
 * of the user may have forgotten them.
 */
export async function departures(
  { deps, session: { user }, since, until }: RoomContext,
  connection: Connection,
): Promise<Map<number, UserRoom>> {
  const gone = new Map<number, UserRoom>()
  const { tail } = deps.log
  const moved =
    since !== undefined &&
    (!tail.covers(since) ||
      (tail.lastOfUser(user) > since && tail.user(user, since, until).some(({ kind }) => kind === 'event')))
  if (!moved) return gone
  const memberships = await deps.rooms.of(user)
  for (const [nid, known] of connection.rooms) {
    const member = memberships.get(nid)
    if (!member || (member.membership !== 'leave' && member.membership !== 'ban')) continue
    if (member.position <= until && member.position > knownUpTo(known, since)) gone.set(nid, member)
  }
  return gone
}

/** One look at each wanted room. Those that the client was behind in are caught up with by this answer. */
export function look(
  context: RoomContext,
  connection: Connection,
  wanted: WantedRooms,
  gone: ReadonlyMap<number, unknown>,
  changes: Map<number, Known | undefined>,
): { due: Wanted[]; active: Wanted[] } {
  const {
    since = 0,
    deps: {
      log: { tail },
    },
  } = context
  const [due, active]: [Wanted[], Wanted[]] = [[], []]
  const covered = tail.covers(since)
  for (const one of wanted.rooms.values()) {
    const { nid } = one.place.room
    const known = connection.rooms.get(nid)
    if (known && known.upTo !== live) changes.set(nid, knownLive(known.required, known.timeline))
    if (!known || known.upTo !== live || !covered || tail.lastOfRoom(nid) > since) {
      active.push(one)
      if (!gone.has(nid) && (isShort(known, one) || hasNews(context, known, one))) due.push(one)
    } else if (!gone.has(nid) && isShort(known, one)) {
      due.push(one)
    }
  }
  return { due, active }
}

/** The client does not have all that it wants of the room, whatever happens in it. */
const isShort = (known: Known | undefined, { place: { member }, config }: Wanted): boolean => {
  if (!known) return true
  if (member.membership === 'invite' || member.membership === 'knock') return false
  return config.timelineLimit > known.timeline || !covers(known.required, config.required)
}

/** Something happened in the room that there can be something to tell of. */
function hasNews(context: RoomContext, known: Known | undefined, { place: { room, member } }: Wanted): boolean {
  const {
    deps: {
      log: { tail },
    },
    session,
    since,
    until,
  } = context
  if (!known) return true
  const from = knownUpTo(known, since)
  if (member.position > from) return true
  if (member.membership !== 'join') return false
  if (!tail.covers(from)) return room.latest > from || (context.read?.has(room.nid) ?? true)
  return (
    tail.lastOfRoom(room.nid) > from &&
    tail
      .room(room.nid, from, until)
      .some(({ kind, user }) => kind === 'event' || (kind === 'receipt' && user === session.user))
  )
}

/** Rooms that the client knows, in which something happened that this answer does not tell: it is remembered up to where they are known. */
export function overlooked(
  { deps, session, since, until }: RoomContext,
  connection: Connection,
  wanted: WantedRooms,
): Map<number, Known | undefined> {
  const changes = new Map<number, Known | undefined>()
  if (since === undefined) return changes
  const { tail } = deps.log
  const covered = tail.covers(since)
  for (const [nid, known] of connection.rooms) {
    if (known.upTo !== live || wanted.rooms.has(nid)) continue
    if (covered && tail.lastOfRoom(nid) <= since) continue
    const news =
      !covered ||
      tail
        .room(nid, since, until)
        .some(
          ({ kind, user }) =>
            kind === 'event' || kind === 'receipt' || (kind === 'account_data' && user === session.user),
        )
    if (news) changes.set(nid, { ...known, upTo: since })
  }
  return changes
}
