import { LruCache } from '../storage/lru.ts'

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

/**
 * A bounded cache in front of `load`. One load at a time for a key; `undefined` is not remembered.
 * @param weight what all values may weigh together, where they differ much in size
 */
export function loadingCache<K extends string | number, V extends object>(
  max: number,
  load: (key: K) => Promise<V | undefined>,
  weight?: { readonly max: number; readonly of: (value: V) => number },
): LoadingCache<K, V> {
  const cache = new LruCache<K, V>({ max, ...(weight && { maxSize: weight.max, sizeCalculation: weight.of }) })
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
