/** Something that keeps what it may need again, and how much that is. */
export interface Holder {
  /** What it holds, as metrics call it. */
  readonly name: string
  /** An estimate of the memory that it takes. */
  readonly bytes: number
  readonly entries: number
  /** How often something was looked for and was there, and how often it was not. Absent where nobody looks for one thing. */
  readonly hits?: number
  readonly misses?: number
  /** What it never goes beyond. */
  readonly most: number
  /** When what it would let go of next was used last, by `Memory.tick`; Infinity when it has nothing to give. */
  readonly stalest: number
  /** Lets go of that. */
  shed(): void
}

/** What a holder takes its bytes of. */
export interface Budget {
  /** Counts what has been put in: the time by which uses are compared. */
  tick: number
  /** A holder has taken so many more bytes, or given them back. */
  take(bytes: number): void
}
