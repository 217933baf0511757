import type { Budget, Holder } from './holder.ts'

export interface CacheOptions<K, V> {
  /** What it holds, as metrics call it. */
  readonly name: string
  /** Bytes that an entry takes beside its place here: an estimate, made from lengths that are at hand. A number where all are alike. */
  readonly weigh: number | ((value: V, key: K) => number)
  /** Entries are changed where they are: they are weighed at each use, and not only when they are set. */
  readonly grows?: boolean
  /** The part of the whole budget that it may take, from 0 to 1; a quarter if this is left out. */
  readonly share?: number
  /** Called with what is pushed out, deleted or replaced. */
  readonly dispose?: (value: V, key: K) => void
}

interface Entry<K, V> {
  readonly key: K
  readonly value: V
  weight: number
  /** When it was used last, by the clock of the memory. */
  used: number
  /** The one used next after this, and the one used last before it. */
  newer: Entry<K, V> | undefined
  older: Entry<K, V> | undefined
}

/** Of an entry: its place in the map, and in the list of uses. */
const placeBytes = 150

/**
 * A memory of what was used last, bounded in bytes by its own share and by the budget that it is of. It grows with what it holds: an
 * idle server has many such caches, and none of them takes room for what is not there.
 *
 * Uses are kept in a list of their own. Deleting from the Map and inserting again would keep the order too, but a Map looks through
 * the places that were left behind, and a busy key is found more slowly with every use.
 */
export class Cache<K, V> implements Holder {
  readonly name: string
  readonly most: number
  readonly #memory: Budget
  readonly #options: CacheOptions<K, V>
  readonly #entries = new Map<K, Entry<K, V>>()
  #newest: Entry<K, V> | undefined
  #oldest: Entry<K, V> | undefined
  #bytes = 0
  hits = 0
  misses = 0

  /** Made by `Memory.cache`. */
  constructor(memory: Budget, options: CacheOptions<K, V>, most: number) {
    this.#memory = memory
    this.#options = options
    this.name = options.name
    this.most = most
  }

  get entries(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get stalest(): number {
    return this.#oldest?.used ?? Infinity
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key)
    if (!entry) {
      this.misses += 1
      return undefined
    }
    this.hits += 1
    entry.used = this.#memory.tick
    if (entry !== this.#newest) {
      this.#unlink(entry)
      this.#link(entry)
    }
    if (this.#options.grows === true) this.#reweigh(entry)
    return entry.value
  }

  /** Without counting as a use. */
  peek(key: K): V | undefined {
    return this.#entries.get(key)?.value
  }

  has(key: K): boolean {
    return this.#entries.has(key)
  }

  keys(): Iterable<K> {
    return this.#entries.keys()
  }

  set(key: K, value: V): void {
    this.delete(key)
    const weight = this.#weigh(value, key)
    // What would push out everything else is not kept.
    if (weight > this.most) return
    const entry: Entry<K, V> = {
      key,
      value,
      weight,
      used: ++this.#memory.tick,
      newer: undefined,
      older: undefined,
    }
    this.#entries.set(key, entry)
    this.#link(entry)
    this.#take(weight)
  }

  delete(key: K): boolean {
    const entry = this.#entries.get(key)
    if (!entry) return false
    this.#entries.delete(key)
    this.#unlink(entry)
    this.#take(-entry.weight)
    this.#options.dispose?.(entry.value, key)
    return true
  }

  clear(): void {
    while (this.#oldest) this.shed()
  }

  shed(): void {
    if (this.#oldest) this.delete(this.#oldest.key)
  }

  #weigh(value: V, key: K): number {
    const { weigh } = this.#options
    return placeBytes + (typeof weigh === 'number' ? weigh : weigh(value, key))
  }

  #reweigh(entry: Entry<K, V>): void {
    const weight = this.#weigh(entry.value, entry.key)
    if (weight === entry.weight) return
    const more = weight - entry.weight
    entry.weight = weight
    this.#take(more)
  }

  #take(bytes: number): void {
    this.#bytes += bytes
    this.#memory.take(bytes)
    while (this.#bytes > this.most) this.shed()
  }

  #link(entry: Entry<K, V>): void {
    entry.older = this.#newest
    entry.newer = undefined
    if (this.#newest) this.#newest.newer = entry
    this.#newest = entry
    this.#oldest ??= entry
  }

  #unlink({ newer, older }: Entry<K, V>): void {
    if (newer) newer.older = older
    else this.#newest = older
    if (older) older.newer = newer
    else this.#oldest = newer
  }
}
