import { checkEventSize } from './event-format.ts'
import { hashToEventId, sha256, toRoomEvent, type RoomEvent } from './event.ts'
import type { EventReference, Pdu } from './pdu.ts'
import { canonicalJson, checkCanonical, type JsonObject } from './json.ts'
import { redactContent } from './redaction.ts'
import type { RoomVersion } from './room-version.ts'
import { signText, type SigningKey } from './signing.ts'

/** What an event of our own is made from. */
export interface EventFields {
  readonly type: string
  readonly sender: string
  /** Empty for the create event of a room whose id is that event's hash (v12+). */
  readonly roomId: string
  readonly stateKey?: string | undefined
  readonly content: JsonObject
  readonly prevEvents: readonly string[]
  readonly authEvents: readonly string[]
  readonly depth: number
  /** Milliseconds. */
  readonly ts: number
  /** The event to redact, in versions where it does not stand in the content (v1–10). */
  readonly redacts?: string | undefined
  /** Only for v1 and v2, where ids are free: the new event's id, and the reference hashes of the events it refers to. */
  readonly v1?: { readonly eventId: string; readonly referenceHashes: ReadonlyMap<string, string> } | undefined
}

/**
 * Makes, hashes and signs an event of this server. `json` is its canonical JSON as it is stored and sent.
 * The content is checked to be canonical JSON whatever the room version (M_BAD_JSON), and the sizes too (413 M_TOO_LARGE).
 *
 * This runs for every message sent, so the event is not serialised once for the content hash, again for the signature, for the
 * id and for storing: the keys of the top level and their order are known, hence the four texts are put together from the
 * same few pieces. `event-build.test.ts` holds them against the plain way.
 * @see https://spec.matrix.org/v1.19/server-server-api/#adding-hashes-and-signatures-to-outgoing-events
 */
export function buildEvent(
  fields: EventFields,
  version: RoomVersion,
  serverName: string,
  key: SigningKey,
): { event: RoomEvent; json: string } {
  const { type, sender, content, stateKey, redacts, ts } = fields
  checkCanonical(content)
  const v1 = version.eventFormat === 'v1' ? fields.v1 : undefined
  if (version.eventFormat === 'v1' && !v1)
    throw new TypeError(`An event of a room of version ${version.id} needs an id`)
  const isHashRoom = version.createIsRoomId && type === 'm.room.create'
  const depth = Math.min(fields.depth, Number.MAX_SAFE_INTEGER)
  const prev = references(fields.prevEvents, version, v1?.referenceHashes)
  const auth = references(fields.authEvents, version, v1?.referenceHashes)

  const head = `{"auth_events":${JSON.stringify(auth)},"content":`
  const contentText = canonicalJson(content)
  const keptText = canonicalJson(redactContent(type, content, version.redaction))
  const afterContent = `,"depth":${depth}${v1 ? `,"event_id":${JSON.stringify(v1.eventId)}` : ''}`
  const times = `,"origin_server_ts":${ts},"prev_events":${JSON.stringify(prev)}`
  const redactsText = redacts === undefined ? '' : `,"redacts":${JSON.stringify(redacts)}`
  const room = `${isHashRoom ? '' : `,"room_id":${JSON.stringify(fields.roomId)}`},"sender":${JSON.stringify(sender)}`
  const tail = `${stateKey === undefined ? '' : `,"state_key":${JSON.stringify(stateKey)}`},"type":${JSON.stringify(type)}}`

  const contentHash = sha256(head + contentText + afterContent + times + redactsText + room + tail)
  const hashes = `,"hashes":{"sha256":"${contentHash}"}`
  const redacted = head + keptText + afterContent + hashes + times + room + tail
  const signature = signText(redacted, key)
  const signatures = `,"signatures":{${JSON.stringify(serverName)}:{"${key.id}":"${signature}"}}`
  const json = head + contentText + afterContent + hashes + times + redactsText + room + signatures + tail

  // In canonical order, so that serialising it again is cheap.
  const pdu: Pdu = {
    auth_events: auth,
    content,
    depth,
    ...(v1 && { event_id: v1.eventId }),
    hashes: { sha256: contentHash },
    origin_server_ts: ts,
    prev_events: prev,
    ...(redacts !== undefined && { redacts }),
    ...(!isHashRoom && { room_id: fields.roomId }),
    sender,
    signatures: { [serverName]: { [key.id]: signature } },
    ...(stateKey !== undefined && { state_key: stateKey }),
    type,
  }
  const event = toRoomEvent(pdu, version, v1?.eventId ?? hashToEventId(redacted, version))
  checkEventSize(event, json)
  return { event, json }
}

function references(
  ids: readonly string[],
  version: RoomVersion,
  hashes: ReadonlyMap<string, string> | undefined,
): EventReference[] {
  if (version.eventFormat !== 'v1') return [...ids]
  return ids.map((id) => {
    const sha256 = hashes?.get(id)
    if (sha256 === undefined)
      throw new TypeError(`The reference hash of ${id} is needed in rooms of version ${version.id}`)
    return [id, { sha256 }]
  })
}
