import type { RoomEvent } from '../matrix/event.ts'

/** How an event stands: taken, kept out of the current state (soft-failed), or rejected by the auth rules. */
export const standings = { accepted: 0, softFailed: 1, rejected: 2 } as const

/** The device of events that the server sent for somebody at the time they had set; the transaction id is that of the delay. */
export const delayedDevice = 0

/** An event as this server holds it. What changes later is its position, once, and what its redaction takes away. */
export interface StoredEvent {
  readonly nid: number
  readonly room: number
  readonly sender: number
  readonly event: RoomEvent
  /** Its place in the log; 0 until it has been committed, and for an outlier. */
  readonly position: number
  /** The state set before it. */
  readonly stateBefore: number | null
  readonly standing: number
  readonly device: number | null
  readonly txnId: string | null
  /** The state event that it took the place of. */
  readonly replaces: number | null
  readonly redactedBy: number | null
  readonly threadRoot: string | null
  /** Made when first asked for: see history/client-event.ts. */
  clientJson?: string
  /** Characters of its JSON when it was made or read: a measure of what it takes. */
  readonly size: number
}

/** An event as the kernel holds it, which alone changes it. */
export type Held = { -readonly [Key in keyof StoredEvent]: StoredEvent[Key] }

/** An estimate of the memory that an event takes, with its content, its `pdu` and `clientJson`. */
export const eventBytes = ({ size }: StoredEvent): number => 1000 + 4 * size
