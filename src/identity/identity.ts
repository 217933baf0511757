import type { Tx } from '../storage/index.ts'
import type { Claims } from './claims/index.ts'

/**
 * Whom an identity provider vouches for. The Matrix name is only a name: provider and subject are what counts. A method makes it once
 * everything is verified; from here on it is believed.
 */
export interface Identity {
  /** The `id` of an entry of `identity_providers`; `jwt_config` for the drop-in block. */
  readonly provider: string
  /** What the provider calls this person, for good: never a name that may pass to somebody else. */
  readonly subject: string
  /** Whatever rules and templates of the configuration may ask for. */
  readonly claims: Claims
}

/** Where a request came from. */
export interface Origin {
  /** The client's address: for limits and for the log. */
  readonly ip: string
  /** Names the request in the log. */
  readonly trace?: string | undefined
}

/** What is known of the way in which an identity arrived. */
export interface Arrival extends Origin {
  /** What it was verified with, in words, for the log. */
  readonly key?: string | undefined
  /** The provider's own session, by which it may end ours later. */
  readonly sid?: string | undefined
  /** What the provider can be asked with whether its session still stands. */
  readonly evidence?: string | undefined
  /** When what the provider gave runs out (ms); the session ends with it where the provider's settings say so. */
  readonly expires?: number | undefined
  /** The short id of the user whom the same person has proven to be, by another credential, in this very request: an unlinked account is linked only then. */
  readonly proven?: number | undefined
  /** Runs in the write that lets the identity in, and undoes it by throwing: for what is good once. */
  readonly within?: ((tx: Tx) => Promise<void>) | undefined
}
