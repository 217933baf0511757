import type { Session } from '../http/index.ts'
import type { Room, Rooms, StoredEvent, UserRoom } from '../events/index.ts'
import type { SyncDeps } from './deps.ts'
import { readToken } from './request.ts'
import type { Span } from './room-window.ts'
import { standingOf } from './standing.ts'

/** The rooms that a user came into, or went from. */
export interface ListChanges {
  readonly rooms: Array<{ readonly room: Room; readonly joined: boolean }>
}

/** User ids. */
export interface DeviceLists {
  readonly changed: readonly string[]
  readonly left: readonly string[]
}

/**
 * Whose devices the client must look at anew, and whose it may forget, since the user shares no room with them any more. Undefined
 * when there is nobody.
 * @param lists the rooms that the user came into or went from in the span
 * @see https://spec.matrix.org/v1.19/client-server-api/#tracking-the-device-list-for-a-user
 */
export async function deviceLists(
  deps: SyncDeps,
  user: number,
  memberships: ReadonlyMap<number, UserRoom>,
  span: Span,
  lists: ListChanges,
): Promise<DeviceLists | undefined> {
  const changed = new Set<number>()
  const left = new Set<number>()
  for (const { room, joined } of lists.rooms) for (const member of room.joined) (joined ? changed : left).add(member)
  await othersMoved(deps, memberships, span, lists, changed, left)
  const devicesChanged = await deps.deviceLists.changed(span.since, span.until, user)
  if (devicesChanged.length === 0 && changed.size === 0 && left.size === 0) return undefined
  const sharers = await deps.rooms.sharers(user)
  for (const other of devicesChanged) if (sharers.has(other)) changed.add(other)
  changed.delete(user)
  if (devicesChanged.includes(user)) changed.add(user)
  const seen = [...changed].filter((other) => sharers.has(other))
  const gone = [...left].filter((other) => !sharers.has(other) && other !== user)
  if (seen.length === 0 && gone.length === 0) return undefined
  const names = await deps.users.namesOf([...seen, ...gone])
  const listed = (nids: readonly number[]): string[] => nids.flatMap((nid) => names.get(nid) ?? [])
  return { changed: listed(seen), left: listed(gone) }
}

/**
 * The same between two tokens that syncs have given. @throws MatrixError M_INVALID_PARAM
 * @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3keyschanges
 */
export async function keyChanges(deps: SyncDeps, { user }: Session, from: string, to: string): Promise<DeviceLists> {
  const span = { since: readToken(deps, from, 'from'), until: readToken(deps, to, 'to') }
  const memberships = await deps.rooms.of(user)
  const lists = await ownMoves(deps, memberships, span)
  return (await deviceLists(deps, user, memberships, span, lists)) ?? { changed: [], left: [] }
}

/** The rooms that the user came into or went from in the span. */
export async function ownMoves(
  { rooms }: Pick<SyncDeps, 'rooms'>,
  memberships: ReadonlyMap<number, UserRoom>,
  span: Span,
): Promise<ListChanges> {
  const moves: ListChanges = { rooms: [] }
  for (const [nid, member] of memberships) {
    if (member.position <= span.since) continue
    // A room that cannot be read is left out of the answer as a whole.
    const move = await moveOf(rooms, nid, member, span).catch(() => undefined)
    if (move) moves.rooms.push(move)
  }
  return moves
}

async function moveOf(
  rooms: Rooms,
  nid: number,
  member: UserRoom,
  span: Span,
): Promise<ListChanges['rooms'][number] | undefined> {
  const standing = await standingOf(rooms, member, span)
  if (!standing?.stay || (!standing.stay.isNew && !standing.stay.end)) return undefined
  const room = await rooms.byNid(nid)
  return room && { room, joined: !standing.stay.end }
}

/** Others who came into rooms that the user is or was in, or went. */
async function othersMoved(
  deps: SyncDeps,
  memberships: ReadonlyMap<number, UserRoom>,
  span: Span,
  lists: ListChanges,
  changed: Set<number>,
  left: Set<number>,
): Promise<void> {
  const note = async ({ event, replaces }: StoredEvent): Promise<void> => {
    if (event.type !== 'm.room.member' || event.stateKey === undefined) return
    const other = deps.users.peekNid(event.stateKey) ?? (await deps.users.intern(event.stateKey))
    const membership = event.content['membership']
    if (membership === 'leave' || membership === 'ban') left.add(other)
    if (membership !== 'join') return
    // A new display name moves nobody.
    const before = replaces === null ? undefined : await deps.rooms.events.get(replaces)
    if (before?.event.content['membership'] !== 'join') changed.add(other)
  }
  const shared = new Set(lists.rooms.map(({ room }) => room.nid))
  for (const [nid, { membership }] of memberships) if (membership === 'join') shared.add(nid)
  const { tail } = deps.log
  if (tail.covers(span.since)) {
    for (const nid of shared) {
      if (tail.lastOfRoom(nid) <= span.since) continue
      for (const entry of tail.room(nid, span.since, span.until))
        if (entry.kind === 'event') await note(entry.data as StoredEvent) // entries of this kind carry it
    }
  } else {
    for (const nid of await deps.rooms.changedSince([...shared], span.since)) {
      for (const stored of await deps.rooms.membersChanged(nid, span.since, span.until)) await note(stored)
    }
  }
}
