/** What sort of thing a client can be told of. */
export type EntryKind =
  | 'event'
  | 'receipt'
  | 'typing'
  | 'account_data'
  | 'to_device'
  | 'device_list'
  | 'presence'
  | 'room_gone'

export interface NewEntry {
  readonly kind: EntryKind
  /** The room that it belongs to, for whoever reads the log by room. */
  readonly room?: number
  /** The user that it belongs to, for whoever reads the log by user. */
  readonly user?: number
  /** The users whose sleeping syncs it wakes. */
  readonly wake: Iterable<number>
  /** One more of these, so that a large set need not be copied to be added to. */
  readonly wakeAlso?: number
  /** What a reader needs so that it touches no table. */
  readonly data?: unknown
  /** An estimate of the memory that `data` takes; 0, unless it is said. */
  readonly bytes?: number
  /** Called after the commit, before anyone is told: for what must leave memory with it. */
  readonly onAnnounce?: () => void
}

/** An entry that was announced. All are of one shape: what is for the moment of announcing stays out. */
export interface Entry {
  readonly kind: EntryKind
  readonly room?: number | undefined
  readonly user?: number | undefined
  readonly data?: unknown
  readonly bytes?: number | undefined
  readonly position: number
}
