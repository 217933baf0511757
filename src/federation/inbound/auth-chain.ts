import type { Events, StoredEvent } from '../../events/index.ts'
import { MatrixError } from '../../matrix/errors.ts'

/** More than any room has: what is larger is not walked for a request. */
const mostEvents = 200_000
const atOnce = 500

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Many events by id, in no order; what is not there is left out. */
export const manyById = async (events: Pick<Events, 'byIds'>, eventIds: readonly string[]): Promise<StoredEvent[]> => [
  ...(await events.byIds(eventIds)).values(),
]

/**
 * The events that authorise these, and those that authorise them, up to the create event: each once, without those asked about.
 * @throws {MatrixError} M_TOO_LARGE when there are more than can be walked
 */
export async function authChain(events: Pick<Events, 'byIds'>, of: readonly StoredEvent[]): Promise<StoredEvent[]> {
  const seen = new Set<string>(of.map(({ event }) => event.id))
  const chain: StoredEvent[] = []
  let next = [...new Set(of.flatMap(({ event }) => event.authEvents))].filter((eventId) => !seen.has(eventId))
  while (next.length > 0) {
    const round = next.splice(0, atOnce)
    for (const eventId of round) seen.add(eventId)
    for (const stored of await manyById(events, round)) {
      chain.push(stored)
      for (const eventId of stored.event.authEvents) {
        if (seen.has(eventId)) continue
        seen.add(eventId)
        next.push(eventId)
      }
    }
    if (chain.length > mostEvents) throw new MatrixError('M_TOO_LARGE', 'This would be too much at once')
    await turn()
  }
  return chain
}
