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

/**
 * A bounded memory of what was used last. It grows with what it holds: an idle server has many such caches, and none of them takes
 * room for what is not there.
 */
export class LruCache<K, V> {
  readonly #options: LruOptions<K, V>
  /** The one used longest ago first. */
  readonly #entries = new Map<K, { value: V, size: number }>()
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
    this.#entries.delete(key)
    this.#entries.set(key, entry)
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
    this.#entries.set(key, { value, size })
    this.#size += size
    while (this.#entries.size > max || this.#size > maxSize) this.#dropOldest()
  }

  delete(key: K): boolean {
    const entry = this.#entries.get(key)
    if (!entry) return false
    this.#entries.delete(key)
    this.#size -= entry.size
    this.#options.dispose?.(entry.value, key)
    return true
  }

  clear(): void {
    for (const key of this.#entries.keys()) this.delete(key)
  }

  #dropOldest(): void {
    const oldest = this.#entries.keys().next()
    if (!oldest.done) this.delete(oldest.value)
  }
}
