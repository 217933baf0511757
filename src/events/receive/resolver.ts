import { Worker } from 'node:worker_threads'
import { answer, type Answer, type Question } from './resolve-run.ts'

/** Resolves states: little ones here, the others in a thread, so that nobody waits for them. */
export interface Resolver extends AsyncDisposable {
  ask(question: Question): Promise<Answer>
}

/** Questions of this many events and entries take about a millisecond. */
const smallEvents = 60
const smallState = 400
/** A thread that has had nothing to do for so long ends. */
const idleMs = 30_000

export function openResolver(): Resolver {
  let worker: Worker | undefined
  let last = 0
  let idle: NodeJS.Timeout | undefined
  const waiting = new Map<number, PromiseWithResolvers<Answer>>()

  const end = (error: Error): void => {
    worker = undefined
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }
  const start = (): Worker => {
    const made = new Worker(new URL('./resolve-worker.ts', import.meta.url))
    made.unref()
    made.on('message', ({ id, answer: found, error }: { id: number; answer?: Answer; error?: string }) => {
      const question = waiting.get(id)
      waiting.delete(id)
      if (found) question?.resolve(found)
      else question?.reject(new Error(`State resolution failed: ${error}`))
      if (waiting.size === 0) {
        made.unref()
        idle = setTimeout(() => {
          if (waiting.size > 0 || worker !== made) return
          worker = undefined
          void made.terminate()
        }, idleMs).unref()
      }
    })
    made.on('error', end)
    made.on('exit', () => {
      if (worker === made) end(new Error('The thread that resolves states ended'))
    })
    return made
  }

  return {
    ask: (question) => {
      const entries = question.states.reduce((sum, state) => sum + state.size, 0)
      if (question.events.size <= smallEvents && entries <= smallState) return Promise.resolve(answer(question))
      clearTimeout(idle)
      worker ??= start()
      const promise = Promise.withResolvers<Answer>()
      waiting.set(++last, promise)
      worker.ref()
      worker.postMessage({ id: last, question }, [])
      return promise.promise
    },
    [Symbol.asyncDispose]: async () => {
      clearTimeout(idle)
      await worker?.terminate()
    },
  }
}
