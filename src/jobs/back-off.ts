export interface BackOff {
  /** Wait after the first failure, in ms. */
  readonly firstMs: number
  /** No wait is longer, in ms. */
  readonly mostMs: number
}

/**
 * How long to wait after the `attempts`-th failure (from 1), in ms: twice as long each time, and between half of that and all of it
 * as `chance` (0 to 1) has it, so that those who failed together do not come back together.
 */
export function backOff(attempts: number, { firstMs, mostMs }: BackOff, chance: number): number {
  const full = Math.min(mostMs, firstMs * 2 ** Math.min(attempts - 1, 50))
  return Math.round(full / 2 + (full / 2) * chance)
}
