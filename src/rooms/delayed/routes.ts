import { Type, type Static } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { openObject } from '../routes/shapes.ts'
import type { Delayed, DelayedAction } from './delayed.ts'
import type { DelayedRow } from './store.ts'

const prefix = '/_matrix/client/unstable/org.matrix.msc4140'

const Action = Type.Union([Type.Literal('send'), Type.Literal('cancel'), Type.Literal('restart')])

const Item = Type.Object({
  delay_id: Type.String(),
  room_id: Type.String(),
  type: Type.String(),
  state_key: Type.Optional(Type.String()),
  content: openObject,
  delay_ms: Type.Integer(),
  delayed_since_ts: Type.Integer(),
  delay: Type.Integer(),
  running_since: Type.Integer(),
  finalised: Type.Optional(
    Type.Object({
      finalised_ts: Type.Integer(),
      event_id: Type.Optional(Type.String()),
      error: Type.Optional(openObject),
    }),
  ),
})

/** As the proposal has it, with the names that its drafts had for the same and that clients go by still. */
function asClientsSeeIt(row: DelayedRow): Static<typeof Item> {
  return {
    delay_id: row.delay_id,
    room_id: row.room_id,
    type: row.type,
    ...(row.state_key !== null && { state_key: row.state_key }),
    content: JSON.parse(row.content) as JsonObject, // written by schedule
    delay_ms: row.delay_ms,
    delayed_since_ts: row.since_ts,
    delay: row.delay_ms,
    running_since: row.since_ts,
    ...(row.finalised_ts !== null && {
      finalised: {
        finalised_ts: row.finalised_ts,
        ...(row.event_id !== null && { event_id: row.event_id }),
        ...(row.error !== null && { error: JSON.parse(row.error) as JsonObject }), // our own
      },
    }),
  }
}

/** A finalised event in the list of the drafts. */
function asDraftsHadIt(row: DelayedRow): JsonObject {
  const { finalised, ...event } = asClientsSeeIt(row)
  const reason = finalised?.error
    ? 'error'
    : (row.finalised_ts ?? 0) >= row.since_ts + row.delay_ms
      ? 'delay'
      : 'action'
  return {
    delayed_event: event,
    outcome: row.event_id === null ? 'cancel' : 'send',
    reason,
    ...(finalised?.error && { error: finalised.error }),
    ...(row.event_id !== null && { event_id: row.event_id }),
    origin_server_ts: row.finalised_ts,
  }
}

const pageSize = 100

const Ids = Type.Optional(Type.Array(Type.String(), { maxItems: pageSize }))

/** @see https://github.com/matrix-org/matrix-spec-proposals/pull/4140 */
export const delayedRoutes = (delayed: Delayed): Route[] => {
  /** Open to all who know the id, so that a client may leave it to the server of a call to say that it is gone. */
  const act = (id: string, action: DelayedAction): Route =>
    route({
      id,
      method: 'POST',
      path: `${prefix}/delayed_events/:delayId/${action}`,
      auth: 'optional',
      whileSuspended: true,
      ...(action === 'send' && { limit: 'message' as const }),
      params: Type.Object({ delayId: Type.String({ maxLength: 255 }) }),
      reply: Type.Object({}),
      handle: async ({ params }) => {
        await delayed.act(params.delayId, action)
        return {}
      },
    })
  return [
    route({
      id: 'scheduleDelayedEvent',
      method: 'PUT',
      path: `${prefix}/rooms/:roomId/delayed_event/:eventType/:txnId`,
      auth: 'guest',
      limit: 'message',
      params: Type.Object({ roomId: Type.String(), eventType: Type.String(), txnId: Type.String({ maxLength: 255 }) }),
      body: Type.Object({
        delay_ms: Type.Optional(Type.Integer()),
        delay: Type.Optional(Type.Integer()),
        state_key: Type.Optional(Type.String()),
        content: openObject,
      }),
      reply: Type.Object({ delay_id: Type.String() }),
      handle: async ({ session, params: { roomId, eventType: type, txnId }, body }) => {
        const delay = body.delay_ms ?? body.delay
        if (delay === undefined) throw new MatrixError('M_MISSING_PARAM', '"delay_ms" is missing')
        return {
          delay_id: await delayed.schedule(session, {
            roomId,
            type,
            stateKey: body.state_key,
            content: body.content,
            delay,
            txnId,
          }),
        }
      },
    }),
    act('sendDelayedEvent', 'send'),
    act('cancelDelayedEvent', 'cancel'),
    act('restartDelayedEvent', 'restart'),
    route({
      id: 'updateDelayedEvent',
      method: 'POST',
      path: `${prefix}/delayed_events/:delayId`,
      auth: 'optional',
      whileSuspended: true,
      limit: 'message',
      params: Type.Object({ delayId: Type.String({ maxLength: 255 }) }),
      body: Type.Object({ action: Action }),
      reply: Type.Object({}),
      handle: async ({ params, body }) => {
        await delayed.act(params.delayId, body.action)
        return {}
      },
    }),
    route({
      id: 'getDelayedEvent',
      method: 'GET',
      path: `${prefix}/delayed_events/:delayId`,
      auth: 'guest',
      params: Type.Object({ delayId: Type.String({ maxLength: 255 }) }),
      reply: Item,
      handle: async ({ session, params }) => {
        const row = await delayed.get(session.user, params.delayId)
        if (!row) throw new MatrixError('M_NOT_FOUND', 'There is no such delayed event of yours')
        return asClientsSeeIt(row)
      },
    }),
    /** Lists by the forms of the drafts, for clients that know these. */
    route({
      id: 'getDelayedEvents',
      method: 'GET',
      path: `${prefix}/delayed_events`,
      auth: 'guest',
      query: Type.Object({
        status: Type.Optional(Type.Union([Type.Literal('scheduled'), Type.Literal('finalised')])),
        delay_id: Ids,
        from: Type.Optional(Type.Integer({ minimum: 0 })),
      }),
      reply: Type.Object({
        delayed_events: Type.Array(Item),
        scheduled: Type.Array(Item),
        finalised: Type.Array(openObject),
        next_batch: Type.Optional(Type.String()),
      }),
      handle: async ({ session, query: { status, delay_id: ids, from: offset = 0 } }) => {
        const read = async (finalised: boolean): Promise<DelayedRow[]> => {
          if (status !== undefined && (status === 'finalised') !== finalised) return []
          if (!ids) return delayed.list(session.user, { finalised, offset, limit: pageSize })
          const rows = await Promise.all(ids.map((id) => delayed.get(session.user, id)))
          return rows.filter((row) => row !== undefined).filter((row) => (row.finalised_ts !== null) === finalised)
        }
        const [waiting, done] = [await read(false), await read(true)]
        const more = !ids && (waiting.length === pageSize || done.length === pageSize)
        const scheduled = waiting.map(asClientsSeeIt)
        return {
          delayed_events: scheduled,
          scheduled,
          finalised: done.map(asDraftsHadIt),
          ...(more && { next_batch: String(offset + pageSize) }),
        }
      },
    }),
  ]
}
