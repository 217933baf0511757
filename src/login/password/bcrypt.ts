import { Worker } from 'node:worker_threads'

/** A hash by bcrypt, as Synapse and many others have it; it begins with its cost. */
const form = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/
/** Above, one guess would take seconds: nobody has set that on purpose. */
const highestCost = 15
/** A thread that has had nothing to do for so long ends. */
const idleMs = 30_000

/** Whether a stored hash was made by bcrypt, at a cost that can be paid. */
export const isBcrypt = (stored: string): boolean => Number(form.exec(stored)?.[1] ?? Infinity) <= highestCost

/** Compares passwords with hashes that were taken over from another server, off the event loop. */
export interface Bcrypt {
  /** `pepper` was put behind every password there. */
  compare(password: string, stored: string, pepper: string): Promise<boolean>
}

export function openBcrypt(): Bcrypt {
  let worker: Worker | undefined
  let idle: NodeJS.Timeout | undefined
  let last = 0
  const waiting = new Map<number, PromiseWithResolvers<boolean>>()

  const end = (error: Error): void => {
    worker = undefined
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }
  const start = (): Worker => {
    const made = new Worker(new URL('./bcrypt-worker.ts', import.meta.url))
    made.on('message', ({ id, ok }: { id: number; ok: boolean }) => {
      waiting.get(id)?.resolve(ok)
      waiting.delete(id)
      if (waiting.size > 0) return
      made.unref()
      idle = setTimeout(() => {
        if (waiting.size > 0 || worker !== made) return
        worker = undefined
        void made.terminate()
      }, idleMs).unref()
    })
    made.on('error', end)
    made.on('exit', () => {
      if (worker === made) end(new Error('The thread that compares passwords ended'))
    })
    return made
  }

  return {
    compare: (password, stored, pepper) => {
      clearTimeout(idle)
      worker ??= start()
      worker.ref()
      const promise = Promise.withResolvers<boolean>()
      waiting.set(++last, promise)
      worker.postMessage({ id: last, password: password.normalize('NFKC') + pepper, hash: stored }, [])
      return promise.promise
    },
  }
}
