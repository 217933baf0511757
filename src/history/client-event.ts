import { own } from '../matrix/json.ts'
import type { Events, StoredEvent } from '../events/index.ts'

/** Who reads an event, and when. */
export interface EventReader {
  /** The device that asks: it alone gets its transaction ids back. */
  readonly device: number | null
  /** Milliseconds, for `unsigned.age`. */
  readonly now: number
  /** /sync leaves `room_id` out. */
  readonly withRoomId: boolean
}

/** What else stands in `unsigned`, as JSON members: `"m.relations":{…}`. */
export type Extras = ReadonlyMap<number, readonly string[]>

/** The beginning of the client's form, which is the same for everyone: all but `room_id` and `unsigned`. */
function clientPart({ event }: StoredEvent): string {
  const text = JSON.stringify
  const redacts = event.redacts !== undefined && event.type === 'm.room.redaction'
  // Clients look for `redacts` in either place; the room version knows one of them.
  const content =
    redacts && own(event.content, 'redacts') === undefined
      ? { ...event.content, redacts: event.redacts }
      : event.content
  return (
    `{"content":${text(content)},"event_id":${text(event.id)},"origin_server_ts":${event.ts}` +
    (redacts ? `,"redacts":${text(event.redacts)}` : '') +
    `,"sender":${text(event.sender)}${event.stateKey === undefined ? '' : `,"state_key":${text(event.stateKey)}`},"type":${text(event.type)}`
  )
}

/**
 * The form in which clients get an event, as JSON text.
 * @see https://spec.matrix.org/v1.19/client-server-api/#room-event-format
 */
export function clientEvent(stored: StoredEvent, reader: EventReader, extras?: readonly string[]): string {
  stored.clientJson ??= clientPart(stored)
  const { event } = stored
  let unsigned = `"age":${Math.max(0, reader.now - event.ts)}`
  if (stored.txnId !== null && stored.device === reader.device)
    unsigned += `,"transaction_id":${JSON.stringify(stored.txnId)}`
  if (extras) for (const extra of extras) unsigned += `,${extra}`
  return `${stored.clientJson}${reader.withRoomId ? `,"room_id":${JSON.stringify(event.roomId)}` : ''},"unsigned":{${unsigned}}}`
}

/** Those of some events that the reader may see. */
export type Visible = (events: readonly StoredEvent[]) => Promise<readonly StoredEvent[]>

/**
 * Former contents and the redactions of events, for `unsigned`: what takes a look at other events. Of those that the reader may not
 * see, the content stays out.
 * @param former - whether former contents are wanted
 */
export async function neighbours(
  events: Events,
  list: readonly StoredEvent[],
  visible: Visible,
  former = true,
): Promise<Map<number, string[]>> {
  const wanted: number[] = []
  for (const { replaces, redactedBy } of list) {
    if (replaces !== null && former) wanted.push(replaces)
    if (redactedBy !== null) wanted.push(redactedBy)
  }
  const extras = new Map<number, string[]>()
  if (wanted.length === 0) return extras
  const found = new Map((await events.many(wanted)).map((stored) => [stored.nid, stored]))
  // As the reader may see them.
  const seen = new Map((await visible([...found.values()])).map((stored) => [stored.nid, stored]))
  for (const { nid, replaces, redactedBy } of list) {
    const parts: string[] = []
    const before = replaces === null || !former ? undefined : found.get(replaces)
    if (before) parts.push(`"replaces_state":${JSON.stringify(before.event.id)}`)
    const shownBefore = before && seen.get(before.nid)
    if (shownBefore) parts.push(`"prev_content":${JSON.stringify(shownBefore.event.content)}`)
    const because = redactedBy === null ? undefined : found.get(redactedBy)
    if (because) {
      const shown = seen.get(because.nid) ?? { ...because, event: { ...because.event, content: {} } }
      parts.push(`"redacted_because":${clientPart(shown)},"room_id":${JSON.stringify(because.event.roomId)}}`)
    }
    if (parts.length > 0) extras.set(nid, parts)
  }
  return extras
}
