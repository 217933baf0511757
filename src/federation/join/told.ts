// What somebody who is not in a room is told of it: who is invited, or knocks.
import type { Receiver, Room, Rooms } from '../../events/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { Json, JsonObject } from '../../matrix/json.ts'
import { readStripped, strippedTypes, type StrippedEvent } from '../../matrix/stripped-state.ts'

/**
 * The events of a room that tell another server what room it is, whole, so that it can check them; with the member event of who speaks for
 * the room, if somebody does.
 * @see https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2inviteroomideventid
 */
export async function tellingState(
  rooms: Pick<Rooms, 'stateEvent'>,
  room: Room,
  speaker?: string,
): Promise<JsonObject[]> {
  const places = [...strippedTypes.map((type) => [type, ''] as const), ['m.room.member', speaker] as const]
  const told: JsonObject[] = []
  for (const [type, stateKey] of places) {
    const stored = stateKey === undefined ? undefined : await rooms.stateEvent(room, type, stateKey)
    if (stored) told.push(stored.event.pdu)
  }
  return told
}

/**
 * Reads what another server tells of a room. From room version 12 on, in which the create event makes the room, it must be among it, and
 * all must be signed events of the room; of older ones, which old servers tell in fewer words, what is well-formed is kept.
 * @throws {MatrixError} M_INVALID_PARAM
 */
export async function readTold(
  receiver: Pick<Receiver, 'readSigned'>,
  room: Pick<Room, 'id' | 'version'>,
  told: Json | undefined,
): Promise<StrippedEvent[]> {
  const kept = readStripped(told)
  if (!room.version.createIsRoomId) return kept
  const list = Array.isArray(told) ? told.slice(0, mostTold) : []
  const good = await receiver.readSigned(room, list)
  if (good.length < list.length || !good.some(({ type }) => type === 'm.room.create'))
    throw new MatrixError(
      'M_INVALID_PARAM',
      'What is told of the room is not made of signed events of it, its create event among them',
    )
  return kept
}

const mostTold = 100
