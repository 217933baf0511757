import { loadingCache, type Database } from '../../storage/index.ts'
import { countOneTimeKeys, readFallbackKeys } from '../store/one-time-keys.ts'

/** What a sync tells a device of its keys. */
export interface KeyCounts {
  /** Of keys that were not given out, by algorithm. */
  readonly counts: Readonly<Record<string, number>>
  /** Algorithms whose fallback key was not given out. */
  readonly unusedFallback: readonly string[]
}

export interface Counts {
  /** Asked at every sync: without a promise when it is in memory. */
  of(device: number): KeyCounts | Promise<KeyCounts>
  /** To be called after every commit that changes a device's keys. */
  changed(device: number): void
}

/** Clients make new keys when they hear a number: no key at all has to be told as well. */
const always = { signed_curve25519: 0 }

/** Counts the keys of devices, once after each change. */
export function openCounts(database: Database): Counts {
  const cache = loadingCache<number, KeyCounts>(database.memory, { name: 'key counts', weigh: 500 }, async (device) => {
    const [oneTime, fallback] = await Promise.all([
      countOneTimeKeys(database.read, device),
      readFallbackKeys(database.read, device),
    ])
    return {
      counts: { ...always, ...Object.fromEntries(oneTime.map(({ algorithm, count }) => [algorithm, count])) },
      unusedFallback: fallback.filter((key) => key.used === 0).map((key) => key.algorithm),
    }
  })
  return {
    of: (device) => cache.get(device) as KeyCounts | Promise<KeyCounts>, // its loader always gives some
    changed: (device) => cache.drop(device),
  }
}
