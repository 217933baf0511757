import type { Json } from '../../matrix/json.ts'

/** A key of another server that a signature is to be checked with; `at`: the time at which it must have been good, 0 for any. */
export interface WantedKey {
  readonly server: string
  readonly keyId: string
  readonly at: number
}

/** Port, filled by federation/: the keys of servers. What is not to be had is left out. */
export interface SigningKeys {
  get(wanted: readonly WantedKey[]): Promise<{
    /** `validUntil`: what is signed until then counts, in milliseconds. */
    of(server: string, keyId: string): { readonly publicKey: string; readonly validUntil: number } | undefined
  }>
}

/** The ids of the events that make a state, and of those that it rests on. */
export interface StateIds {
  readonly state: readonly string[]
  readonly authChain: readonly string[]
}

/**
 * Port, filled by federation/: what other servers are asked for. All of it is as they sent it, of any shape, bounded in bytes and time;
 * an answer that does not come is a rejected promise.
 */
export interface RemoteEvents {
  /** Events between those that are known (`earliest`) and those that came (`latest`). */
  missing(
    server: string,
    roomId: string,
    wish: { readonly earliest: readonly string[]; readonly latest: readonly string[]; readonly limit: number },
  ): Promise<readonly Json[]>
  /** Events from these on backwards, some hundred at most. */
  backfill(server: string, roomId: string, from: readonly string[], limit: number): Promise<readonly Json[]>
  /** The state before an event. */
  stateIds(server: string, roomId: string, eventId: string): Promise<StateIds>
  /** The same, with the events themselves: asked for where many are not here. */
  state(
    server: string,
    roomId: string,
    eventId: string,
  ): Promise<{ readonly state: readonly Json[]; readonly authChain: readonly Json[] }>
  event(server: string, roomId: string, eventId: string): Promise<Json | undefined>
  /** What an event rests on, and what that rests on. */
  authChain(server: string, roomId: string, eventId: string): Promise<readonly Json[]>
}
