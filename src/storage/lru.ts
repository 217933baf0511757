export interface LruOptions<K, V> {
  /** The most entries. */
  readonly max: number
  /** The most that all entries may weigh together, by `sizeCalculation`. */
  readonly maxSize?: number
  /** Positive; asked once, when the entry is set. */
  readonly sizeCalculation?: (value: V) => number
  /** Called with what is pushed out, deleted or replaced. */
  readonly dispose?: (value: V, key: K) => void
}

interface Entry<K, V> {
  readonly key: K
  readonly value: V
  readonly size: number
  /** The one used next after this, and the one used last before it. */
  newer: Entry<K, V> | undefined
  older: Entry<K, V> | undefined
}

/**
 * A bounded memory of what was used last. It grows with what it holds: an idle server has many such caches, and none of them takes
 * room for what is not there.
 *
 * Uses are kept in a list of their own. Deleting from the Map and inserting again would keep the order too, but a Map looks through
 * the places that were left behind, and a busy key is found more slowly with every use.
 */
export class LruCache<K, V> {
  readonly #options: LruOptions<K, V>
  readonly #entries = new Map<K, Entry<K, V>>()
  #newest: Entry<K, V> | undefined
  #oldest: Entry<K, V> | undefined
  #size = 0

  constructor(options: LruOptions<K, V>) {
    this.#options = options
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    if (entry !== this.#newest) {
      this.#unlink(entry)
      this.#link(entry)
    }
    return entry.value
  }

  /** Without counting as a use. */
  peek(key: K): V | undefined {
    return this.#entries.get(key)?.value
  }

  has(key: K): boolean {
    return this.#entries.has(key)
  }

  set(key: K, value: V): void {
    const { max, maxSize = Infinity, sizeCalculation = () => 1 } = this.#options
    this.delete(key)
    const size = sizeCalculation(value)
    // What would push out everything else is not kept.
    if (size > maxSize) return
    const entry: Entry<K, V> = { key, value, size, newer: undefined, older: undefined }
    this.#entries.set(key, entry)
    this.#link(entry)
    this.#size += size
    while (this.#oldest && (this.#entries.size > max || this.#size > maxSize)) this.delete(this.#oldest.key)
  }

  delete(key: K): boolean {
    const entry = this.#entries.get(key)
    if (!entry) return false
    this.#entries.delete(key)
    this.#unlink(entry)
    this.#size -= entry.size
    this.#options.dispose?.(entry.value, key)
    return true
  }

  clear(): void {
    while (this.#oldest) this.delete(this.#oldest.key)
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
