import type { RequiredState } from './required-state.ts'

/** How a client knows a room. Immutable, and shared by the many rooms that are known in the same way. */
export interface Known {
  /** The client was sent everything up to this position; `live`: up to the position that its `pos` names, whichever that is. */
  readonly upTo: number
  readonly required: RequiredState
  /** The client has at least this many of the room's newest events as of then; Infinity: all there are. */
  readonly timeline: number
}

export const live = Infinity

const alike = new WeakMap<RequiredState, Map<number, Known>>()

/** A room of which the client has everything. */
export function knownLive(required: RequiredState, timeline: number): Known {
  const byTimeline = alike.get(required) ?? new Map<number, Known>()
  alike.set(required, byTimeline)
  const known = byTimeline.get(timeline) ?? { upTo: live, required, timeline }
  byTimeline.set(timeline, known)
  return known
}

/** What an answer changes in what the client knows. */
export interface Changes {
  /** By room; undefined: the client need not know it any longer. */
  readonly rooms: ReadonlyMap<number, Known | undefined>
  /** The extensions, as bits, whose whole data the client has. */
  readonly extensions: number
}

/** An answer that is on its way to the client: what it knows once it has got it, and what that is called. */
export interface Given {
  readonly state: string
  readonly changes: Changes
}

/**
 * One sync loop of a client. An answer counts as received only when its `pos` comes back: until then what it changes is kept beside
 * what was known before, since the client may repeat its last request.
 */
export interface Connection {
  /** Short id of the device; for a token without one that of the user, negative. */
  readonly owner: number
  readonly id: string
  /** Names what the client knows: the second half of `pos`. */
  state: string
  readonly rooms: Map<number, Known>
  extensions: number
  /**
   * The answers since, the oldest first. More than one: a request that was given up can come after the one that took its place, and the
   * client goes on from the answer to either.
   */
  given: readonly Given[]
  /** Short ids of the member events that the client was sent, the oldest first. In memory alone: forgetting costs a member event. */
  readonly members: Set<number>
  nextMembers: { readonly position: number; readonly events: readonly number[] } | undefined
  /** Counts requests: an answer to any but the newest changes nothing. */
  turn: number
  /** Characters of what was last written down: of all that it wants of its rooms' state, among others. */
  size: number
  /** When it was last written down, in ms; 0: never. */
  savedTs: number
}

/** The two halves of a `pos`: up to where the log was answered, and what the client knows. */
export interface Pos {
  readonly position: number
  readonly state: string
}

/** What is known to a client that knows nothing. It needs no storing, and is good on every server. */
export const emptyState = '0'

const mostMembers = 5000

export const newConnection = (owner: number, id: string): Connection => ({
  owner,
  id,
  state: emptyState,
  rooms: new Map(),
  extensions: 0,
  given: [],
  members: new Set(),
  nextMembers: undefined,
  turn: 0,
  size: 0,
  savedTs: 0,
})

/** Takes in where the client has come to. False when the connection cannot be there. */
export function acknowledge(connection: Connection, { position, state }: Pos): boolean {
  const { nextMembers } = connection
  if (state !== connection.state) {
    const changes = connection.given.find((answer) => answer.state === state)?.changes
    if (!changes) return false
    for (const [room, known] of changes.rooms) {
      if (known) connection.rooms.set(room, known)
      else connection.rooms.delete(room)
    }
    connection.extensions = changes.extensions
    connection.state = state
    connection.given = []
  }
  if (nextMembers?.position === position) noteMembers(connection.members, nextMembers.events)
  connection.nextMembers = undefined
  return true
}

const mostGiven = 3

/** Notes an answer that is on its way to the client. */
export function give(connection: Connection, answer: Given): void {
  connection.given = [...connection.given, answer].slice(-mostGiven)
}

function noteMembers(members: Set<number>, events: readonly number[]): void {
  for (const event of events) {
    members.delete(event)
    members.add(event)
  }
  for (const event of members) {
    if (members.size <= mostMembers) break
    members.delete(event)
  }
}

/** An estimate of the memory that a connection takes. */
export const connectionBytes = ({ rooms, members, given, size }: Connection): number =>
  1000 + 10 * size + 150 * given.reduce((sum, { changes }) => sum + changes.rooms.size, rooms.size) + 50 * members.size
