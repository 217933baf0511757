import { Type, type Static } from 'typebox'
import { route, type Route, type Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { Delayed, DelayedWish } from '../delayed/index.ts'
import type { RoomsRouteDeps } from '../deps.ts'
import { openSender } from '../sender.ts'
import { EventIdReply, openObject } from './shapes.ts'

/** What transaction ids are told apart by: an application service has a number for each user that it asks as. */
const deviceOf = ({ device, appservice, tokenId }: Session): number | null =>
  device ?? (appservice === undefined ? null : -tokenId)

/** Not at once, but in so many milliseconds (MSC4140). */
const delayParam = 'org.matrix.msc4140.delay'

const SendQuery = Type.Object({ ts: Type.Optional(Type.String()), [delayParam]: Type.Optional(Type.Integer()) })

/** Of what is delayed, only the id of the delay is known. */
const SentReply = Type.Union([EventIdReply, Type.Object({ delay_id: Type.String() })])

/** The time that an application service gives to an event; nobody else has a say in it. @throws {MatrixError} M_INVALID_PARAM */
function timeFor({ appservice }: Session, { ts }: { ts?: string }): { ts?: number } {
  if (appservice === undefined || ts === undefined) return {}
  if (!/^\d{1,15}$/.test(ts)) throw new MatrixError('M_INVALID_PARAM', '"ts" must be milliseconds since 1970')
  return { ts: Number(ts) }
}

const SendParams = Type.Object({
  roomId: Type.String(),
  eventType: Type.String(),
  txnId: Type.String({ maxLength: 255 }),
})
const RedactParams = Type.Object({
  roomId: Type.String(),
  eventId: Type.String(),
  txnId: Type.String({ maxLength: 255 }),
})
const StateParams = Type.Object({ roomId: Type.String(), eventType: Type.String(), stateKey: Type.String() })

/** What the routes that send are made with. */
export interface SendRouteDeps extends RoomsRouteDeps {
  /** Absent: nothing can be delayed. */
  readonly delayed?: Delayed
}

export const sendRoutes = (deps: SendRouteDeps): Route[] => {
  const sender = openSender(deps)
  const later = async (session: Session, wish: DelayedWish): Promise<{ delay_id: string }> => {
    if (!deps.delayed) throw new MatrixError('M_UNRECOGNIZED', 'Nothing can be delayed here')
    return { delay_id: await deps.delayed.schedule(session, wish) }
  }
  const putState = async (
    session: Session,
    { roomId, eventType: type, stateKey = '' }: { roomId: string; eventType: string; stateKey?: string },
    query: Static<typeof SendQuery>,
    content: JsonObject,
  ) => {
    const delay = query[delayParam]
    if (delay !== undefined) return later(session, { roomId, type, stateKey, content, delay })
    return {
      event_id: await sender.state(session, roomId, type, stateKey, content, {
        device: deviceOf(session),
        ...timeFor(session, query),
      }),
    }
  }
  return [
    /** @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid */
    route({
      id: 'sendMessage',
      method: 'PUT',
      path: '/_matrix/client/v3/rooms/:roomId/send/:eventType/:txnId',
      auth: 'guest',
      whileSuspended: true,
      limit: 'message',
      params: SendParams,
      query: SendQuery,
      body: openObject,
      reply: SentReply,
      handle: async ({ session, params: { roomId, eventType: type, txnId }, query, body: content }) => {
        const delay = query[delayParam]
        if (delay !== undefined) return later(session, { roomId, type, content, delay, txnId })
        return {
          event_id: await sender.message(session, roomId, type, content, {
            device: deviceOf(session),
            txnId,
            ...timeFor(session, query),
          }),
        }
      },
    }),
    /** Without a transaction id, as scripts from before the specification's first version send: each request is another event. */
    route({
      id: 'sendMessageWithoutTransaction',
      method: 'POST',
      path: '/_matrix/client/v3/rooms/:roomId/send/:eventType',
      auth: 'guest',
      whileSuspended: true,
      limit: 'message',
      params: Type.Object({ roomId: Type.String(), eventType: Type.String() }),
      query: SendQuery,
      body: openObject,
      reply: EventIdReply,
      handle: async ({ session, params: { roomId, eventType: type }, query, body: content }) => ({
        event_id: await sender.message(session, roomId, type, content, { device: null, ...timeFor(session, query) }),
      }),
    }),
    /** @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidredacteventidtxnid */
    route({
      id: 'redactEvent',
      method: 'PUT',
      path: '/_matrix/client/v3/rooms/:roomId/redact/:eventId/:txnId',
      auth: 'guest',
      whileSuspended: true,
      limit: 'message',
      params: RedactParams,
      body: openObject,
      reply: EventIdReply,
      handle: async ({ session, params: { roomId, eventId, txnId }, body }) => ({
        event_id: await sender.redact(session, roomId, eventId, body, { device: deviceOf(session), txnId }),
      }),
    }),
    /** @see https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey */
    route({
      id: 'setRoomStateWithKey',
      method: 'PUT',
      path: '/_matrix/client/v3/rooms/:roomId/state/:eventType/:stateKey',
      auth: 'guest',
      whileSuspended: true,
      limit: 'message',
      params: StateParams,
      query: SendQuery,
      body: openObject,
      reply: SentReply,
      handle: async ({ session, params, query, body }) => putState(session, params, query, body),
    }),
    route({
      id: 'setRoomState',
      method: 'PUT',
      path: '/_matrix/client/v3/rooms/:roomId/state/:eventType',
      auth: 'guest',
      whileSuspended: true,
      limit: 'message',
      paths: ['/_matrix/client/v3/rooms/:roomId/state/:eventType/'],
      params: Type.Object({ roomId: Type.String(), eventType: Type.String() }),
      query: SendQuery,
      body: openObject,
      reply: SentReply,
      handle: async ({ session, params, query, body }) => putState(session, params, query, body),
    }),
  ]
}
