/** An upload that somebody waits for; disposing of it is to wait no more. */
interface Expected extends Disposable {
  /** Resolves when the upload has come, and no later than after `ms`. @throws the signal's reason */
  within(ms: number, signal: AbortSignal): Promise<void>
}

/** Who waits for which upload, in this process. */
export interface Arrivals {
  /** What arrives from now on is not missed. */
  expect(mediaId: string): Expected
  arrived(mediaId: string): void
}

export function createArrivals(): Arrivals {
  const waiting = new Map<string, Set<() => void>>()
  return {
    expect: (mediaId) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      waiting.set(mediaId, (waiting.get(mediaId) ?? new Set()).add(resolve))
      return {
        within: async (ms, signal) => {
          const abort = (): void => reject(signal.reason)
          const timer = setTimeout(resolve, ms)
          signal.addEventListener('abort', abort)
          try {
            signal.throwIfAborted()
            await promise
          } finally {
            clearTimeout(timer)
            signal.removeEventListener('abort', abort)
          }
        },
        [Symbol.dispose]: () => {
          const others = waiting.get(mediaId)
          others?.delete(resolve)
          if (others?.size === 0) waiting.delete(mediaId)
        },
      }
    },
    arrived: (mediaId) => {
      for (const resolve of waiting.get(mediaId) ?? []) resolve()
    },
  }
}
