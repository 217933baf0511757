import type { Reader, TasksTable, Tx } from '../../storage/index.ts'

export type TaskRow = Readonly<TasksTable>

export async function addTask(tx: Tx, row: TaskRow): Promise<void> {
  await tx.insertInto('tasks').values(row).execute()
}

export async function changeTask(
  tx: Tx,
  id: string,
  change: Partial<Pick<TaskRow, 'status' | 'changed_ts' | 'result' | 'error'>>,
): Promise<void> {
  await tx.updateTable('tasks').set(change).where('id', '=', id).execute()
}

export const readTask = (db: Reader | Tx, id: string): Promise<TaskRow | undefined> =>
  db.selectFrom('tasks').where('id', '=', id).selectAll().executeTakeFirst()

/** Which tasks are wanted; the newest come first. */
export interface TaskFilter {
  readonly action?: string | undefined
  readonly resource?: string | undefined
  readonly status?: string | undefined
  /** Milliseconds; those that have changed before. */
  readonly before?: number | undefined
}

export const readTasks = (db: Reader, filter: TaskFilter, limit: number): Promise<TaskRow[]> => {
  const { action, resource, status, before } = filter
  return db
    .selectFrom('tasks')
    .$if(action !== undefined, (query) => query.where('action', '=', action ?? ''))
    .$if(resource !== undefined, (query) => query.where('resource', '=', resource ?? ''))
    .$if(status !== undefined, (query) => query.where('status', '=', status ?? ''))
    .$if(before !== undefined, (query) => query.where('changed_ts', '<', before ?? 0))
    .orderBy('created_ts', 'desc')
    .limit(limit)
    .selectAll()
    .execute()
}

/** Deletes tasks that have ended, and begun before a time. */
export async function deleteOldTasks(tx: Tx, before: number): Promise<void> {
  await tx.deleteFrom('tasks').where('created_ts', '<', before).where('status', 'in', ['complete', 'failed']).execute()
}
