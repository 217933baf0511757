/** What is kept in memory, and how much that may be. */
export interface Kept {
  readonly limit: number
  readonly holders: Iterable<Holder>
}

interface Holder {
  readonly name: string
  readonly bytes: number
  readonly entries: number
  readonly hits?: number
  readonly misses?: number
}

/** What is looked at when somebody asks for the numbers. `server/` hands it over as it is opened. */
export interface Sources {
  readonly log: { readonly now: number; readonly watching: number }
  readonly database: {
    readonly memory: Kept
    readonly changesWaiting: number
    readonly connections: { readonly busy: number; readonly idle: number; readonly waiting: number }
  }
  readonly http: { readonly connections: number }
  readonly appservices: () => Iterable<{ readonly id: string; readonly waiting: number; readonly failures: number }>
  /** Other servers that are being told something, or were since the start. */
  readonly destinations: () => Iterable<{
    readonly server: string
    readonly waiting: { readonly events: number; readonly edus: number }
  }>
  /** How many servers do not answer. */
  readonly failing: () => number
}
