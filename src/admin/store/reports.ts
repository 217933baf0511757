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
}

/** Keeps a report; a second one of the same by the same user takes the place of the first. */
export async function saveReport(tx: Tx, { reporter, target, roomId, reason, at }: Report): Promise<void> {
  await tx
    .insertInto('reports')
    .values({ reporter_nid: reporter, target, room_id: roomId, reason, created_ts: at })
    .onConflict((conflict) => conflict.columns(['reporter_nid', 'target']).doUpdateSet({ reason, created_ts: at }))
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
