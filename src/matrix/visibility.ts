import type { RoomEvent } from './event.ts'
import { own } from './json.ts'

/** Who may read a room's history. */
export type HistoryVisibility = 'world_readable' | 'shared' | 'invited' | 'joined'

const known: ReadonlySet<unknown> = new Set<HistoryVisibility>(['world_readable', 'shared', 'invited', 'joined'])

/** The visibility that an `m.room.history_visibility` event sets. No event, and a value that is not understood, is `shared`. */
export function historyVisibility(event: Pick<RoomEvent, 'content'> | undefined): HistoryVisibility {
  const value = own(event?.content, 'history_visibility')
  // The set holds nothing but visibilities.
  return known.has(value) ? (value as HistoryVisibility) : 'shared'
}

/** How a user stands to an event. */
export interface Viewer {
  readonly userId: string
  /** The user's membership in the state before the event; undefined: none. */
  readonly membership: string | undefined
  /** Whether the user has been joined at any time after the event was sent. */
  readonly joinedLater: boolean
}

/**
 * Whether a user may see an event. The rules look at the state at the event, which is taken before it; two events that change just
 * what the rules look at are seen when the value before or the value after allows it: changes of the visibility, and the user's own
 * member events.
 *
 * @param visibility - the history visibility in the state before the event
 * @see https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility
 */
export function canSee(
  event: Pick<RoomEvent, 'type' | 'stateKey' | 'content'>,
  visibility: HistoryVisibility,
  viewer: Viewer,
): boolean {
  if (allows(visibility, viewer.membership, viewer.joinedLater)) return true
  if (event.type === 'm.room.history_visibility' && event.stateKey === '') {
    return allows(historyVisibility(event), viewer.membership, viewer.joinedLater)
  }
  if (event.type === 'm.room.member' && event.stateKey === viewer.userId) {
    return allows(visibility, own(event.content, 'membership'), viewer.joinedLater)
  }
  return false
}

/** The rules of the specification in their order. */
const allows = (visibility: HistoryVisibility, membership: unknown, joinedLater: boolean): boolean =>
  visibility === 'world_readable' ||
  membership === 'join' ||
  (visibility === 'shared' && joinedLater) ||
  (visibility === 'invited' && membership === 'invite')
