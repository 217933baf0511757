import type { Reader, Tx } from '../storage/index.ts'

/** How a server can be reached. */
export interface ReachState {
  /** Failures since it last answered. */
  readonly failures: number
  /** Milliseconds; null where it answers. */
  readonly failingSince: number | null
  /** It is not sent anything before then; milliseconds, 0: at any time. */
  readonly retryTs: number
}

/** The servers that did not answer when they were last asked. */
export const readFailing = async (db: Reader, most: number): Promise<(ReachState & { server: string })[]> =>
  (await db.selectFrom('destinations').where('failures', '>', 0).limit(most).selectAll().execute()).map((row) => ({
    server: row.server,
    failures: row.failures,
    failingSince: row.failing_since,
    retryTs: row.retry_ts,
  }))

/** Notes that a server is told things. */
export async function addDestination(tx: Tx, server: string): Promise<void> {
  await tx
    .insertInto('destinations')
    .values({ server, failures: 0, failing_since: null, retry_ts: 0 })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** Writes down how a server can be reached. */
export async function saveReach(tx: Tx, server: string, state: ReachState): Promise<void> {
  const row = { failures: state.failures, failing_since: state.failingSince, retry_ts: state.retryTs }
  await tx
    .insertInto('destinations')
    .values({ server, ...row })
    .onConflict((conflict) => conflict.column('server').doUpdateSet(row))
    .execute()
}
