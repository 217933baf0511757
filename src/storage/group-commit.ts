import type { DialectName, Execute, Later } from './dialect.ts'

/** The one transaction at a time of the writing connection. A change in it can be undone by itself. */
export interface Transactions {
  begin(): void | Promise<void>
  /** A change begins. It ends by `keep` or `undo`. */
  change(): void
  keep(): void | Promise<void>
  undo(): void | Promise<void>
  commit(): void | Promise<void>
  rollback(): void | Promise<void>
}

/** Those that read: of PostgreSQL's pool, or the thread that looks through a whole SQLite database. */
export interface Connections {
  readonly busy: number
  readonly idle: number
  /** Queries that none is free for. */
  readonly waiting: number
}

/** An open database, as its dialect's file hands it over. */
export interface Backend {
  readonly dialect: DialectName
  readonly transactions: Transactions
  read: Execute
  write: Execute
  /** As `write`, for a statement whose answer nobody needs: should it fail, the commit does at the latest. */
  later: Later
  /** As `read`, for queries that look through much: nobody else waits for them. */
  aside: Execute
  /** Statements that change the schema, and what belongs around them, on the writing connection. */
  control(sql: string): void | Promise<void>
  /** What asks it at this moment, beside the writing connection. */
  readonly connections: Connections
  /** Makes durable what has been committed until now. Absent: a commit is durable by itself. */
  sync?(): Promise<void>
  close(): Promise<void>
}

interface Job {
  run(): Promise<void>
  done(): void
  fail(error: unknown): void
}

/** What a commit came to. */
export interface Committed {
  /** Changes that it made durable. */
  readonly changes: number
  /** From its beginning until it was on the disk. */
  readonly ms: number
}

export interface GroupCommit {
  /** Changes that wait for the next transaction. */
  readonly waiting: number
  /** Runs `work` in the next transaction, and resolves once that is durable. If `work` throws, its own changes alone are undone. */
  write<T>(work: () => Promise<T>): Promise<T>
  /** Resolves when what is under way has ended. */
  idle(): Promise<void>
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** The most changes in one transaction: bounds how long the first of them waits. */
const largestGroup = 500
/** In ms: what has not begun by then waits for the next one. A database in this process holds up everybody meanwhile. */
const longestGroup = 20

/**
 * One writer, one transaction at a time. Whatever is asked for in one turn of the event loop, or while the transaction before is
 * being committed and flushed to the disk, goes down together in the next one: the busier it is, the more share one commit.
 */
export function groupCommit(backend: Backend, onCommit?: (committed: Committed) => void): GroupCommit {
  let queue: Job[] = []
  let running: Promise<void> | undefined
  /** The disk refused to take what was committed: what is in memory and what is on disk may differ from now on. */
  let broken: Error | undefined

  const { transactions } = backend

  const runOne = async (job: Job): Promise<unknown> => {
    transactions.change()
    try {
      await job.run()
      await transactions.keep()
      return undefined
    } catch (error) {
      await transactions.undo()
      return error ?? new Error('The change failed')
    }
  }

  /** True when a change failed. */
  const runGroup = async (wanted: readonly Job[]): Promise<boolean> => {
    let jobs = wanted
    const begun = performance.now()
    const failures = new Map<Job, unknown>()
    try {
      if (broken) throw broken
      await transactions.begin()
      for (const [index, job] of wanted.entries()) {
        if (index > 0 && performance.now() - begun > longestGroup) {
          queue = [...wanted.slice(index), ...queue]
          jobs = wanted.slice(0, index)
          break
        }
        const error = await runOne(job)
        if (error !== undefined) failures.set(job, error)
      }
      await (failures.size === jobs.length ? transactions.rollback() : transactions.commit())
    } catch (error) {
      try {
        await transactions.rollback()
      } catch {
        // The connection is gone, and with it the transaction.
      }
      for (const job of jobs) failures.set(job, failures.get(job) ?? error)
    }
    const kept = jobs.filter((job) => !failures.has(job))
    for (const [job, error] of failures) job.fail(error)
    if (kept.length > 0 && backend.sync)
      await backend.sync().catch((cause: unknown) => {
        broken = new Error('The disk did not take what was written; the server must be started anew', { cause })
      })
    if (kept.length > 0 && !broken) onCommit?.({ changes: kept.length, ms: performance.now() - begun })
    for (const job of kept) {
      if (broken) job.fail(broken)
      else job.done()
    }
    return failures.size > 0
  }

  const drain = async (): Promise<void> => {
    // A whole turn of the event loop is gathered first: requests that arrived together are committed together.
    await turn()
    while (queue.length > 0) {
      const jobs = queue.slice(0, largestGroup)
      queue = queue.slice(largestGroup)
      // Whoever built on a change that failed hears of it before the next group runs. Without a flush to wait for, a turn ends here too.
      if ((await runGroup(jobs)) || !backend.sync) await turn()
    }
    running = undefined
  }

  return {
    get waiting() {
      return queue.length
    },
    write: <T>(work: () => Promise<T>) =>
      new Promise<T>((resolve, reject) => {
        let result: T
        queue.push({
          run: async () => {
            result = await work()
          },
          done: () => resolve(result),
          fail: reject,
        })
        running ??= drain()
      }),
    idle: async () => running,
  }
}
