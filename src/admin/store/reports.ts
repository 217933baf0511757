import type { Reader, Tx } from '../../storage/index.ts'

export interface Report {
  /** Short id of who reports. */
  readonly reporter: number
  /** A room id, an event id or a user id. */
  readonly target: string
  /** The room of an event. */
  readonly roomId: string | null
  readonly reason: string
  readonly at: number
  readonly score: number | null
}

/** Keeps a report; a second one of the same by the same user takes the place of the first. */
export async function saveReport(tx: Tx, { reporter, target, roomId, reason, at, score }: Report): Promise<void> {
  await tx
    .insertInto('reports')
    .values({ reporter_nid: reporter, target, room_id: roomId, reason, created_ts: at, score })
    .onConflict((conflict) =>
      conflict.columns(['reporter_nid', 'target']).doUpdateSet({ reason, created_ts: at, score }),
    )
    .execute()
}

/** When a user made their reports since a time, oldest first. */
export async function readReportTimes(db: Reader | Tx, reporter: number, since: number): Promise<number[]> {
  const rows = await db
    .selectFrom('reports')
    .where('reporter_nid', '=', reporter)
    .where('created_ts', '>', since)
    .orderBy('created_ts')
    .select('created_ts')
    .execute()
  return rows.map((row) => row.created_ts)
}

/** Which reports are wanted. */
export interface ReportListWish {
  readonly dir: 'f' | 'b'
  readonly from: number
  readonly limit: number
  /** Short id of who reports. */
  readonly reporter?: number | undefined
  readonly roomId?: string | undefined
  /** Short id of who sent what is reported. */
  readonly sender?: number | undefined
  /** A user id. */
  readonly target?: string | undefined
}

const eventReports = (db: Reader, { reporter, roomId, sender }: Partial<ReportListWish>) =>
  db
    .selectFrom('reports')
    .innerJoin('users as reporter', 'reporter.nid', 'reports.reporter_nid')
    .leftJoin('rooms', 'rooms.room_id', 'reports.room_id')
    .leftJoin('events', 'events.event_id', 'reports.target')
    .leftJoin('users as sender', 'sender.nid', 'events.sender_nid')
    .where('reports.room_id', 'is not', null)
    .$if(reporter !== undefined, (query) => query.where('reports.reporter_nid', '=', reporter ?? 0))
    .$if(roomId !== undefined, (query) => query.where('reports.room_id', '=', roomId ?? ''))
    .$if(sender !== undefined, (query) => query.where('events.sender_nid', '=', sender ?? 0))

const columns = [
  'reports.nid',
  'reports.created_ts',
  'reports.target',
  'reports.room_id',
  'reports.reason',
  'reports.score',
  'reporter.user_id as reporter',
] as const

/** Reports of events, with what is known of these. */
export const readEventReports = (db: Reader, wish: ReportListWish) =>
  eventReports(db, wish)
    .select(columns)
    .select(['rooms.name', 'rooms.canonical_alias', 'sender.user_id as sender', 'events.nid as event_nid'])
    .orderBy('reports.nid', wish.dir === 'b' ? 'desc' : 'asc')
    .offset(wish.from)
    .limit(wish.limit)
    .execute()

export const readEventReport = (db: Reader, nid: number) =>
  eventReports(db, {})
    .where('reports.nid', '=', nid)
    .select(columns)
    .select(['rooms.name', 'rooms.canonical_alias', 'sender.user_id as sender', 'events.nid as event_nid'])
    .executeTakeFirst()

export const countEventReports = async (db: Reader, wish: ReportListWish): Promise<number> =>
  (
    await eventReports(db, wish)
      .select((row) => row.fn.countAll<number>().as('count'))
      .executeTakeFirst()
  )?.count ?? 0

/** Reports of what begins with a sigil: `@` users, `!` rooms. */
const plainReports = (db: Reader, sigil: '@' | '!', { reporter, target }: Partial<ReportListWish>) =>
  db
    .selectFrom('reports')
    .innerJoin('users as reporter', 'reporter.nid', 'reports.reporter_nid')
    .where('reports.room_id', 'is', null)
    .where('reports.target', 'like', `${sigil}%`)
    .$if(reporter !== undefined, (query) => query.where('reports.reporter_nid', '=', reporter ?? 0))
    .$if(target !== undefined, (query) => query.where('reports.target', '=', target ?? ''))

export const readPlainReports = (db: Reader, sigil: '@' | '!', wish: ReportListWish) =>
  plainReports(db, sigil, wish)
    .select(columns)
    .orderBy('reports.nid', wish.dir === 'b' ? 'desc' : 'asc')
    .offset(wish.from)
    .limit(wish.limit)
    .execute()

export const readPlainReport = (db: Reader, sigil: '@' | '!', nid: number) =>
  plainReports(db, sigil, {}).where('reports.nid', '=', nid).select(columns).executeTakeFirst()

export const countPlainReports = async (db: Reader, sigil: '@' | '!', wish: ReportListWish): Promise<number> =>
  (
    await plainReports(db, sigil, wish)
      .select((row) => row.fn.countAll<number>().as('count'))
      .executeTakeFirst()
  )?.count ?? 0

export async function deleteReport(tx: Tx, nid: number): Promise<void> {
  await tx.deleteFrom('reports').where('nid', '=', nid).execute()
}
