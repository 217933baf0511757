import { Worker } from 'node:worker_threads'
import { MatrixError } from '../matrix/errors.ts'
import type { Execute, Row } from './dialect.ts'
import type { Connections } from './group-commit.ts'

/** Written as text, so that it is there whether the server runs from its sources or from a bundle. */
const program = `
const { parentPort, workerData } = require('node:worker_threads')
const { DatabaseSync } = require('node:sqlite')
const db = new DatabaseSync(workerData, { readOnly: true, timeout: 5000 })
db.exec('PRAGMA query_only = ON; PRAGMA cache_size = -8000; PRAGMA mmap_size = 268435456; PRAGMA temp_store = MEMORY')
parentPort.on('message', ({ sql, parameters }) => {
  try {
    parentPort.postMessage({ rows: db.prepare(sql).all(...parameters) })
  } catch (error) {
    parentPort.postMessage({ error: error.message })
  }
})
`

interface Question {
  readonly sql: string
  readonly parameters: readonly unknown[]
  answer(rows: Row[]): void
  fail(error: Error): void
}

const mostWaiting = 100
const longestMs = 60_000
/** After this time without a question the thread goes, and its memory with it. */
const idleMs = 30_000

const tooMuch = (): MatrixError =>
  new MatrixError('M_UNKNOWN', 'The database has too much to look through; ask for less, or later', { status: 503 })

/**
 * Queries over a SQLite database in a thread of its own, one after the other: those that look through whole tables and would keep
 * everybody else waiting. The thread is there only while somebody asks.
 */
export function openAside(file: string): { execute: Execute; connections: Connections; close: () => Promise<void> } {
  const waiting: Question[] = []
  let worker: Worker | undefined
  let asked: Question | undefined
  let timer: NodeJS.Timeout | undefined

  const stop = async (): Promise<void> => {
    const gone = worker
    worker = undefined
    clearTimeout(timer)
    await gone?.terminate()
  }

  const settle = (end: (question: Question) => void): void => {
    const question = asked
    asked = undefined
    clearTimeout(timer)
    if (question) end(question)
    next()
  }

  const start = (): Worker => {
    const thread = new Worker(program, { eval: true, workerData: file })
    thread.unref()
    thread.on('message', ({ rows, error }: { rows?: Row[]; error?: string }) =>
      settle((question) => (rows ? question.answer(rows) : question.fail(new Error(error)))),
    )
    thread.on('error', (error: Error) => {
      if (worker !== thread) return
      worker = undefined
      settle((question) => question.fail(error))
    })
    return thread
  }

  const next = (): void => {
    if (asked) return
    asked = waiting.shift()
    if (!asked) {
      timer = setTimeout(() => void stop(), idleMs).unref()
      return
    }
    clearTimeout(timer)
    worker ??= start()
    worker.postMessage({ sql: asked.sql, parameters: asked.parameters }, [])
    timer = setTimeout(() => {
      void stop()
      settle((question) => question.fail(tooMuch()))
    }, longestMs).unref()
  }

  return {
    connections: {
      get busy() {
        return asked ? 1 : 0
      },
      get idle() {
        return worker && !asked ? 1 : 0
      },
      get waiting() {
        return waiting.length
      },
    },
    execute: (sql, parameters) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= mostWaiting) throw tooMuch()
        const answer = (rows: Row[]): void => resolve({ rows, affected: rows.length })
        waiting.push({ sql, parameters, answer, fail: reject })
        next()
      }),
    close: async () => {
      await stop()
      for (const question of [...(asked ? [asked] : []), ...waiting.splice(0)])
        question.fail(new Error('The database was closed'))
      asked = undefined
    },
  }
}
