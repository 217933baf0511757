import { checkEventSize, checkFormat } from '../../matrix/event-format.ts'
import { hasRightHash, toRoomEvent, type RoomEvent } from '../../matrix/event.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { canonicalJson, type Json } from '../../matrix/json.ts'
import type { Pdu } from '../../matrix/pdu.ts'
import { redact } from '../../matrix/redaction.ts'
import type { RoomVersion } from '../../matrix/room-version.ts'
import { mustRest, rest } from '../../storage/index.ts'

/** An event that somebody else made, of the right form and size, with the id that it has. */
export interface Incoming {
  readonly event: RoomEvent
  readonly json: string
}

/**
 * Reads an event as another server sent it: its form, its size, its id, its content hash. Where the hash is wrong, what is left of the
 * event is its redacted form. `unsigned` is nobody's word and goes.
 * @throws {MatrixError} M_BAD_JSON, M_TOO_LARGE: it is no event of this room
 * @see https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
export function readPdu(value: Json, version: RoomVersion, roomId: string): Incoming {
  const { unsigned: _, ...whole } = checkFormat(value, version) as Pdu & { unsigned?: unknown }
  const pdu: Pdu = hasRightHash(whole) ? whole : redact(whole, version)
  const event = toRoomEvent(pdu, version)
  if (event.roomId !== roomId) throw new MatrixError('M_BAD_JSON', `The event ${event.id} is of another room`)
  const json = canonicalJson(pdu)
  checkEventSize(event, json)
  return { event, json }
}

/** Those of the values that are events of the room; what is none is passed over, since the rest may do without it. */
export async function readPdus(values: readonly Json[], version: RoomVersion, roomId: string): Promise<Incoming[]> {
  const found = new Map<string, Incoming>()
  for (const value of values) {
    if (mustRest()) await rest()
    try {
      const incoming = readPdu(value, version, roomId)
      found.set(incoming.event.id, incoming)
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
    }
  }
  return [...found.values()]
}
