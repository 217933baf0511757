import type { Room, StoredEvent } from '../../events/index.ts'
import { difference, placesAt, stateAt } from '../room-state.ts'
import { pickState } from './pick-state.ts'
import { covers, matches, union, type RequiredState } from './required-state.ts'
import type { Changed, RoomContext, RoomTask } from './room-task.ts'

/** What an answer says of a room's state. */
export interface StateNews {
  /** For `required_state`. */
  readonly events: readonly StoredEvent[]
  /** One event of each type that an answer looks at, if the client does not know it as it is. */
  readonly changed: Changed
  /** The state that the client is kept up with from here on. */
  readonly required: RequiredState
}

interface Shown {
  readonly shown: readonly StoredEvent[]
  readonly limited: boolean
}

const member = 'm.room.member'
/** What an answer says of a room besides its events comes from these. */
const shownTypes = ['m.room.name', 'm.room.avatar']
/** Beyond it, what is not wanted any more is not remembered. */
const longestKept = 4000

/**
 * The state that goes with a timeline: all that is wanted to who knows nothing of the room; else what has changed, and what was not
 * wanted before. Members that come lazily are those whose events are shown, and those that changed without a gap.
 */
export async function stateNews(context: RoomContext, task: RoomTask, timeline: Shown): Promise<StateNews> {
  const { deps, session, sentMembers } = context
  const {
    room,
    known,
    config: { required },
  } = task
  const isNew = known === undefined
  const changes = isNew ? [] : await changedState(context, task)
  const picked = new Set<number>()
  for (const stored of changes) {
    if (
      matches(required, stored.event.type, stored.event.stateKey ?? '') ||
      (required.lazy && stored.event.type === member && !timeline.limited)
    )
      picked.add(stored.nid)
  }
  const wasWanted = known ? covers(known.required, required) : false
  const shownMembers = required.lazy ? lazyMembers(timeline.shown) : new Set<string>()
  const changed = new Map<string, StoredEvent | undefined>()
  for (const stored of changes)
    if (stored.event.stateKey === '' || stored.event.type === member) changed.set(stored.event.type, stored)
  if (!wasWanted || shownMembers.size > 0) {
    const found = await settled(context, task, async (state) => {
      const nids = wasWanted ? [] : [...(await pickState(deps, room, state, required))]
      for (const userId of shownMembers) {
        const nid = state.get(
          deps.rooms.stateKeys.peek(member, userId) ?? (await deps.rooms.stateKeys.find(member, userId)) ?? 0,
        )
        if (nid !== undefined && (isNew || timeline.limited || !sentMembers.has(nid))) nids.push(nid)
      }
      const names = isNew ? await Promise.all(shownTypes.map((type) => placeOf(context, room, state, type))) : []
      return { nids, names }
    })
    for (const nid of found.nids) picked.add(nid)
    for (const [index, type] of shownTypes.entries())
      if (isNew) changed.set(type, await deps.rooms.events.get(found.names[index] ?? 0))
  }
  if (!task.joined) picked.add(task.member.event)
  const events = (await deps.rooms.events.many([...picked])).filter((stored) => {
    // How the user stands to the room now counts, even if they were put out, and then did something more.
    if (!task.joined && stored.event.type === member && stored.event.stateKey === session.userId)
      return stored.nid === task.member.event
    return !known || wasWanted || isNews(known.required, stored, changes, shownMembers)
  })
  return { events, changed, required: known ? keptUp(known.required, required, changes) : required }
}

/** The head's own state, if nothing in it is newer, and nothing on its way to the database. It moves on: look at once. */
const stateNow = ({ state, latestPosition, pending }: Room, horizon: number): ReadonlyMap<number, number> | undefined =>
  latestPosition <= horizon && pending === 0 ? state : undefined

/** What `look` finds in the state at the horizon. */
async function settled<T>(
  { deps }: RoomContext,
  { room, horizon }: RoomTask,
  look: (state: ReadonlyMap<number, number>) => Promise<T>,
): Promise<T> {
  const state = stateNow(room, horizon)
  const found = state && (await look(state))
  return found !== undefined && stateNow(room, horizon) ? found : look(await stateAt(deps.rooms, room, horizon))
}

/** Not what the client has already because it was wanted before. */
const isNews = (
  before: RequiredState,
  stored: StoredEvent,
  changes: readonly StoredEvent[],
  shownMembers: ReadonlySet<string>,
): boolean =>
  !matches(before, stored.event.type, stored.event.stateKey ?? '') ||
  changes.includes(stored) ||
  (stored.event.type === member && shownMembers.has(stored.event.stateKey ?? ''))

/** Whoever says or does something that is shown, and whom it is done to. */
function lazyMembers(shown: readonly StoredEvent[]): Set<string> {
  const members = new Set<string>()
  for (const { event } of shown) {
    members.add(event.sender)
    if (event.type === member && event.stateKey !== undefined) members.add(event.stateKey)
  }
  return members
}

/**
 * What of the state the client has, from here on. It keeps what it does not want any more until that changes, so that looking into a
 * room again and again does not bring the same state again and again.
 */
function keptUp(before: RequiredState, required: RequiredState, changes: readonly StoredEvent[]): RequiredState {
  const lost = changes.some(({ event }) => {
    const [type, key] = [event.type, event.stateKey ?? '']
    return matches(before, type, key) && !matches(required, type, key)
  })
  const both = union(before, required)
  return lost || both.text.length > longestKept ? required : both
}

async function placeOf(
  { deps }: RoomContext,
  room: Room,
  state: ReadonlyMap<number, number>,
  type: string,
): Promise<number | undefined> {
  const key = (await deps.statePlaces.of(room)).get(type)?.get('')
  return key === undefined ? undefined : state.get(key)
}

/** The events that hold places of the state at the horizon, of the places in which something happened since. */
async function changedState({ deps }: RoomContext, { room, from, horizon }: RoomTask): Promise<readonly StoredEvent[]> {
  const {
    rooms,
    log: { tail },
  } = deps
  if (!tail.covers(from))
    return rooms.events.many([
      ...difference(await stateAt(rooms, room, from), await stateAt(rooms, room, horizon)).values(),
    ])
  const keys = new Set(await rooms.resets(room.nid, from, horizon))
  for (const { kind, data } of tail.room(room.nid, from, horizon)) {
    if (kind !== 'event') continue
    const { event } = data as StoredEvent // entries of this kind carry it
    // What was redacted holds its place still, and says something else.
    const target = event.redacts === undefined ? event : (await rooms.events.byId(event.redacts))?.event
    if (target?.stateKey === undefined) continue
    const key =
      rooms.stateKeys.peek(target.type, target.stateKey) ?? (await rooms.stateKeys.find(target.type, target.stateKey))
    if (key !== undefined) keys.add(key)
  }
  if (keys.size === 0) return []
  return rooms.events.many(await placesAt(rooms, room, horizon, [...keys]))
}
