import type { RoomEvent } from '../../matrix/event.ts'
import { toRoomEvent } from '../../matrix/event.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import { findRoomVersion } from '../../matrix/room-version.ts'
import { resolve } from '../../matrix/state-res/index.ts'

/** One question to state resolution, as it goes to a thread. */
export interface Question {
  readonly version: string
  readonly states: ReadonlyArray<ReadonlyMap<string, string>>
  readonly events: ReadonlyMap<string, Pdu>
  readonly rejected: ReadonlySet<string>
  /** Ids of events that nobody has. */
  readonly unknown: ReadonlySet<string>
}

/** The state, or the id of an event that has to be known for it. */
export type Answer = { readonly state: ReadonlyMap<string, string> } | { readonly missing: string }

class Missing extends Error {
  readonly id: string
  constructor(id: string) {
    super(id)
    this.id = id
  }
}

/** Answers a question: pure work, here or in a thread. */
export function answer({ version: id, states, events, rejected, unknown }: Question): Answer {
  const version = findRoomVersion(id)
  if (!version) throw new Error(`There is no room version ${id}`)
  const made = new Map<string, RoomEvent>()
  const get = (eventId: string): RoomEvent | undefined => {
    const known = made.get(eventId)
    if (known) return known
    const pdu = events.get(eventId)
    if (!pdu) {
      if (unknown.has(eventId)) return undefined
      throw new Missing(eventId)
    }
    const event = toRoomEvent(pdu, version, eventId)
    made.set(eventId, event)
    return event
  }
  try {
    return { state: resolve(version, states, get, (eventId) => rejected.has(eventId)) }
  } catch (error) {
    if (error instanceof Missing) return { missing: error.id }
    throw error
  }
}
