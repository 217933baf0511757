import { steady } from '../jobs/index.ts'
import { MatrixError } from '../matrix/errors.ts'

/** Requests per second in the long run, and how many may come at once. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/** The buckets a route may draw from. Each user (or address) has one of each. */
export const rates = {
  /** Attempts to sign in, per address. login/ counts bad credentials on its own, more strictly. */
  login: { perSecond: 50, burst: 500 },
  registration: { perSecond: 1, burst: 20 },
  /** Things that reach other people's screens. */
  message: { perSecond: 50, burst: 200 },
  /** Sessions and keys of one's own. */
  session: { perSecond: 10, burst: 100 },
  /** Joins, room creation, searches: much work for one request. */
  heavy: { perSecond: 5, burst: 100 },
  /** Requests of one other server. */
  federation: { perSecond: 200, burst: 2000 },
  /** Requests that are signed wrongly, per address; only these are counted, and whoever has none left is not looked at. */
  forged: { perSecond: 10, burst: 200 },
  default: { perSecond: 100, burst: 500 },
} as const satisfies Record<string, Rate>

export type LimitName = keyof typeof rates

export interface Limiter {
  /** Takes one; returns 0, or how many ms to wait when there is none left (nothing is taken then). `own` is a rate of the key's own. */
  take: (key: string | number, own?: Rate) => number
  /** The same question without taking. */
  check: (key: string | number) => number
  /** Takes `count` (default 1) whether there are any left or not: for counting only what went wrong. */
  penalise: (key: string | number, count?: number) => void
  /** How many keys are remembered. */
  readonly size: number
}

/**
 * A token bucket per key in one number: the time at which the bucket will be full again (GCRA). A full bucket needs no
 * entry, so forgetting is free, and memory is bounded by `max` keys: the one touched longest ago goes first.
 */
export function createLimiter(options: Rate & { now: () => number; max?: number }): Limiter {
  const { max = 20_000 } = options
  // A clock that is set back locks nobody out.
  const now = steady(options.now)
  const usual: Rate = options
  const full = new Map<string | number, number>()
  const store = (key: string | number, time: number): void => {
    full.delete(key)
    full.set(key, time)
    if (full.size <= max) return
    const oldest = full.keys().next()
    if (!oldest.done) full.delete(oldest.value)
  }
  const after = (key: string | number, count: number, { perSecond }: Rate): number =>
    Math.max(full.get(key) ?? 0, now()) + (count * 1000) / perSecond
  const wait = (key: string | number, rate: Rate): number =>
    Math.max(0, Math.ceil(after(key, 1, rate) - now() - (Math.max(1, rate.burst) * 1000) / rate.perSecond))
  return {
    take: (key, own = usual) => {
      const ms = wait(key, own)
      if (ms === 0) store(key, after(key, 1, own))
      return ms
    },
    check: (key) => wait(key, usual),
    // Bounded, so that nobody is locked out for longer than it takes to refill two buckets.
    penalise: (key, count = 1) => {
      store(key, Math.min(after(key, count, usual), now() + (2 * usual.burst * 1000) / usual.perSecond))
    },
    get size() {
      return full.size
    },
  }
}

/** The refusal that goes with a limiter's answer; `http/` adds `Retry-After`. */
export function limitExceeded(retryAfterMs: number): MatrixError {
  return new MatrixError('M_LIMIT_EXCEEDED', 'Too many requests, wait a while', { retryAfterMs })
}
