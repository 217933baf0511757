import type { JsonObject } from '../../matrix/json.ts'

/** How an event of a transaction was taken. */
export interface Arrival {
  readonly eventId: string
  /** Why it was not; absent: it is on the disk, and will be looked at. */
  readonly error?: string
}

/** Port to events/: the one door for events that others made. */
export interface Receive {
  /**
   * Takes the events of a transaction, in order. Resolves once those that are taken are on the disk as arrived. What is no event at all
   * has no id, and is left out of the answer.
   */
  arrive(origin: string, pdus: readonly JsonObject[]): Promise<readonly Arrival[]>
}
