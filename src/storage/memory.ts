import { Cache, type CacheOptions } from './cache.ts'
import type { Budget, Holder } from './holder.ts'

/** Of the budget, what one holder may take for itself, unless it says otherwise. */
const usualShare = 1 / 4

/**
 * What the process may keep in memory of what it could read again: one budget in bytes, which all caches share by use. When it is
 * spent, whatever was used longest ago goes, whichever cache it is in, so that a cache that nobody asks gives its room to one that
 * everybody does. Nothing that is remembered for longer than a request is kept anywhere else.
 */
export class Memory implements Budget {
  /** Bytes. */
  readonly limit: number
  /** Counts what has been put in: the time by which uses are compared. */
  tick = 0
  #bytes = 0
  readonly #holders = new Set<Holder>()

  constructor(limit: number) {
    this.limit = limit
  }

  get bytes(): number {
    return this.#bytes
  }

  get holders(): Iterable<Holder> {
    return this.#holders
  }

  cache<K, V>(options: CacheOptions<K, V>): Cache<K, V> {
    const cache = new Cache<K, V>(this, options, this.limit * (options.share ?? usualShare))
    this.#holders.add(cache)
    return cache
  }

  /** Counts something that is no cache among them. */
  add(holder: Holder): void {
    this.#holders.add(holder)
  }

  /** A holder has taken so many more bytes, or given them back. */
  take(bytes: number): void {
    this.#bytes += bytes
    while (this.#bytes > this.limit) {
      const holder = this.#stalest()
      if (!holder) return
      holder.shed()
    }
  }

  #stalest(): Holder | undefined {
    let found: Holder | undefined
    let when = Infinity
    for (const holder of this.#holders) {
      if (holder.stalest >= when) continue
      when = holder.stalest
      found = holder
    }
    return found
  }
}
