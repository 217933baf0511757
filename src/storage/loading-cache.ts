import type { CacheOptions } from './cache.ts'
import type { Memory } from './memory.ts'

/** Answers from memory where it can, and then without a promise. */
export interface LoadingCache<K, V extends object> {
  get(key: K): V | Promise<V | undefined>
  /** From memory alone. */
  peek(key: K): V | undefined
  /** What was just committed. */
  set(key: K, value: V): void
  /** Forgets; a load that is under way may be of the old value and is not kept either. */
  drop(key: K): void
}

/** A cache in front of `load`. One load at a time for a key; `undefined` is not remembered. */
export function loadingCache<K extends string | number, V extends object>(
  memory: Memory,
  options: CacheOptions<K, V>,
  load: (key: K) => Promise<V | undefined>,
): LoadingCache<K, V> {
  const cache = memory.cache<K, V>(options)
  const loading = new Map<K, Promise<V | undefined>>()

  const start = (key: K): Promise<V | undefined> => {
    const promise = load(key).then(
      (value) => {
        if (loading.get(key) === promise) {
          loading.delete(key)
          if (value !== undefined) cache.set(key, value)
        }
        return value
      },
      (error: unknown) => {
        if (loading.get(key) === promise) loading.delete(key)
        throw error
      },
    )
    loading.set(key, promise)
    return promise
  }

  return {
    get: (key) => cache.get(key) ?? loading.get(key) ?? start(key),
    peek: (key) => cache.get(key),
    set: (key, value) => {
      loading.delete(key)
      cache.set(key, value)
    },
    drop: (key) => {
      loading.delete(key)
      cache.delete(key)
    },
  }
}
