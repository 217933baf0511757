import { MatrixError } from '../matrix/errors.ts'
import { canonicalJson, type JsonObject } from '../matrix/json.ts'
import { powerLevelOf } from '../matrix/power-levels.ts'
import { mustNotBeSuspended } from '../users/index.ts'
import { powerLevelsOf } from './membership.ts'
import type { Draft, Room, Rooms, StoredEvent } from '../events/index.ts'

export interface SendDeps {
  readonly rooms: Rooms
  /** Sends with a transaction id that are under way, by device and endpoint. */
  readonly underWay: Map<string, Promise<StoredEvent>>
}

/** What an endpoint adds to the transaction id, so that the same id may be used on another one. */
type Endpoint = { readonly room: Room; readonly type: string; readonly redacts?: StoredEvent }

/**
 * Sends a message event. The same transaction id of the same device on the same endpoint gives the event that was sent the first
 * time, also when both requests run at once.
 * @see https://spec.matrix.org/v1.19/client-server-api/#transaction-identifiers
 */
export async function sendOnce(deps: SendDeps, room: Room, draft: Draft): Promise<StoredEvent> {
  if (draft.device == null || draft.txnId == null) return sendEvent(deps.rooms, room, draft)
  const { device, type, txnId, redacts } = draft
  const key = JSON.stringify([device, room.nid, type, redacts?.nid, txnId])
  const running = deps.underWay.get(key)
  if (running) return running
  const send = async (): Promise<StoredEvent> =>
    (await sentBefore(deps, device, txnId, { room, type, ...(redacts && { redacts }) })) ??
    sendEvent(deps.rooms, room, draft)
  const sending = send().finally(() => deps.underWay.delete(key))
  deps.underWay.set(key, sending)
  return sending
}

async function sentBefore(
  deps: SendDeps,
  device: number,
  txnId: string,
  { room, type, redacts }: Endpoint,
): Promise<StoredEvent | undefined> {
  const sent = await deps.rooms.events.byTxn(device, txnId)
  return sent.find(
    ({ event, room: sentTo }) =>
      sentTo === room.nid && event.type === type && (redacts === undefined || event.redacts === redacts.event.id),
  )
}

async function sendEvent(rooms: Rooms, room: Room, draft: Draft): Promise<StoredEvent> {
  const [stored] = await rooms.append(room, [draft])
  if (!stored) throw new Error('Nothing was sent')
  return stored
}

/** Sets state. What is there already, by the same sender and to the letter, stays: the answer is its event. */
export async function setState(
  rooms: Rooms,
  room: Room,
  sender: Draft['sender'],
  type: string,
  stateKey: string,
  content: JsonObject,
  origin: Pick<Draft, 'device' | 'txnId' | 'ts'> = {},
): Promise<StoredEvent> {
  if (type === 'm.room.create') throw new MatrixError('M_FORBIDDEN', 'A room is created once')
  const before = await rooms.stateEvent(room, type, stateKey)
  if (before && before.sender === sender.nid && canonicalJson(before.event.content) === canonicalJson(content)) {
    // It may be on its way to the disk still: whoever set it first has not been answered either.
    if (await rooms.isDurable(room)) return before
  }
  return sendEvent(rooms, room, { ...origin, type, stateKey, sender, content })
}

/**
 * Takes out of an event what is not needed to keep the room together. A user may redact what they sent; others' events only with
 * the power to.
 * @throws {MatrixError} M_NOT_FOUND when the event is not in this room; M_FORBIDDEN.
 */
export async function redactEvent(
  deps: SendDeps,
  room: Room,
  eventId: string,
  draft: Omit<Draft, 'type' | 'redacts'>,
  session: { readonly suspended: boolean },
): Promise<StoredEvent> {
  const target = await deps.rooms.events.byId(eventId)
  if (target?.room !== room.nid) throw new MatrixError('M_NOT_FOUND', `The event ${eventId} is not in this room`)
  if (target.event.type === 'm.room.create')
    throw new MatrixError('M_FORBIDDEN', 'The create event holds the room together and cannot be redacted')
  if (target.sender !== draft.sender.nid) mustNotBeSuspended(session)
  const levels = await powerLevelsOf(deps.rooms, room)
  if (target.sender !== draft.sender.nid && powerLevelOf(levels, draft.sender.userId) < levels.redact) {
    throw new MatrixError('M_FORBIDDEN', `You need power level ${levels.redact} to redact what others sent`)
  }
  return sendOnce(deps, room, { ...draft, type: 'm.room.redaction', redacts: target })
}
