import type { Allowance } from '../room-window.ts'
import type { Session } from '../../http/index.ts'
import type { Room, StoredEvent, UserRoom } from '../../events/index.ts'
import type { Known } from './connection.ts'
import type { SlidingDeps } from './deps.ts'
import type { Directs } from './labels.ts'
import type { PickDeps } from './pick-state.ts'
import type { RoomConfig } from './request.ts'

/** What all rooms of an answer have in common. */
export interface RoomContext {
  readonly deps: SlidingDeps & PickDeps
  readonly session: Session
  /** The position that the client's `pos` names; undefined: it begins. */
  readonly since: number | undefined
  readonly until: number
  readonly now: number
  readonly allowance: Allowance
  /** User ids. */
  readonly ignored: ReadonlySet<string>
  readonly directs: Directs
  /** Where the log's tail does not go back to `since`: the rooms in which the user has read on. */
  readonly read: ReadonlySet<number> | undefined
  /** Short ids of member events that the client has. */
  readonly sentMembers: ReadonlySet<number>
}

/** One room that the user is in, or was in, to be told of. */
export interface RoomTask {
  readonly room: Room
  readonly member: UserRoom
  readonly joined: boolean
  /** Where the room stands in the user's list. */
  readonly order: number
  readonly config: RoomConfig
  /** What the client knows of it; undefined: nothing that still counts. */
  readonly known: Known | undefined
  /** Up to where the client knows it. */
  readonly from: number
  /** The last position of the room that the user may be told of. */
  readonly horizon: number
  /** It is told of even when nothing happened in it. */
  readonly always: boolean
}

/** The state events of a room that have changed, or all that are asked for by type: what an answer says of them besides. */
export type Changed = ReadonlyMap<string, StoredEvent | undefined>
