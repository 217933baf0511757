import { Type } from 'typebox'
import { route, type Route, type Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isUserId } from '../../matrix/ids.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { mustNotBeSuspended } from '../../users/index.ts'
import { checkAliasEvent } from '../alias-event.ts'
import type { RoomsRouteDeps } from '../deps.ts'
import { mustTakeInvites } from '../invite-permission.ts'
import { join, joinedRoom, leave, notIn } from '../membership.ts'
import type { StoredEvent } from '../stored-event.ts'
import { redactEvent, sendOnce, setState, type SendDeps } from '../send.ts'
import { checkRelation } from '../send-checks.ts'
import { EventIdReply, openObject } from './shapes.ts'

const whoOf = (session: Session) => ({ nid: session.user, userId: session.userId })

const SendParams = Type.Object({ roomId: Type.String(), eventType: Type.String(), txnId: Type.String({ maxLength: 255 }) })
const RedactParams = Type.Object({ roomId: Type.String(), eventId: Type.String(), txnId: Type.String({ maxLength: 255 }) })
const StateParams = Type.Object({ roomId: Type.String(), eventType: Type.String(), stateKey: Type.String() })

async function putState(deps: RoomsRouteDeps, session: Session, roomId: string, type: string, stateKey: string, content: JsonObject): Promise<{ event_id: string }> {
  const leaving = type === 'm.room.member' && stateKey === session.userId && content['membership'] === 'leave'
  if (!leaving) mustNotBeSuspended(session)
  if (type === 'm.room.member' && stateKey === session.userId && content['membership'] === 'join') {
    const room = await deps.rooms.find(roomId)
    if (room && !room.joined.has(session.user)) {
      await join(deps, whoOf(session), room, { extra: content })
      return { event_id: (await memberEvent(deps, room.nid, session)).event.id }
    }
  }
  if (leaving) {
    const room = await deps.rooms.find(roomId)
    if (!room?.members.has(session.user)) throw notIn(roomId)
    const { membership: _membership, reason, ...extra } = content
    await leave(deps, whoOf(session), room, { extra, ...(typeof reason === 'string' && { reason }) })
    return { event_id: (await memberEvent(deps, room.nid, session)).event.id }
  }
  const room = await joinedRoom(deps.rooms, roomId, session.user)
  if (type === 'm.room.member' && !isUserId(stateKey)) throw new MatrixError('M_BAD_JSON', `The state key of a member event is a user id; "${stateKey}" is none`)
  if (type === 'm.room.member' && content['membership'] === 'invite') await mustTakeInvites(deps.users, stateKey)
  if (type === 'm.room.canonical_alias') await checkAliasEvent(deps, room, content)
  const stored = await setState(deps.rooms, room, whoOf(session), type, stateKey, content)
  return { event_id: stored.event.id }
}

async function memberEvent(deps: RoomsRouteDeps, nid: number, session: Session): Promise<StoredEvent> {
  const room = await deps.rooms.byNid(nid)
  const stored = room && await deps.rooms.stateEvent(room, 'm.room.member', session.userId)
  if (!stored) throw new Error('A member that has joined has no member event')
  return stored
}

export const sendRoutes = (deps: RoomsRouteDeps): Route[] => {
  const sending: SendDeps = { rooms: deps.rooms, database: deps.database, underWay: new Map() }
  return [
    /** @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid */
    route({
      id: 'sendMessage', method: 'PUT', path: '/_matrix/client/v3/rooms/:roomId/send/:eventType/:txnId', auth: 'guest', limit: 'message',
      params: SendParams, body: openObject, reply: EventIdReply,
      handle: async ({ session, params: { roomId, eventType, txnId }, body }) => {
        mustNotBeSuspended(session)
        const room = await joinedRoom(deps.rooms, roomId, session.user)
        const draft = { type: eventType, sender: whoOf(session), content: body, device: session.device, txnId }
        if (eventType === 'm.room.redaction') {
          const redacts = body['redacts']
          if (typeof redacts !== 'string') throw new MatrixError('M_MISSING_PARAM', 'redacts is missing: name the event, or use the redact endpoint')
          return { event_id: (await redactEvent(sending, room, redacts, draft)).event.id }
        }
        await checkRelation(deps, room, session.user, eventType, body)
        return { event_id: (await sendOnce(sending, room, draft)).event.id }
      },
    }),
    /** @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidredacteventidtxnid */
    route({
      id: 'redactEvent', method: 'PUT', path: '/_matrix/client/v3/rooms/:roomId/redact/:eventId/:txnId', auth: 'guest', limit: 'message',
      params: RedactParams, body: openObject, reply: EventIdReply,
      handle: async ({ session, params: { roomId, eventId, txnId }, body }) => {
        const room = await joinedRoom(deps.rooms, roomId, session.user)
        const reason = body['reason']
        if (reason !== undefined && typeof reason !== 'string') throw new MatrixError('M_BAD_JSON', 'reason is not a string')
        const stored = await redactEvent(sending, room, eventId, { sender: whoOf(session), content: body, device: session.device, txnId })
        return { event_id: stored.event.id }
      },
    }),
    /** @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey */
    route({
      id: 'setRoomStateWithKey', method: 'PUT', path: '/_matrix/client/v3/rooms/:roomId/state/:eventType/:stateKey', auth: 'guest', limit: 'message',
      params: StateParams, body: openObject, reply: EventIdReply,
      handle: async ({ session, params, body }) => putState(deps, session, params.roomId, params.eventType, params.stateKey, body),
    }),
    route({
      id: 'setRoomState', method: 'PUT', path: '/_matrix/client/v3/rooms/:roomId/state/:eventType', auth: 'guest', limit: 'message',
      paths: ['/_matrix/client/v3/rooms/:roomId/state/:eventType/'],
      params: Type.Object({ roomId: Type.String(), eventType: Type.String() }), body: openObject, reply: EventIdReply,
      handle: async ({ session, params, body }) => putState(deps, session, params.roomId, params.eventType, '', body),
    }),
  ]
}
