import { isRoomId } from '../matrix/ids.ts'
import type { Session } from '../http/index.ts'
import type { History } from './history.ts'
import type { Room, Rooms, StateMap, StoredEvent } from '../events/index.ts'
import { notIn } from '../rooms/index.ts'
import type { Onlooker, Stay } from './sight.ts'

/** A room as one user may look into it. */
export interface View {
  readonly room: Room
  /** Where it says `all`: an administrator, who looks into a matter. */
  readonly session: Session & Pick<Onlooker, 'all'>
  readonly stay: Stay
}

export interface AccessDeps {
  readonly rooms: Rooms
  readonly history: History
}

/** The room as the user stands to it, whatever they may see of it. */
export async function viewOf(
  { rooms, history }: AccessDeps,
  session: Session,
  roomId: string,
): Promise<View | undefined> {
  const room = isRoomId(roomId) ? await rooms.find(roomId) : undefined
  return room && { room, session, stay: await history.sight.stayOf(session, room.nid) }
}

/** Whether the user may look into the room at all: members, former members, and anybody while the world may read it. */
export const mayEnter = ({ room, stay }: View): boolean =>
  stay.joined || stay.end !== undefined || room.summary.historyVisibility === 'world_readable'

/**
 * Looks into a room.
 * @throws {MatrixError} M_FORBIDDEN, to the letter the same for a room that the user may not look into and for one that is not there.
 */
export async function enter(deps: AccessDeps, session: Session, roomId: string): Promise<View> {
  const view = await viewOf(deps, session, roomId)
  if (!view || !mayEnter(view)) throw notIn(roomId)
  return view
}

/** The state that the user may see: the current one, or what it was when they left. */
export async function stateIn({ rooms }: AccessDeps, { room, stay }: View): Promise<StateMap> {
  return stay.end ? rooms.stateAfter(stay.end) : room.state
}

/** The state event in one place of the state that the user may see. */
export async function stateEventIn(
  deps: AccessDeps,
  view: View,
  type: string,
  stateKey: string,
): Promise<StoredEvent | undefined> {
  const { end } = view.stay
  if (!end) return deps.rooms.stateEvent(view.room, type, stateKey)
  return end.event.type === type && end.event.stateKey === stateKey
    ? end
    : deps.rooms.stateEventBefore(end, type, stateKey)
}
