import { type Static, Type } from 'typebox'
import type { Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isRoomId } from '../../matrix/ids.ts'
import { own, type JsonObject } from '../../matrix/json.ts'
import type { AdminApiDeps } from '../deps.ts'
import { readPositionAt } from '../store/history.ts'
import type { TaskRow } from '../store/tasks.ts'
import { adminRoute, UserParams } from './route.ts'
import { mustBeRoom, RoomParams } from './rooms.ts'
import { anybody, mustBeLocal } from './user.ts'

const base = '/_synapse/admin'

const DeleteBody = Type.Object({
  new_room_user_id: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  room_name: Type.Optional(Type.String({ maxLength: 500 })),
  message: Type.Optional(Type.String({ maxLength: 10_000 })),
  block: Type.Optional(Type.Boolean()),
  purge: Type.Optional(Type.Boolean()),
  force_purge: Type.Optional(Type.Boolean()),
})
const Shutdown = Type.Object({
  kicked_users: Type.Array(Type.String()),
  failed_to_kick_users: Type.Array(Type.String()),
  local_aliases: Type.Array(Type.String()),
  new_room_id: Type.Union([Type.String(), Type.Null()]),
})
const DeleteStatus = Type.Object({
  delete_id: Type.String(),
  room_id: Type.String(),
  status: Type.String(),
  error: Type.Optional(Type.String()),
  shutdown_room: Shutdown,
})
const PurgeBody = Type.Object({
  delete_local_events: Type.Optional(Type.Boolean()),
  purge_up_to_event_id: Type.Optional(Type.String()),
  purge_up_to_ts: Type.Optional(Type.Integer()),
})
const Milliseconds = Type.Optional(Type.Integer({ minimum: 0 }))
const RedactBody = Type.Object({
  rooms: Type.Array(Type.String(), { maxItems: 1000 }),
  reason: Type.Optional(Type.String({ maxLength: 1000 })),
  limit: Type.Optional(Type.Integer({ minimum: 1 })),
  use_admin: Type.Optional(Type.Boolean()),
  after_ts: Milliseconds,
  before_ts: Milliseconds,
})

const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : [])

const shutdownOf = (row: TaskRow): Static<typeof Shutdown> => {
  const result: unknown = JSON.parse(row.result)
  const newRoom = own(result, 'new_room_id')
  return {
    kicked_users: strings(own(result, 'kicked_users')),
    failed_to_kick_users: strings(own(result, 'failed_to_kick_users')),
    local_aliases: strings(own(result, 'local_aliases')),
    new_room_id: typeof newRoom === 'string' ? newRoom : null,
  }
}

const statusOf = (row: TaskRow): Static<typeof DeleteStatus> => ({
  delete_id: row.id,
  room_id: row.resource,
  status: row.status,
  ...(row.error !== null && { error: row.error }),
  shutdown_room: shutdownOf(row),
})

