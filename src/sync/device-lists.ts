import type { Session } from '../http/index.ts'
import type { StoredEvent, UserRoom } from '../rooms/index.ts'
import type { SyncDeps } from './deps.ts'
import { readToken } from './request.ts'
import { membershipChange, type Span } from './room-window.ts'
import type { ListChanges } from './sections.ts'

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
export async function deviceLists(deps: SyncDeps, user: number, memberships: ReadonlyMap<number, UserRoom>, span: Span, lists: ListChanges): Promise<DeviceLists | undefined> {
  const changed = new Set<number>()
  const left = new Set<number>()
  for (const { room, joined } of lists.rooms) for (const member of room.joined) (joined ? changed : left).add(member)
  await othersMoved(deps, memberships, span, changed, left)
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
  return await deviceLists(deps, user, memberships, span, lists) ?? { changed: [], left: [] }
}

/** The rooms that the user came into or went from in the span. */
export async function ownMoves(deps: Pick<SyncDeps, 'rooms'>, memberships: ReadonlyMap<number, UserRoom>, span: Span): Promise<ListChanges> {
  const lists: ListChanges = { rooms: [] }
  for (const [nid, member] of memberships) {
    if (member.position <= span.since || member.position > span.until) continue
    const room = await deps.rooms.byNid(nid)
    const { before, wasOut } = await membershipChange(deps.rooms, member, span.since)
    if (!room) continue
    if (member.membership === 'join' && (before !== 'join' || wasOut)) lists.rooms.push({ room, joined: true })
    if (member.membership !== 'join' && before === 'join') lists.rooms.push({ room, joined: false })
  }
  return lists
}

/** Others who came into rooms of the user, or went. */
async function othersMoved(deps: SyncDeps, memberships: ReadonlyMap<number, UserRoom>, span: Span, changed: Set<number>, left: Set<number>): Promise<void> {
  const note = async ({ event }: StoredEvent): Promise<void> => {
    if (event.type !== 'm.room.member' || event.stateKey === undefined) return
    const other = deps.users.peekNid(event.stateKey) ?? await deps.users.intern(event.stateKey)
    const membership = event.content['membership']
    if (membership === 'join') changed.add(other)
    else if (membership === 'leave' || membership === 'ban') left.add(other)
  }
  const covered = deps.log.tail.covers(span.since)
  for (const [nid, { membership }] of memberships) {
    if (membership !== 'join') continue
    if (!covered) {
      for (const stored of await deps.rooms.membersChanged(nid, span.since, span.until)) await note(stored)
    } else if (deps.log.tail.lastOfRoom(nid) > span.since) {
      for (const entry of deps.log.tail.room(nid, span.since, span.until)) if (entry.kind === 'event') await note(entry.data as StoredEvent)
    }
  }
}
