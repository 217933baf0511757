import { Type } from 'typebox'
import type { Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { AdminApiDeps } from '../deps.ts'
import {
  countEventReports,
  countPlainReports,
  deleteReport,
  readEventReport,
  readEventReports,
  readPlainReport,
  readPlainReports,
} from '../store/reports.ts'
import { adminRoute, Dir, Empty, nextOf, pageOf, Paging } from './route.ts'

const ReportParams = Type.Object({ reportId: Type.Integer() })
const eventPath = '/_synapse/admin/v1/event_reports'
const userPath = '/_synapse/admin/v1/user_reports'
const Reports = Type.Array(Type.Object({ id: Type.Integer() }))
const Filter = { ...Paging, dir: Dir, user_id: Type.Optional(Type.String()) }

const noReport = (): MatrixError => new MatrixError('M_NOT_FOUND', 'Event report not found')

type EventReport = NonNullable<Awaited<ReturnType<typeof readEventReport>>>
type UserReport = NonNullable<Awaited<ReturnType<typeof readPlainReport>>>

const shownEvent = (row: EventReport) => ({
  id: row.nid,
  received_ts: row.created_ts,
  room_id: row.room_id,
  name: row.name,
  canonical_alias: row.canonical_alias,
  event_id: row.target,
  user_id: row.reporter,
  reason: row.reason,
  score: row.score,
  sender: row.sender,
})

const shownUser = (row: UserReport) => ({
  id: row.nid,
  received_ts: row.created_ts,
  user_id: row.reporter,
  target_user_id: row.target,
  reason: row.reason,
})

/** What users have reported. */
export const reportListRoutes = (deps: AdminApiDeps): Route[] => {
  const { database, users, rooms } = deps
  /** Of somebody who was never seen there is nothing: no row has this short id. */
  const nidOf = async (userId: string | undefined): Promise<number | undefined> =>
    userId === undefined ? undefined : ((await users.find(userId)) ?? -1)
  const remove = async (nid: number): Promise<Record<string, never>> => {
    await database.write((tx) => deleteReport(tx, nid))
    return {}
  }
  return [
    adminRoute(deps, {
      id: 'adminListEventReports',
      method: 'GET',
      path: eventPath,
      query: Type.Object({
        ...Filter,
        room_id: Type.Optional(Type.String()),
        event_sender_user_id: Type.Optional(Type.String()),
      }),
      reply: Type.Object({
        event_reports: Reports,
        next_token: Type.Optional(Type.Integer()),
        total: Type.Integer(),
      }),
      handle: async ({ query }) => {
        const wish = {
          ...pageOf(query),
          dir: query.dir ?? 'b',
          reporter: await nidOf(query.user_id),
          sender: await nidOf(query.event_sender_user_id),
          roomId: query.room_id,
        } as const
        const rows = await readEventReports(database.aside, wish)
        const total = await countEventReports(database.aside, wish)
        const next = nextOf(wish, rows.length, total)
        return { event_reports: rows.map(shownEvent), ...(next !== undefined && { next_token: next }), total }
      },
    }),
    adminRoute(deps, {
      id: 'adminGetEventReport',
      method: 'GET',
      path: `${eventPath}/:reportId`,
      params: ReportParams,
      reply: Type.Object({ id: Type.Integer(), event_json: Type.Unknown() }),
      handle: async ({ params }) => {
        const row = await readEventReport(database.read, params.reportId)
        if (!row) throw noReport()
        const stored = row.event_nid === null ? undefined : await rooms.events.get(row.event_nid)
        return { ...shownEvent(row), event_json: stored?.event.pdu ?? null }
      },
    }),
    adminRoute(deps, {
      id: 'adminDeleteEventReport',
      method: 'DELETE',
      path: `${eventPath}/:reportId`,
      params: ReportParams,
      reply: Empty,
      handle: async ({ params }) => {
        if (!(await readEventReport(database.read, params.reportId))) throw noReport()
        return remove(params.reportId)
      },
    }),
    adminRoute(deps, {
      id: 'adminListUserReports',
      method: 'GET',
      path: userPath,
      query: Type.Object({ ...Filter, target_user_id: Type.Optional(Type.String()) }),
      reply: Type.Object({ user_reports: Reports, next_token: Type.Optional(Type.Integer()), total: Type.Integer() }),
      handle: async ({ query }) => {
        const wish = {
          ...pageOf(query),
          dir: query.dir ?? 'b',
          reporter: await nidOf(query.user_id),
          target: query.target_user_id,
        } as const
        const rows = await readPlainReports(database.aside, '@', wish)
        const total = await countPlainReports(database.aside, '@', wish)
        const next = nextOf(wish, rows.length, total)
        return { user_reports: rows.map(shownUser), ...(next !== undefined && { next_token: next }), total }
      },
    }),
    adminRoute(deps, {
      id: 'adminGetUserReport',
      method: 'GET',
      path: `${userPath}/:reportId`,
      params: ReportParams,
      reply: Type.Object({ id: Type.Integer() }),
      handle: async ({ params }) => {
        const row = await readPlainReport(database.read, '@', params.reportId)
        if (!row) throw new MatrixError('M_NOT_FOUND', 'User report not found')
        return shownUser(row)
      },
    }),
    adminRoute(deps, {
      id: 'adminDeleteUserReport',
      method: 'DELETE',
      path: `${userPath}/:reportId`,
      params: ReportParams,
      reply: Empty,
      handle: async ({ params }) => {
        if (!(await readPlainReport(database.read, '@', params.reportId)))
          throw new MatrixError('M_NOT_FOUND', 'User report not found')
        return remove(params.reportId)
      },
    }),
  ]
}
