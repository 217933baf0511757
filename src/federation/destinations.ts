import type { Outbound } from './outbound/index.ts'
import type { Reach } from './reach.ts'

/** A server that is told things, as administrators see it. */
export interface DestinationInfo {
  readonly server: string
  /** Failures since it last answered. */
  readonly failures: number
  /** Milliseconds; null where it answers. */
  readonly failingSince: number | null
  /** When it is tried again, in milliseconds; 0 where it answers. */
  readonly retryTs: number
  /** Events and other things that wait for it in memory. */
  readonly waiting: { readonly events: number; readonly edus: number }
}

const nothing = { events: 0, edus: 0 }

/** Every server that this one has told something since it was started, or that does not answer, in the order of names. */
export function listDestinations(
  reach: Pick<Reach, 'of' | 'failing'>,
  outbound: Pick<Outbound, 'destinations'>,
): DestinationInfo[] {
  const servers = new Set([...outbound.destinations.keys(), ...reach.failing().keys()])
  return [...servers].sort().map((server) => {
    const { failures, failingSince, retryTs } = reach.of(server)
    return { server, failures, failingSince, retryTs, waiting: outbound.destinations.get(server)?.waiting ?? nothing }
  })
}
