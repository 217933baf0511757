import { setTimeout as sleep } from 'node:timers/promises'
import { MatrixError } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/json.ts'
import { type Jobs, RetryAfter } from '../jobs/index.ts'
import type { Database } from '../storage/index.ts'
import {
  addTask,
  changeTask,
  deleteOldTasks,
  readTask,
  readTasks,
  type TaskFilter,
  type TaskRow,
} from './store/tasks.ts'

/** A piece of long work while it is being done. It may be begun anew at any time, and goes on from what `result` says. */
export interface TaskRun {
  readonly resource: string
  readonly params: JsonObject
  /** What has come of it so far: to be changed, and kept by `save`. */
  readonly result: JsonObject
  save(): Promise<void>
  /** Lets everybody else have a turn. To be awaited between steps. Throws when the server stops. */
  pause(): Promise<void>
}

/** What a kind of task does. @throws MatrixError when it cannot be done; whatever else is tried again */
export type TaskWork = (run: TaskRun) => Promise<void>

/** Long work that administrators set going: in small steps, with progress that can be asked for, and not forgotten by a restart. */
export interface Tasks {
  start(action: string, resource: string, params: JsonObject): Promise<string>
  get(id: string): Promise<TaskRow | undefined>
  /** The newest first, a thousand at most. */
  list(filter: TaskFilter): Promise<TaskRow[]>
  /** Resolves when the task has ended, well or not. */
  ended(id: string): Promise<void>
}

const queue = 'admin-tasks'
/** Between two steps, so that whoever sends meanwhile waits for one step at most. */
const pauseMs = 4
const minute = 60_000
const day = 24 * 60 * minute
const keptMs = 30 * day

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

export function openTasks(deps: {
  readonly database: Database
  readonly jobs: Jobs
  readonly now: () => number
  readonly randomId: () => string
  readonly works: Readonly<Record<string, TaskWork>>
}): Tasks {
  const { database, jobs, now, works } = deps
  const waiting = new Map<string, (() => void)[]>()

  const change = async (id: string, values: Parameters<typeof changeTask>[2]): Promise<void> =>
    database.write((tx) => changeTask(tx, id, { ...values, changed_ts: now() }))

  const end = async (id: string, values: { status: string; error?: string }): Promise<void> => {
    await change(id, values)
    for (const resolve of waiting.get(id) ?? []) resolve()
    waiting.delete(id)
  }

  const run = async (row: TaskRow, signal: AbortSignal): Promise<void> => {
    const work = works[row.action]
    if (!work) throw new MatrixError('M_UNKNOWN', `This version does not know how to "${row.action}"`)
    const result = JSON.parse(row.result) as JsonObject // written below
    await work({
      resource: row.resource,
      params: JSON.parse(row.params) as JsonObject, // written by `start`
      result,
      save: () => change(row.id, { result: JSON.stringify(result) }),
      pause: async () => {
        await sleep(pauseMs)
        if (signal.aborted) throw new Interrupted()
      },
    })
    await change(row.id, { result: JSON.stringify(result) })
  }

  jobs.work(queue, {
    concurrency: 2,
    giveUpAfterMs: keptMs,
    handle: async ({ payload, signal }) => {
      const id = textOf(payload['task'])
      const row = await readTask(database.read, id)
      if (!row || row.status === 'complete' || row.status === 'failed') return
      if (row.status !== 'active') await change(id, { status: 'active' })
      try {
        await run(row, signal)
      } catch (error) {
        if (error instanceof Interrupted) throw new RetryAfter(0)
        if (!(error instanceof MatrixError)) throw error
        return end(id, { status: 'failed', error: error.message })
      }
      return end(id, { status: 'complete' })
    },
    onGiveUp: ({ payload }) => void end(textOf(payload['task']), { status: 'failed', error: 'Tried for too long' }),
  })

  return {
    start: async (action, resource, params) => {
      const id = deps.randomId().slice(0, 24)
      const ts = now()
      await database.write(async (tx) => {
        await deleteOldTasks(tx, ts - keptMs)
        await addTask(tx, {
          id,
          action,
          resource,
          status: 'scheduled',
          created_ts: ts,
          changed_ts: ts,
          params: JSON.stringify(params),
          result: '{}',
          error: null,
        })
        // Two tasks about the same thing are done one after the other.
        await jobs.enqueue(tx, { queue, key: resource, payload: { task: id } })
      })
      return id
    },
    get: (id) => readTask(database.read, id),
    list: (filter) => readTasks(database.aside, filter, 1000),
    ended: async (id) => {
      const ended = new Promise<void>((resolve) => {
        waiting.set(id, [...(waiting.get(id) ?? []), resolve])
      })
      const row = await readTask(database.read, id)
      if (row && row.status !== 'complete' && row.status !== 'failed') await ended
    },
  }
}
