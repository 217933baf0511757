import { backOff } from '../../jobs/index.ts'
import type { Memory } from '../../storage/index.ts'

/** What was asked in vain, and is not to be asked again just now. */
export interface Failures {
  /** Whether it is still too early. */
  has(name: string): boolean
  add(name: string): void
  clear(name: string): void
}

const waits = { firstMs: 30_000, mostMs: 60 * 60_000 }

export function openFailures(memory: Memory, now: () => number, chance: () => number): Failures {
  const known = memory.cache<string, { count: number; until: number }>({
    name: 'failures to get keys',
    weigh: (_, name) => 2 * name.length,
  })
  return {
    has: (name) => (known.get(name)?.until ?? 0) > now(),
    add: (name) => {
      const count = (known.get(name)?.count ?? 0) + 1
      known.set(name, { count, until: now() + backOff(count, waits, chance()) })
    },
    clear: (name) => void known.delete(name),
  }
}
