/** When a mail was last written about a room, and how long the next one waits from then on. */
export interface Throttle {
  readonly mailedTs: number
  readonly waitMs: number
  /** What is at or below this position of the log has been written about. */
  readonly position: number
}

const minute = 60_000
const day = 24 * 60 * minute

/** So long something is left to be read by itself. */
export const firstWaitMs = 10 * minute
const slower = 6

/** When a mail may be written about a room in which something has been unread since then, in ms since 1970. */
export const dueAt = (unreadSince: number, throttle: Pick<Throttle, 'mailedTs' | 'waitMs'> | undefined): number =>
  Math.max(unreadSince + firstWaitMs, throttle ? throttle.mailedTs + throttle.waitMs : 0)

/** After a mail: the next one about the same room waits longer, up to a day; after a quiet day it starts over. */
export const afterMail = (throttle: Throttle | undefined, now: number, position: number): Throttle => ({
  mailedTs: now,
  position,
  waitMs: throttle && now - throttle.mailedTs <= day ? Math.min(throttle.waitMs * slower, day) : firstWaitMs,
})
