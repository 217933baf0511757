import type { DelayedEventsTable, Reader, Tx } from '../../storage/index.ts'

export type DelayedRow = Readonly<DelayedEventsTable>

export async function insertDelayed(tx: Tx, row: DelayedRow): Promise<void> {
  await tx.insertInto('delayed_events').values(row).execute()
}

export const readDelayed = (db: Reader | Tx, delayId: string): Promise<DelayedRow | undefined> =>
  db.selectFrom('delayed_events').where('delay_id', '=', delayId).selectAll().executeTakeFirst()

/** What a user's device has scheduled by this transaction. */
export const readByTxn = (
  db: Tx,
  row: Pick<DelayedRow, 'user_nid' | 'device_nid' | 'txn_id' | 'room_id' | 'type'>,
): Promise<{ delay_id: string } | undefined> =>
  db
    .selectFrom('delayed_events')
    .where('user_nid', '=', row.user_nid)
    .where('device_nid', '=', row.device_nid)
    .where('txn_id', '=', row.txn_id)
    .where('room_id', '=', row.room_id)
    .where('type', '=', row.type)
    .select('delay_id')
    .executeTakeFirst()

/** When what the user has scheduled is due, the first first. */
export const readDue = async (db: Tx, user: number): Promise<number[]> =>
  (
    await db
      .selectFrom('delayed_events')
      .where('user_nid', '=', user)
      .where('finalised_ts', 'is', null)
      .select(['since_ts', 'delay_ms'])
      .execute()
  )
    .map((row) => row.since_ts + row.delay_ms)
    .toSorted((a, b) => a - b)

/** All that a user has scheduled, or what became of it, the newest first. */
export async function readDelayedOf(
  db: Reader,
  user: number,
  wanted: { finalised: boolean; offset: number; limit: number },
): Promise<DelayedRow[]> {
  const rows = db
    .selectFrom('delayed_events')
    .where('user_nid', '=', user)
    .where('finalised_ts', wanted.finalised ? 'is not' : 'is', null)
  return rows
    .orderBy(wanted.finalised ? 'finalised_ts' : 'since_ts', 'desc')
    .orderBy('delay_id')
    .offset(wanted.offset)
    .limit(wanted.limit)
    .selectAll()
    .execute()
}

export async function restartDelayed(tx: Tx, delayId: string, since: number): Promise<void> {
  await tx.updateTable('delayed_events').set({ since_ts: since }).where('delay_id', '=', delayId).execute()
}

/** Writes down what became of it, and forgets what became of others of the user long ago. */
export async function finaliseDelayed(
  tx: Tx,
  { delay_id, user_nid }: DelayedRow,
  outcome: Pick<DelayedRow, 'event_id' | 'error'> & { finalised_ts: number },
  kept: { since: number; most: number },
): Promise<void> {
  await tx.updateTable('delayed_events').set(outcome).where('delay_id', '=', delay_id).execute()
  const finalised = tx
    .selectFrom('delayed_events')
    .where('user_nid', '=', user_nid)
    .where('finalised_ts', 'is not', null)
  const surplus = await finalised
    .orderBy('finalised_ts', 'desc')
    .orderBy('delay_id')
    .offset(kept.most)
    .limit(100)
    .select('delay_id')
    .execute()
  const old = await finalised.where('finalised_ts', '<', kept.since).limit(100).select('delay_id').execute()
  const gone = [...surplus, ...old].map((row) => row.delay_id)
  if (gone.length > 0) await tx.deleteFrom('delayed_events').where('delay_id', 'in', gone).execute()
}
