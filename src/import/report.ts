/** What is counted of one kind of thing, on both sides. */
export interface Line {
  /** There in the old server. */
  found: number
  /** Here now. */
  taken: number
}

/** What an import has done, to be read at its end. */
export interface Report {
  /** By what they are called, in the order in which they came up. */
  readonly lines: Map<string, Line>
  /** What was left out, by reason: how often, and a few examples. */
  readonly left: Map<string, { count: number; examples: string[] }>
  /** What is not here as it was there: each a sentence. */
  readonly differences: string[]
  /** Rooms that were compared. */
  checked: number
  /** Counts things of one kind. */
  count(kind: string, found: number, taken?: number): void
  /** Something of a kind was not taken over, for a reason that is one sentence. */
  leave(reason: string, example: string, count?: number): void
}

const mostExamples = 3

export function openReport(): Report {
  const lines = new Map<string, Line>()
  const left: Report['left'] = new Map()
  return {
    lines,
    left,
    differences: [],
    checked: 0,
    count(kind, found, taken = found) {
      const line = lines.get(kind) ?? { found: 0, taken: 0 }
      line.found += found
      line.taken += taken
      lines.set(kind, line)
    },
    leave(reason, example, count = 1) {
      const one = left.get(reason) ?? { count: 0, examples: [] }
      one.count += count
      if (one.examples.length < mostExamples && !one.examples.includes(example)) one.examples.push(example)
      left.set(reason, one)
    },
  }
}
