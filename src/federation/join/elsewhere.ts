// What people of this server do in rooms that nobody of it is in: asking to be let in, and turning an invitation down.
import type { Receiver, Room, StoredEvent } from '../../events/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { own, type JsonObject } from '../../matrix/json.ts'
import { referenceHash } from '../../matrix/event.ts'
import { remotePath } from '../client.ts'
import { asClientError, RemoteError } from '../remote-error.ts'
import { buildMember, makeMember, type HandshakeDeps, type Made } from './handshake.ts'
import { readTold } from './told.ts'

export interface ElsewhereDeps extends HandshakeDeps {
  readonly receiver: Pick<Receiver, 'takeOutside' | 'readSigned'>
  readonly logger: { info(details: object, message: string): void }
}

interface Wish {
  readonly roomId: string
  readonly userId: string
  /** Asked one after the other, until one takes it. */
  readonly servers: readonly string[]
  readonly content: JsonObject
}

/** Has the first server that does so take a member event. */
async function atAny(
  deps: ElsewhereDeps,
  act: 'leave' | 'knock',
  { roomId, userId, servers, content }: Wish,
): Promise<Made & { readonly unsigned: JsonObject }> {
  const send = { leave: 'federation/v2/send_leave', knock: 'federation/v1/send_knock' }[act]
  let last: unknown = new MatrixError('M_NOT_FOUND', 'No server is known that is in this room')
  for (const server of servers) {
    try {
      const made = await makeMember(deps, server, { act, roomId, userId, content })
      const path = remotePath(send, roomId, made.event.id)
      const answer = await deps.client.ask(server, { method: 'PUT', path, content: made.pdu })
      if (act === 'leave') return { ...made, unsigned: {} }
      const told = await readTold(deps.receiver, { id: roomId, version: made.version }, own(answer, 'knock_room_state'))
      return { ...made, unsigned: { knock_room_state: told } }
    } catch (error) {
      if (!(error instanceof RemoteError) && !(error instanceof MatrixError)) throw error
      deps.logger.info({ server, room: roomId, user: userId, reason: error.message }, `a server did not take a ${act}`)
      last = error
    }
  }
  throw asClientError(last)
}

/** Asks to be let into a room. @throws {MatrixError} what the last of the servers said, as clients may be told */
export async function knockElsewhere(deps: ElsewhereDeps, wish: Wish): Promise<StoredEvent> {
  const { version, pdu, unsigned } = await atAny(deps, 'knock', wish)
  return deps.receiver.takeOutside({ roomId: wish.roomId, version, pdu, unsigned })
}

/**
 * Turns an invitation down, or takes a knock back. A server of the room is told if one can be reached; its user is rid of the room in any
 * case.
 */
export async function leaveElsewhere(
  deps: ElsewhereDeps,
  room: Room,
  standing: StoredEvent,
  wish: Omit<Wish, 'roomId'>,
): Promise<StoredEvent> {
  let made: Pick<Made, 'version' | 'pdu'>
  try {
    made = await atAny(deps, 'leave', { ...wish, roomId: room.id })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    deps.logger.info(
      { room: room.id, user: wish.userId, reason },
      'no server of a room is told that somebody leaves it',
    )
    made = ownLeave(deps, room, standing, wish)
  }
  return deps.receiver.takeOutside({ roomId: room.id, version: made.version, pdu: made.pdu, unsigned: {} })
}

/** A leave event that nobody else will see: it follows the event by which its user stands as they do. */
function ownLeave(
  deps: ElsewhereDeps,
  { id: roomId, version }: Room,
  { event }: StoredEvent,
  { userId, content }: Omit<Wish, 'roomId'>,
): Made {
  const refer = { ids: [event.id], hashes: new Map([[event.id, referenceHash(event.pdu, version)]]) }
  const place = { version, prev: refer, auth: refer, depth: event.depth + 1 }
  return buildMember(deps, place, {
    roomId,
    sender: userId,
    stateKey: userId,
    content: { ...content, membership: 'leave' },
  })
}
