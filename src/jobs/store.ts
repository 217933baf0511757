import { hot, type JobsTable, type Reader, type Tx } from '../storage/index.ts'

export type JobRow = Readonly<JobsTable>

const insert = hot((db, p: Pick<JobsTable, 'id' | 'queue' | 'key' | 'payload' | 'created_ts' | 'due_ts'>) =>
  db.insertInto('jobs').values({
    id: p.id,
    queue: p.queue,
    key: p.key,
    payload: p.payload,
    created_ts: p.created_ts,
    due_ts: p.due_ts,
    leased_until: 0,
    attempts: 0,
  }),
)

const surplus = hot((db, p: { queue: string; key: string; most: number }) =>
  db
    .selectFrom('jobs')
    .where('queue', '=', p.queue)
    .where('key', '=', p.key)
    .where('leased_until', '=', 0)
    .orderBy('id', 'desc')
    .offset(p.most)
    .limit(100)
    .select('id'),
)

const remove = hot((db, p: { id: number }) => db.deleteFrom('jobs').where('id', '=', p.id))

const removeKey = hot((db, p: { queue: string; key: string }) =>
  db.deleteFrom('jobs').where('queue', '=', p.queue).where('key', '=', p.key),
)

/** The first job of each key that is due, the longest due first. */
const due = hot((db, p: { queue: string; now: number; limit: number }) =>
  db
    .selectFrom('jobs as job')
    .where('job.queue', '=', p.queue)
    .where('job.due_ts', '<=', p.now)
    .where('job.leased_until', '<=', p.now)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('jobs as earlier')
            .whereRef('earlier.queue', '=', 'job.queue')
            .whereRef('earlier.key', '=', 'job.key')
            .whereRef('earlier.id', '<', 'job.id')
            .select('earlier.id'),
        ),
      ),
    )
    .orderBy('job.due_ts')
    .orderBy('job.id')
    .limit(p.limit)
    .selectAll('job'),
)

const next = hot((db, p: { queue: string }) =>
  db.selectFrom('jobs').where('queue', '=', p.queue).orderBy('due_ts').limit(1).select('due_ts'),
)

const lease = hot((db, p: { id: number; until: number }) =>
  db.updateTable('jobs').set({ leased_until: p.until }).where('id', '=', p.id),
)

const failed = hot((db, p: { id: number; attempts: number }) =>
  db.updateTable('jobs').set({ leased_until: 0, attempts: p.attempts }).where('id', '=', p.id),
)

const postpone = hot((db, p: { queue: string; key: string; until: number }) =>
  db
    .updateTable('jobs')
    .set({ due_ts: p.until })
    .where('queue', '=', p.queue)
    .where('key', '=', p.key)
    .where('due_ts', '<', p.until),
)

/** Adds a job; beyond `most` of its key, the oldest that nobody works at are dropped. */
export async function addJob(tx: Tx, job: Parameters<typeof insert.run>[1], most: number): Promise<void> {
  insert.later(tx, job)
  for (const { id } of await surplus.all(tx, { queue: job.queue, key: job.key, most })) remove.later(tx, { id })
}

export async function leaseDue(
  tx: Tx,
  queue: string,
  now: number,
  until: number,
  limit: number,
  busy: (key: string) => boolean,
): Promise<JobRow[]> {
  const rows = (await due.all(tx, { queue, now, limit: limit * 2 })).filter(({ key }) => !busy(key)).slice(0, limit)
  for (const { id } of rows) lease.later(tx, { id, until })
  return rows
}

/** When the next job of the queue is due, in ms since 1970. */
export const nextDue = async (db: Reader, queue: string): Promise<number | undefined> =>
  (await next.first(db, { queue }))?.due_ts

export async function deleteJob(tx: Tx, id: number): Promise<void> {
  remove.later(tx, { id })
}

export async function deleteJobsOf(tx: Tx, queue: string, key: string): Promise<void> {
  await removeKey.run(tx, { queue, key })
}

/** Puts a job back; it and those behind it wait until then. */
export async function postponeJob(tx: Tx, { id, queue, key, attempts }: JobRow, until: number): Promise<void> {
  await failed.run(tx, { id, attempts: attempts + 1 })
  await postpone.run(tx, { queue, key, until })
}

/** Ends the leases of whoever had the database before: it is ours alone now. */
export async function endLeases(tx: Tx): Promise<void> {
  await tx.updateTable('jobs').set({ leased_until: 0 }).where('leased_until', '>', 0).execute()
}
