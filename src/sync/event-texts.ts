import type { JsonObject } from '../matrix/json.ts'
import type { StoredEvent } from '../events/index.ts'
import type { SyncDeps } from './deps.ts'
import type { SyncRequest } from './request.ts'

/** How a client wants its events, and when it asks. */
export interface EventWish {
  readonly deps: Pick<SyncDeps, 'serialise'>
  readonly request: Pick<SyncRequest, 'filter' | 'session'>
  /** Milliseconds. */
  readonly now: number
}

/**
 * Events as JSON texts, in the format and with the fields that the filter asks for.
 * @param lean for state, whose former contents nobody asks for
 */
export async function eventTexts(
  { deps, request: { filter, session }, now }: EventWish,
  events: readonly StoredEvent[],
  lean = false,
): Promise<string[]> {
  if (events.length === 0) return []
  const texts =
    filter.eventFormat === 'federation'
      ? events.map(rawEvent)
      : await deps.serialise(events, { session, device: session.device, now, withRoomId: false, lean })
  const { project } = filter
  return project ? texts.map((text) => JSON.stringify(project(JSON.parse(text) as JsonObject))) : texts // each is an event
}

/** As other servers get it; with its id, which a client has no other way to learn. */
const rawEvent = ({ event }: StoredEvent): string => JSON.stringify({ ...event.pdu, event_id: event.id })
