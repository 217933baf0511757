// Chance that can be had again: everything that a run does comes of its seed.

/** A source of chance. */
export interface Random {
  /** An integer from 0 to `below - 1`. */
  readonly int: (below: number) => number
  /** True in so many of 100 cases. */
  readonly chance: (percent: number) => boolean
  readonly pick: <T>(list: readonly T[]) => T
}

/** Mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (below: number): number => Math.floor(next() * below)
  return {
    int,
    chance: (percent) => next() * 100 < percent,
    pick: (list) => list[int(list.length)] as (typeof list)[number], // of a list that is not empty
  }
}
