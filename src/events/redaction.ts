import type { RoomEvent } from '../matrix/event.ts'
import { canonicalJson } from '../matrix/json.ts'
import { redact } from '../matrix/redaction.ts'
import type { RoomVersion } from '../matrix/room-version.ts'
import type { Log } from '../streams/index.ts'
import type { Events } from './event-cache.ts'
import type { Heads } from './heads.ts'
import type { Held, StoredEvent } from './stored-event.ts'

/** What a redaction leaves of an event. */
export interface Redaction {
  readonly target: StoredEvent
  readonly event: RoomEvent
  readonly json: string
}

/** The event as a redaction leaves it. */
export const redactedForm = (event: RoomEvent, version: RoomVersion): RoomEvent => {
  const pdu = redact(event.pdu, version)
  return { ...event, content: pdu.content, pdu, redacts: undefined }
}

export function redactionOf(target: StoredEvent, version: RoomVersion): Redaction {
  const event = redactedForm(target.event, version)
  return { target, event, json: canonicalJson(event.pdu) }
}

/** What was redacted goes from memory too, wherever it is held, before anyone is told. */
export function forgetRedacted(
  { log, events, heads }: { readonly log: Log; readonly events: Events; readonly heads: Heads },
  { target, event }: Redaction,
  redactedBy: number,
): void {
  const inTail = log.tail.room(target.room, target.position - 1, target.position).map(({ data }) => data as StoredEvent)
  const everywhere = [target, events.peek(target.nid), heads.peek(target.room)?.recent?.find(target.nid), ...inTail]
  for (const held of everywhere as Array<Held | undefined>) {
    if (held?.nid !== target.nid) continue
    held.event = event
    held.redactedBy = redactedBy
    delete held.clientJson
  }
}
