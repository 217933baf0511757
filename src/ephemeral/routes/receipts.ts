import { Type } from 'typebox'
import { route, type Route, type Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isEventId } from '../../matrix/ids.ts'
import { type Room, standings, type StoredEvent } from '../../events/index.ts'
import { joinedRoom } from '../../rooms/index.ts'
import { shortText } from '../../users/index.ts'
import { markFullyRead } from '../fully-read.ts'
import type { EphemeralRouteDeps } from '../deps.ts'

const ReceiptParams = Type.Object({
  roomId: Type.String(),
  receiptType: Type.Union([Type.Literal('m.read'), Type.Literal('m.read.private'), Type.Literal('m.fully_read')]),
  eventId: Type.String(),
})
const Markers = Type.Object({
  'm.fully_read': Type.Optional(shortText),
  'm.read': Type.Optional(shortText),
  'm.read.private': Type.Optional(shortText),
})

/** An event of the room that has a place in its history. @throws MatrixError M_NOT_FOUND */
async function eventIn({ rooms }: EphemeralRouteDeps, room: Room, eventId: string): Promise<StoredEvent> {
  const event = isEventId(eventId) ? await rooms.events.byId(eventId) : undefined
  if (!event || event.room !== room.nid || event.position === 0 || event.standing === standings.rejected) {
    throw new MatrixError('M_NOT_FOUND', 'There is no such event in this room')
  }
  return event
}

/** The thread that a receipt is for; '' for all. A thread's root stands both in its thread and outside of it. */
function threadOf(value: unknown, event: StoredEvent): string {
  if (value === undefined) return ''
  if (typeof value !== 'string' || value === '')
    throw new MatrixError('M_INVALID_PARAM', 'thread_id must be a non-empty string')
  const belongs = value === 'main' ? event.threadRoot === null : event.threadRoot === value || event.event.id === value
  if (!belongs) throw new MatrixError('M_INVALID_PARAM', 'The event is not in the thread of thread_id')
  return value
}

async function markRead(
  deps: EphemeralRouteDeps,
  session: Session,
  room: Room,
  type: keyof typeof Markers.properties,
  eventId: string,
  thread?: unknown,
): Promise<void> {
  const event = await eventIn(deps, room, eventId)
  if (type !== 'm.fully_read')
    return deps.ephemeral.receipts.send(room, session.user, type, event, threadOf(thread, event))
  if (thread !== undefined) throw new MatrixError('M_INVALID_PARAM', 'm.fully_read knows no threads')
  return markFullyRead(deps, room, session.user, event)
}

export const receiptRoutes = (deps: EphemeralRouteDeps): Route[] => [
  /**
   * Wakes the room's syncs, or the user's own.
   * @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidreceiptreceipttypeeventid
   */
  route({
    id: 'postReceipt',
    method: 'POST',
    path: '/_matrix/client/v3/rooms/:roomId/receipt/:receiptType/:eventId',
    auth: 'user',
    whileSuspended: true,
    params: ReceiptParams,
    body: Type.Object({ thread_id: Type.Optional(Type.Unknown()) }),
    reply: Type.Object({}),
    handle: async ({ session, params, body }) => {
      const room = await joinedRoom(deps.rooms, params.roomId, session.user)
      await markRead(deps, session, room, params.receiptType, params.eventId, body.thread_id)
      return {}
    },
  }),
  /** Any of the three at once. @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidread_markers */
  route({
    id: 'setReadMarker',
    method: 'POST',
    path: '/_matrix/client/v3/rooms/:roomId/read_markers',
    auth: 'user',
    whileSuspended: true,
    params: Type.Object({ roomId: Type.String() }),
    body: Markers,
    reply: Type.Object({}),
    handle: async ({ session, params, body }) => {
      const room = await joinedRoom(deps.rooms, params.roomId, session.user)
      for (const type of ['m.fully_read', 'm.read', 'm.read.private'] as const) {
        const eventId = body[type]
        if (eventId !== undefined) await markRead(deps, session, room, type, eventId)
      }
      return {}
    },
  }),
]
