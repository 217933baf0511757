import type { SyncDeps } from './deps.ts'
import type { ListChanges } from './sections.ts'
import type { Span } from './room-window.ts'
import type { StoredEvent, UserRoom } from '../rooms/index.ts'

/**
 * Whose devices the client must look at anew, and whose it may forget, since the user shares no room with them any more.
 * @see https://spec.matrix.org/v1.19/client-server-api/#tracking-the-device-list-for-a-user
 */
export async function deviceLists(deps: SyncDeps, user: number, memberships: ReadonlyMap<number, UserRoom>, span: Span, lists: ListChanges): Promise<string | undefined> {
  const changed = new Set<number>()
  const left = new Set<number>()
  for (const { room, joined } of lists.rooms) for (const member of room.joined) (joined ? changed : left).add(member)
  await othersMoved(deps, memberships, span, changed, left)
  const devicesChanged = await deps.deviceLists.changed(span.since, span.until)
  if (devicesChanged.length === 0 && changed.size === 0 && left.size === 0) return undefined
  const sharers = await deps.rooms.sharers(user)
  for (const other of devicesChanged) if (sharers.has(other)) changed.add(other)
  changed.delete(user)
  if (devicesChanged.includes(user)) changed.add(user)
  const seen = [...changed].filter((other) => sharers.has(other))
  const gone = [...left].filter((other) => !sharers.has(other) && other !== user)
  if (seen.length === 0 && gone.length === 0) return undefined
  const names = await deps.users.namesOf([...seen, ...gone])
  const listed = (nids: readonly number[]): string => JSON.stringify(nids.map((nid) => names.get(nid)))
  return `{"changed":${listed(seen)},"left":${listed(gone)}}`
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