/** Taking rooms, history and what somebody said away: work that is done in the background, step by step. */
export const removalRoutes = (deps: AdminApiDeps): Route[] => {
  const { tasks, rooms, blocks, log } = deps

  const find = async (action: string, id: string): Promise<TaskRow> => {
    const row = await tasks.get(id)
    if (row?.action !== action) throw new MatrixError('M_NOT_FOUND', `There is no such task "${id.slice(0, 64)}"`)
    return row
  }

  const startDelete = (roomId: string, body: Static<typeof DeleteBody>, requester: string): Promise<string> => {
    if (body.new_room_user_id) mustBeLocal(deps, body.new_room_user_id)
    return tasks.start('delete_room', roomId, { ...(body as JsonObject), requester })
  }

  /** The place before which is purged, by what the request names. */
  const boundary = async (
    room: number,
    eventId: string | undefined,
    body: Static<typeof PurgeBody>,
  ): Promise<number> => {
    const named = eventId ?? body.purge_up_to_event_id
    if (named !== undefined) {
      const stored = await rooms.events.byId(named)
      if (stored?.room !== room || stored.position === 0) throw new MatrixError('M_NOT_FOUND', 'Event not found')
      return stored.position
    }
    if (body.purge_up_to_ts === undefined)
      throw new MatrixError(
        'M_MISSING_PARAM',
        'Say how far: by an event in the path, "purge_up_to_event_id" or "purge_up_to_ts"',
      )
    const position = await readPositionAt(deps.database.read, room, body.purge_up_to_ts)
    if (position === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no event to be purged')
    return Math.min(position, log.now)
  }

  return [
    /** Answers when all is done, which may take long: the one below does not let anybody wait. */
    adminRoute(deps, {
      id: 'adminDeleteRoomV1',
      method: 'DELETE',
      path: `${base}/v1/rooms/:roomId`,
      limit: 'heavy',
      params: RoomParams,
      body: DeleteBody,
      reply: Shutdown,
      handle: async ({ session, params: { roomId }, body }) => {
        if (!isRoomId(roomId)) throw new MatrixError('M_INVALID_PARAM', 'This is not a room id')
        if (!(await rooms.find(roomId))) {
          if (!body.block) throw new MatrixError('M_NOT_FOUND', 'Room not found', { status: 400 })
          await blocks.block(roomId, session.userId)
          return { kicked_users: [], failed_to_kick_users: [], local_aliases: [], new_room_id: null }
        }
        const id = await startDelete(roomId, body, session.userId)
        await tasks.ended(id)
        const row = await find('delete_room', id)
        if (row.error !== null) throw new MatrixError('M_UNKNOWN', row.error, { status: 400 })
        return shutdownOf(row)
      },
    }),
    adminRoute(deps, {
      id: 'adminDeleteRoom',
      method: 'DELETE',
      path: `${base}/v2/rooms/:roomId`,
      limit: 'heavy',
      params: RoomParams,
      body: DeleteBody,
      reply: Type.Object({ delete_id: Type.String() }),
      handle: async ({ session, params, body }) => {
        const room = await mustBeRoom(deps, params.roomId)
        return { delete_id: await startDelete(room.id, body, session.userId) }
      },
    }),
    adminRoute(deps, {
      id: 'adminRoomDeleteStatus',
      method: 'GET',
      path: `${base}/v2/rooms/:roomId/delete_status`,
      params: RoomParams,
      reply: Type.Object({ results: Type.Array(DeleteStatus) }),
      handle: async ({ params }) => {
        const rows = await tasks.list({ action: 'delete_room', resource: params.roomId })
        if (rows.length === 0)
          throw new MatrixError('M_NOT_FOUND', `No delete task for room_id '${params.roomId}' found`)
        return { results: rows.map(statusOf) }
      },
    }),
    adminRoute(deps, {
      id: 'adminDeleteStatus',
      method: 'GET',
      path: `${base}/v2/rooms/delete_status/:deleteId`,
      params: Type.Object({ deleteId: Type.String() }),
      reply: DeleteStatus,
      handle: async ({ params }) => statusOf(await find('delete_room', params.deleteId)),
    }),
    adminRoute(deps, {
      id: 'adminPurgeHistory',
      method: 'POST',
      path: `${base}/v1/purge_history/:roomId`,
      paths: [`${base}/v1/purge_history/:roomId/:eventId`],
      limit: 'heavy',
      params: Type.Object({ roomId: Type.String(), eventId: Type.Optional(Type.String()) }),
      body: PurgeBody,
      reply: Type.Object({ purge_id: Type.String() }),
      handle: async ({ params, body }) => {
        const room = await mustBeRoom(deps, params.roomId)
        const before = await boundary(room.nid, params.eventId, body)
        const wish = { before, delete_local_events: body.delete_local_events ?? false }
        return { purge_id: await tasks.start('purge_history', room.id, wish) }
      },
    }),
    adminRoute(deps, {
      id: 'adminPurgeHistoryStatus',
      method: 'GET',
      path: `${base}/v1/purge_history_status/:purgeId`,
      params: Type.Object({ purgeId: Type.String() }),
      reply: Type.Object({ status: Type.String(), error: Type.Optional(Type.String()) }),
      handle: async ({ params }) => {
        const { status, error } = await find('purge_history', params.purgeId)
        // What waits its turn is under way, for tools that know these three alone.
        return { status: status === 'scheduled' ? 'active' : status, ...(error !== null && { error }) }
      },
    }),
    adminRoute(deps, {
      id: 'adminRedactUser',
      method: 'POST',
      path: `${base}/v1/user/:userId/redact`,
      limit: 'heavy',
      params: UserParams,
      body: RedactBody,
      reply: Type.Object({ redact_id: Type.String() }),
      handle: async ({ session, params, body }) => {
        await anybody(deps, params.userId)
        const wish = { ...(body as JsonObject), admin: session.user }
        return { redact_id: await tasks.start('redact_user', params.userId, wish) }
      },
    }),
    adminRoute(deps, {
      id: 'adminRedactStatus',
      method: 'GET',
      path: `${base}/v1/user/redact_status/:redactId`,
      params: Type.Object({ redactId: Type.String() }),
      reply: Type.Object({ status: Type.String(), failed_redactions: Type.Object({}) }),
      handle: async ({ params }) => {
        const row = await find('redact_user', params.redactId)
        const failures = own(JSON.parse(row.result) as JsonObject, 'failed_redactions') ?? {} // written by the task
        return {
          status: row.status === 'complete' ? 'completed' : row.status,
          failed_redactions: failures as JsonObject,
        }
      },
    }),
    adminRoute(deps, {
      id: 'adminScheduledTasks',
      method: 'GET',
      path: `${base}/v1/scheduled_tasks`,
      query: Type.Object({
        action_name: Type.Optional(Type.String()),
        resource_id: Type.Optional(Type.String()),
        status: Type.Optional(Type.String()),
        max_timestamp: Type.Optional(Type.Integer()),
      }),
      reply: Type.Object({ scheduled_tasks: Type.Array(Type.Object({ id: Type.String() })) }),
      handle: async ({ query }) => ({
        scheduled_tasks: (
          await tasks.list({
            action: query.action_name,
            resource: query.resource_id,
            status: query.status,
            before: query.max_timestamp,
          })
        ).map((row) => ({
          id: row.id,
          action: row.action,
          status: row.status,
          timestamp_ms: row.changed_ts,
          resource_id: row.resource,
          result: JSON.parse(row.result) as JsonObject, // written by the task
          error: row.error,
        })),
      }),
    }),
  ]
}
