/** A key of another server. */
export interface ServerKeysTable {
  server: string
  /** `ed25519:…` */
  key_id: string
  public_key: string
  /** What was signed until then counts. */
  valid_until: number
}

/** What another server said of its keys, as it came: handed on to whoever asks. */
export interface ServerKeyAnswersTable {
  server: string
  json: string
  valid_until: number
  fetched_ts: number
}

/** How another server can be reached, and how far it has been told of what happens. */
export interface DestinationsTable {
  server: string
  /** Failures since it last answered. */
  failures: number
  failing_since: number | null
  /** It is not asked before then. */
  retry_ts: number
  /** Everything up to here has been taken in by it, or is of no interest to it. */
  position: number
}
