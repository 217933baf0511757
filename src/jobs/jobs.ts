import type { JsonObject } from '../matrix/json.ts'
import { openSequence, type Database, type Tx } from '../storage/index.ts'
import { backOff } from './back-off.ts'
import { steady } from './steady.ts'
import { addJob, deleteJob, deleteJobsOf, endLeases, leaseDue, nextDue, postponeJob, type JobRow } from './store.ts'

export interface JobsDeps {
  readonly database: Database
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly randomBytes: (count: number) => Uint8Array
  /** For work that nobody waits for. */
  readonly onError: (error: unknown) => void
}

export interface NewJob {
  readonly queue: string
  /** Jobs of one key are done one after the other, in the order in which they were added. */
  readonly key: string
  readonly payload: JsonObject
  /** Not before, in ms since 1970; default at once. */
  readonly runAt?: number
  /** How many of this key may wait; beyond, the oldest are dropped. Default 1000. */
  readonly most?: number
}

export interface Job {
  readonly key: string
  readonly payload: JsonObject
  /** How often it was tried before. */
  readonly attempts: number
  /** ms since 1970. */
  readonly createdTs: number
  /** Aborted when the lease ends or the server stops. */
  readonly signal: AbortSignal
}

/** Thrown by a worker that was told when to come again. */
export class RetryAfter extends Error {
  override readonly name = 'RetryAfter'
  readonly ms: number

  constructor(ms: number, options?: { cause: unknown }) {
    super(`again in ${ms} ms`, options)
    this.ms = ms
  }
}

export interface Worker {
  /** Done when it resolves; what it throws makes the job wait and be tried again. */
  readonly handle: (job: Job) => Promise<void>
  /** Jobs of different keys that are worked at at once; default 16. */
  readonly concurrency?: number
  /** How long one attempt may take, in ms; default a minute. */
  readonly leaseMs?: number
  /** Waits between attempts, in ms; default 1 s, doubled up to 10 minutes. */
  readonly firstMs?: number
  readonly mostMs?: number
  /** A job that is older and fails again is given up, in ms; default 3 days. */
  readonly giveUpAfterMs?: number
  readonly onGiveUp?: (job: Job, error: unknown) => void
}

/** Work that has to be done although nobody waits for it: it survives restarts, and is tried again until it succeeds or is too old. */
export interface Jobs extends AsyncDisposable {
  /** Adds a job inside a write; it is begun once that is committed. */
  enqueue(tx: Tx, job: NewJob): Promise<void>
  /** Takes out all jobs of a key, inside a write. One that is being worked at goes on. */
  drop(tx: Tx, queue: string, key: string): Promise<void>
  /** Has the jobs of a queue done, from now on. One worker for each queue. */
  work(queue: string, worker: Worker): void
  /** Looks at once for what is due: for whoever moved the clock. */
  wake(queue: string): void
}

const mostOfKey = 1000
const minute = 60_000
/** A clock that is set, or a test that moves its own, is noticed within this time. */
const longestSleepMs = 1000

export async function openJobs(deps: JobsDeps): Promise<Jobs> {
  const { database } = deps
  const now = steady(deps.now)
  const ids = await openSequence(database, 'jobs')
  await database.write(endLeases)
  const running = new Map<string, Running>()
  const wake = (queue: string): void => running.get(queue)?.wake()

  return {
    enqueue: async (tx, { queue, key, payload, runAt, most = mostOfKey }) => {
      const createdTs = now()
      const job = {
        id: ids.next(),
        queue,
        key,
        payload: JSON.stringify(payload),
        created_ts: createdTs,
        due_ts: runAt ?? createdTs,
      }
      await addJob(tx, job, most)
      // A write that was asked for during this one ends after it, which is when there is something to see.
      if (running.has(queue)) database.write(async () => {}).then(() => wake(queue), deps.onError)
    },
    drop: deleteJobsOf,
    work: (queue, worker) => {
      if (running.has(queue)) throw new Error(`There is a worker for ${queue} already`)
      running.set(queue, startWorker({ ...deps, now }, queue, worker))
      wake(queue)
    },
    wake,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...running.values()].map((one) => one.stop()))
    },
  }
}

interface Running {
  wake(): void
  stop(): Promise<void>
}

function startWorker({ database, now, randomBytes, onError }: JobsDeps, queue: string, worker: Worker): Running {
  const {
    concurrency = 16,
    leaseMs = minute,
    firstMs = 1000,
    mostMs = 10 * minute,
    giveUpAfterMs = 72 * 60 * minute,
  } = worker
  const stopped = new AbortController()
  const busy = new Map<string, Promise<void>>()
  let looking: Promise<void> | undefined
  let lookAgain = false
  let timer: NodeJS.Timeout | undefined

  const attempt = async (row: JobRow): Promise<void> => {
    const job: Job = {
      key: row.key,
      payload: JSON.parse(row.payload) as JsonObject,
      attempts: row.attempts,
      createdTs: row.created_ts, // written by enqueue
      signal: AbortSignal.any([stopped.signal, AbortSignal.timeout(leaseMs)]),
    }
    try {
      await worker.handle(job)
    } catch (error) {
      // Left as it is: its lease ends with this process.
      if (stopped.signal.aborted) return
      if (now() - row.created_ts < giveUpAfterMs) {
        const [byte = 0] = randomBytes(1)
        const wait =
          error instanceof RetryAfter
            ? Math.min(error.ms, mostMs)
            : backOff(row.attempts + 1, { firstMs, mostMs }, byte / 255)
        await database.write((tx) => postponeJob(tx, row, now() + wait))
        return
      }
      worker.onGiveUp?.(job, error)
    }
    await database.write((tx) => deleteJob(tx, row.id))
  }

  const begin = (row: JobRow): void => {
    const done = attempt(row)
      .catch(onError)
      .finally(() => {
        busy.delete(row.key)
        wake()
      })
    busy.set(row.key, done)
  }

  const look = async (): Promise<void> => {
    while (lookAgain && !stopped.signal.aborted && busy.size < concurrency) {
      lookAgain = false
      const due = await nextDue(database.read, queue)
      if (due === undefined) return
      if (due > now()) break
      const at = now()
      const rows = await database.write((tx) =>
        leaseDue(tx, queue, at, at + leaseMs, concurrency - busy.size, (key) => busy.has(key)),
      )
      if (stopped.signal.aborted) return
      rows.forEach(begin)
    }
    const due = await nextDue(database.read, queue)
    if (due === undefined || stopped.signal.aborted) return
    // What is due and was not begun waits for another of its key, whose end wakes this.
    const wait = due - now()
    timer = setTimeout(wake, wait > 0 ? Math.min(longestSleepMs, wait) : longestSleepMs).unref()
  }

  const wake = (): void => {
    lookAgain = true
    clearTimeout(timer)
    if (looking || stopped.signal.aborted) return
    looking = look()
      .catch(onError)
      .finally(() => {
        looking = undefined
        if (lookAgain && busy.size < concurrency) wake()
      })
  }

  return {
    wake,
    stop: async () => {
      stopped.abort()
      clearTimeout(timer)
      await looking
      await Promise.all(busy.values())
    },
  }
}
