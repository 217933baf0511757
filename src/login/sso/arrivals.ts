import type { Proof } from '../../providers/index.ts'
import type { Journey } from './goal.ts'

/** Somebody whom a provider has vouched for in a form. */
export interface FormArrival {
  readonly journey: Journey
  readonly proof: Proof
}

/** Arrivals between the form and the request that follows it at once, each good once. */
export interface Arrivals {
  /** What to ask for it by. */
  keep(arrival: FormArrival): string
  take(ticket: string | null): FormArrival | undefined
}

const lifetimeMs = 60_000
const most = 1000

export const createArrivals = ({ now, randomId }: { now: () => number; randomId: () => string }): Arrivals => {
  const kept = new Map<string, { arrival: FormArrival; until: number }>()
  return {
    keep: (arrival) => {
      for (const [ticket, { until }] of kept) {
        if (until > now() && kept.size < most) break
        kept.delete(ticket)
      }
      const ticket = randomId()
      kept.set(ticket, { arrival, until: now() + lifetimeMs })
      return ticket
    },
    take: (ticket) => {
      const found = ticket === null ? undefined : kept.get(ticket)
      if (ticket !== null) kept.delete(ticket)
      return found && found.until > now() ? found.arrival : undefined
    },
  }
}
