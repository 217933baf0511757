import { limitExceeded } from '../http/index.ts'

/** Lets a few in at a time; the others wait, and when many wait already, further ones are refused. */
export interface Gate {
  /** @throws MatrixError M_LIMIT_EXCEEDED */
  run<T>(work: () => Promise<T>): Promise<T>
}

const comeBackMs = 1000

export function createGate(limits: { atOnce: number; waiting: number }): Gate {
  const queue: (() => void)[] = []
  let running = 0
  return {
    run: async (work) => {
      if (running >= limits.atOnce) {
        if (queue.length >= limits.waiting) throw limitExceeded(comeBackMs)
        // Whoever leaves hands its place over: `running` stays as it is.
        await new Promise<void>((resolve) => {
          queue.push(resolve)
        })
      } else running++
      try {
        return await work()
      } finally {
        const next = queue.shift()
        if (next) next()
        else running--
      }
    },
  }
}
