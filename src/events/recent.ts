import { eventBytes, type StoredEvent } from './stored-event.ts'
import type { Span } from './store/events.ts'

/** How many of a room's newest events stay with its head: enough for what clients ask of every room at once. */
const kept = 32

const bytesOf = (events: readonly StoredEvent[]): number =>
  events.reduce((bytes, stored) => bytes + eventBytes(stored), 0)

/** The newest events of a room, oldest first: first syncs and room lists are served from them. */
export class Recent {
  #events: StoredEvent[]
  /** There are no older ones. */
  #whole: boolean
  /** An estimate of what the events take. */
  bytes: number

  /** @param events oldest first; fewer than `kept` when they are all there are */
  constructor(events: readonly StoredEvent[]) {
    this.#events = [...events]
    this.#whole = events.length < kept
    this.bytes = bytesOf(events)
  }

  /** What to read of a room to have this. */
  static span(room: number): Span {
    return { room, above: Number.MIN_SAFE_INTEGER, upTo: Number.MAX_SAFE_INTEGER, limit: kept, dir: 'b' }
  }

  /** To be called with every event of the room after its commit, in order. */
  push(stored: StoredEvent): void {
    if (stored.position <= (this.#events.at(-1)?.position ?? Number.MIN_SAFE_INTEGER)) return
    this.#events.push(stored)
    this.bytes += eventBytes(stored)
    if (this.#events.length <= 2 * kept) return
    this.#events = this.#events.slice(-kept)
    this.#whole = false
    this.bytes = bytesOf(this.#events)
  }

  find(nid: number): StoredEvent | undefined {
    return this.#events.find((stored) => stored.nid === nid)
  }

  /** The events of a span, newest first, if they are all here. */
  backwards({ above, upTo, limit }: Span): StoredEvent[] | undefined {
    const found: StoredEvent[] = []
    for (let index = this.#events.length - 1; index >= 0; index--) {
      const stored = this.#events[index]
      if (!stored || stored.position > upTo) continue
      if (stored.position <= above) return found
      found.push(stored)
      if (found.length === limit) return found
    }
    return this.#whole ? found : undefined
  }
}
